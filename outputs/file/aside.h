/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files put aside: their names, how many are kept, and a thread that compresses them, so that the
 * output never waits for it.
 *
 * PATH becomes PATH.20261128T001500.000, and then PATH.20261128T001500.000.gz: names sort by time
 * (UTC). A compressed file takes its name when it is whole and on disk; the first one goes then. A
 * crash leaves both, or a PATH….gz.tmp, which the next start deletes.
 */
#ifndef NA_FILE_ASIDE_H
#define NA_FILE_ASIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct na_file_aside;

/*
 * Called by the thread: what it cannot do, NULL: it can again. It goes on with the next file that
 * is put aside.
 */
typedef void na_file_aside_says(void *context, const char *why);

struct na_file_aside_options {
	const char *path; /* outlives it */
	size_t keep;
	bool compress;
	na_file_aside_says *says;
	void *context;
};

/* Starts the thread, which looks at what is there already. -ENOMEM, -EAGAIN. */
int na_file_aside_new(const struct na_file_aside_options *options,
		      struct na_file_aside **ret_aside);

/* Gives up what is under way; NULL is fine. */
void na_file_aside_free(struct na_file_aside *aside);

/* Renames the file and wakes the thread. Negative errno: it has its name still. */
int na_file_aside_put(struct na_file_aside *aside);

#endif
