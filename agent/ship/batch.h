/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that are offered together. Bodies stay until all of a batch are done, for dead letters;
 * events until they are taken. One thread.
 */
#ifndef NA_BATCH_H
#define NA_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "output.h"
#include "ship/arena.h"

struct na_batch {
	struct na_batch *next;
	struct na_output_record *records;
	size_t count, taken, size; /* `size`: there is room for */
	struct na_arena texts, events;
	const uint64_t *fields; /* NA_EVENT_WORDS */
	uint64_t sequence;      /* of the last event that it was made of; the lane's */
};

/* Both outlive it; events have `fields` only, NULL: all. NULL: out of memory. */
struct na_batch *na_batch_new(struct na_pool *pool, const uint64_t *fields);
void na_batch_free(struct na_batch *batch);

/*
 * Copies what `record` points to and appends it; *ret_added is the copy, until the next call.
 * Fields that its event has not are those of `constants` (may be NULL). 0 or -ENOMEM.
 */
int na_batch_add(struct na_batch *batch, const struct na_output_record *record,
		 const struct na_event *constants, const struct na_output_record **ret_added);

/* All were taken: events go, bodies stay. */
void na_batch_settle(struct na_batch *batch);

static inline size_t na_batch_bytes(const struct na_batch *batch)
{
	return batch->texts.bytes + batch->events.bytes + batch->size * sizeof(*batch->records);
}

#endif
