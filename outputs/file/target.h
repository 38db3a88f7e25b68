/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that lines go to: opened so that a line never continues a torn one, written so that
 * after an error it ends with a whole line. One thread.
 */
#ifndef NA_FILE_TARGET_H
#define NA_FILE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct na_file_target {
	const char *path;
	int fd;        /* -1: not open */
	uint64_t size; /* whole lines */
	bool torn;     /* there may be a part of a line behind `size` */
	bool made;     /* its folder is not on disk yet */
	uint64_t begun_wall_ns;
	dev_t device;
	ino_t inode;
};

/* Negative errno: not open; -EINVAL: the path is no regular file. */
int na_file_target_open(struct na_file_target *target);
void na_file_target_close(struct na_file_target *target);

/*
 * Appends lines. 0; negative errno: *ret_written bytes are there, of which the last line may be in
 * part, until na_file_target_mend.
 */
int na_file_target_write(struct na_file_target *target, const char *data, size_t length,
			 size_t *ret_written);

/*
 * After a write that failed: of the `written` bytes the first `whole` are whole lines, the others
 * are taken away; before the next write, if that cannot be done now.
 */
void na_file_target_mend(struct na_file_target *target, size_t whole, size_t written);

/* Data, and the folder's entry when the file is new, on disk. Negative errno: never try again with
 * this descriptor. */
int na_file_target_sync(struct na_file_target *target);

/* Is the path still this file? */
bool na_file_target_is_there(const struct na_file_target *target);

#endif
