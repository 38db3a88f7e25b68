/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a folder is on disk, beside what its files show: for a machine that stops. Told of every
 * change, and of every sync. One thread, or a lock of the caller.
 */
#ifndef NA_DISK_H
#define NA_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Forgets all: an empty folder. */
void na_disk_clear(void);

void na_disk_made(int fd, const char *name); /* nothing, when it was there before */
void na_disk_wrote(int fd, off_t offset, const void *data, size_t length);
void na_disk_truncated(int fd, off_t size);
void na_disk_renamed(int folder, const char *from, const char *to); /* it is `to` by now */
void na_disk_unlinked(const char *name);

/*
 * Of a file or the folder. Failed: what was written before is on disk or not, by `seed`, and no
 * later sync changes that.
 */
void na_disk_synced(int fd, bool failed, uint64_t seed);

/*
 * The folder at `path` becomes what is on disk. What was not synced is there or not, or in part:
 * writes in any order, names in the order in which they changed.
 */
void na_disk_crash(const char *path, uint64_t seed);

#endif
