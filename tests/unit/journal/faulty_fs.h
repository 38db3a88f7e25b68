/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system that fails, for programs linked with na_store_support, whose calls of pwrite,
 * pread, fdatasync, fsync, ftruncate, openat, renameat and unlinkat come here: it refuses, cuts
 * short, stalls, and loses in a crash what was not synced. All calls go through to the real one
 * otherwise. Faults may be set by one thread while others make calls.
 */
#ifndef NA_FAULTY_FS_H
#define NA_FAULTY_FS_H

#include <stdbool.h>
#include <stdint.h>

enum na_faulty_call {
	NA_FAULTY_WRITE,  /* pwrite */
	NA_FAULTY_READ,   /* pread */
	NA_FAULTY_SYNC,   /* fdatasync, fsync */
	NA_FAULTY_OPEN,   /* openat that may create */
	NA_FAULTY_RENAME, /* renameat */
	NA_FAULTY_UNLINK, /* unlinkat */
	NA_FAULTY_COUNT
};

/* The next `count` calls of that kind fail with `error` (positive errno). */
void na_faulty_fail(enum na_faulty_call call, unsigned int count, int error);

/* Writes are cut to a part of what was asked, in turn. */
void na_faulty_short(bool on);

/* Writes wait until it is lifted. */
void na_faulty_stall(bool on);

/* No more faults; what waits goes on. */
void na_faulty_clear(void);

/* From now on no call changes anything: -EIO. So a process that was killed can clean up. */
void na_faulty_freeze(bool on);

/* Called in front of each of the calls and behind it; NULL: nothing is. */
void na_faulty_watch(void (*look)(void));

/* From now on remembers what is on disk of a folder that is made next; counts calls from 0. */
void na_faulty_remember(bool on);

/* The folder was deleted, for good. */
void na_faulty_forget(void);

/* The machine stops: of what is not synced some is lost, in part or all, by `seed`. */
void na_faulty_crash(const char *folder, uint64_t seed);

/* Calls since the start. */
unsigned int na_faulty_calls(enum na_faulty_call call);

#endif
