/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: records that the far end will never accept, one JSON object a line: `reason`, `id`,
 * `body` (what was sent, as a text). One thread a file.
 */
#ifndef NA_DEAD_H
#define NA_DEAD_H

#include "event.h"

/* Then the file becomes PATH.1, in the place of the one before: bounded by two of these. */
#define NA_DEAD_BYTES_MAX (16u << 20)

/*
 * What the one before held is thrown away, and was counted in PATH.lost before: a crash between the
 * two counts it twice, and never not at all.
 */
struct na_dead {
	const char *path;
	uint64_t thrown_away; /* letters so far */
};

/* Reads the count; 0 when there is none. -EBADMSG: what is there is no number. */
int na_dead_load(struct na_dead *dead);

/* Negative errno: nothing of it is in the file, or the next one begins on a line of its own. */
int na_dead_write(struct na_dead *dead, const char *reason, struct na_text id, struct na_text body);

#endif
