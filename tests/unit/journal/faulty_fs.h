/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system that fails, for programs linked with --wrap for the calls of NA_FAULTY_CALLS: it
 * refuses, cuts short, stalls, and loses in a crash what was not synced. All calls go through to
 * the real one otherwise. Faults may be set by one thread while others make calls.
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

/* From now on remembers what is not synced; false: forgets. */
void na_faulty_remember(bool on);

/* The machine stops: of what is not synced some is lost, in part or all, by `seed`. */
void na_faulty_crash(uint64_t seed);

/* Calls since the start. */
unsigned int na_faulty_calls(enum na_faulty_call call);

#endif
