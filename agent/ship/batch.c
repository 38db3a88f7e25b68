/* SPDX-License-Identifier: Apache-2.0 */
/* Batches. */
#include "ship/batch.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_MIN 16
#define LINE_BYTES 64

/* Not __builtin_prefetch: for x86-64 in general it fetches to read, whatever it is asked for. */
static inline void fetch_to_write(const char *line)
{
#if defined(__x86_64__)
	asm volatile("prefetchw %0" : : "m"(*line));
#else
	__builtin_prefetch(line, 1);
#endif
}

static int make_room(struct na_batch *batch)
{
	size_t size = batch->size ? batch->size * 2 : SIZE_MIN;
	struct na_output_record *records;

	if (batch->count < batch->size)
		return 0;
	records = realloc(batch->records, size * sizeof(*records));
	if (!records)
		return -ENOMEM;
	batch->records = records;
	batch->size = size;
	return 0;
}

/*
 * The next body is made while its place is on its way here. Whoever offers batches has read it
 * before, in another CPU's cache: waiting for each line in turn is a third of what encoding costs.
 */
static void fetch_room(struct na_arena *arena, size_t length)
{
	size_t room = 0;
	const char *at = na_arena_room(arena, 0, &room);

	length = length < room ? length : room;
	for (size_t i = 0; i < length; i += LINE_BYTES)
		fetch_to_write(at + i);
}

/* ------------------------------------------------------------------------------------------- */

struct na_batch *na_batch_new(struct na_pool *pool, const uint64_t *fields)
{
	struct na_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->texts.pool = batch->events.pool = pool;
	batch->fields = fields;
	return batch;
}

void na_batch_free(struct na_batch *batch)
{
	if (!batch)
		return;
	na_arena_done(&batch->texts);
	na_arena_done(&batch->events);
	free(batch->records);
	free(batch);
}

int na_batch_add(struct na_batch *batch, const struct na_output_record *record,
		 const struct na_event *constants, const struct na_output_record **ret_added)
{
	struct na_output_record copy = *record;

	copy.body = na_arena_text(&batch->texts, record->body); /* the first: it may be there */
	copy.id = na_arena_text(&batch->texts, record->id);
	fetch_room(&batch->texts, record->body.length);
	copy.event = na_arena_event(&batch->events, record->event, batch->fields, constants);
	if (make_room(batch) < 0 || !copy.id.data || !copy.body.data || !copy.event)
		return -ENOMEM;
	batch->records[batch->count] = copy;
	*ret_added = &batch->records[batch->count++];
	return 0;
}

void na_batch_settle(struct na_batch *batch)
{
	na_arena_done(&batch->events);
	for (size_t i = 0; i < batch->count; i++)
		batch->records[i].event = NULL;
}
