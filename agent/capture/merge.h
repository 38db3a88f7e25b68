/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of several rings in the order of their time. Capture thread only.
 *
 * Order within a ring is almost that of time (a softirq may take its stamp later and its place
 * earlier); across rings only time orders, and a stamp is taken before its record is visible. So a
 * record is passed on only when every ring was looked at later than its moment plus
 * NA_MERGE_WINDOW_NS: the caller knows when it looked, and says so by the bound of na_merge_take.
 * Equal times are ordered by content, so that any arrival order within the window gives the same
 * result.
 */
#ifndef NA_MERGE_H
#define NA_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

#define NA_MERGE_WINDOW_NS UINT64_C(1000000)

struct na_merge;

/*
 * A record and its place: `position` is the ring's, opaque to the merge, growing in the order of
 * na_merge_add, below UINT64_MAX.
 */
struct na_merge_entry {
	const struct na_record_header *record; /* borrowed, see na_merge_take */
	uint64_t position;
};

/* NULL: out of memory. `rings` is at least 1; meant for up to about 16, a take looks at each. */
struct na_merge *na_merge_new(size_t rings);
void na_merge_free(struct na_merge *merge);

/*
 * Adds the next record of `ring`. 0 or -ENOMEM (not added: try again later). There is no limit on
 * what is pending; the room that a burst took is kept for the next one.
 */
int na_merge_add(struct na_merge *merge, size_t ring, const struct na_merge_entry *entry);

/*
 * Takes the earliest record whose time is at most `until_ns`; false when there is none. The merge
 * forgets the record, but the caller must keep its memory while na_merge_released is at or below
 * its position.
 */
bool na_merge_take(struct na_merge *merge, uint64_t until_ns, size_t *ret_ring,
		   const struct na_record_header **ret_record);

/* All records of `ring` before this position were taken. Returns `added` when nothing is pending.
 */
uint64_t na_merge_released(const struct na_merge *merge, size_t ring, uint64_t added);

size_t na_merge_pending(const struct na_merge *merge);

/* Time of the earliest pending record; UINT64_MAX: none. */
uint64_t na_merge_earliest_ns(const struct na_merge *merge);

#endif
