/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of several rings in the order of their time. Capture thread only.
 *
 * Order within a ring is almost that of time (a softirq may take its stamp later and its place
 * earlier); across rings only time orders, and a stamp is taken before its record is visible. So a
 * record is passed on only when every ring was looked at later than its moment plus
 * NA_MERGE_WINDOW_NS. Equal times are ordered by content, so that any arrival order within the
 * window gives the same result.
 */
#ifndef NA_MERGE_H
#define NA_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

#define NA_MERGE_WINDOW_NS UINT64_C(1000000)

struct na_merge;

/* A record's place: `position` is the ring's, opaque to the merge, growing. */
struct na_merge_entry {
	const struct na_record_header *record; /* borrowed until passed on */
	uint64_t position;
	uint64_t end; /* position behind it */
};

/* NULL: out of memory. */
struct na_merge *na_merge_new(size_t rings);
void na_merge_free(struct na_merge *merge);

/* Adds the next record of `ring`, in order of positions. 0 or -ENOMEM (not added: try again later). */
int na_merge_add(struct na_merge *merge, size_t ring, const struct na_merge_entry *entry);

/*
 * Takes the earliest record whose time is at most `until_ns`. The record stays valid until
 * na_merge_released was asked for its ring. Returns false when there is none.
 */
bool na_merge_take(struct na_merge *merge, uint64_t until_ns, size_t *ret_ring, const struct na_record_header **ret_record);

/* The position up to which all records of `ring` were taken; `added` when nothing is pending. */
uint64_t na_merge_released(const struct na_merge *merge, size_t ring, uint64_t added);

size_t na_merge_pending(const struct na_merge *merge);
/* Time of the earliest pending record, UINT64_MAX: none. */
uint64_t na_merge_earliest_ns(const struct na_merge *merge);

#endif
