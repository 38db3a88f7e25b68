/* SPDX-License-Identifier: Apache-2.0 */
/* Counts by name, with an upper bound on names. One thread an object. */
#ifndef NA_TALLY_H
#define NA_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* Further names are counted together. */
#define NA_TALLY_MAX 65536u

struct na_tally_row {
	struct na_text name; /* owned by the tally */
	uint64_t events, failed;
	uint64_t bytes;
};

struct na_tally {
	struct na_tally_row *rows;
	size_t count, size;
	uint32_t *table; /* 2 * size places: row + 1, 0 is free */
	struct na_tally_row others;
};

void na_tally_done(struct na_tally *tally);

/* The row of that name, or the one of all others. NULL: out of memory. Valid until the next call.
 */
struct na_tally_row *na_tally_get(struct na_tally *tally, struct na_text name);

/* Most events first, equal ones by name. The tally can only be read from then on. */
void na_tally_sort(struct na_tally *tally);

#endif
