/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks that double up to a piece of the pool, so that one event costs little and a thousand cost
 * few allocations. An event is copied in two rounds: how much its fields point to, and the copies
 * in one stretch of that size, lists first.
 */
#include "ship/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "ship/pool.h"

#define CHUNK_MIN 4096
#define ALIGN 16

struct na_arena_chunk {
	struct na_arena_chunk *before;
	size_t size; /* of data */
	bool pooled;
	_Alignas(ALIGN) char data[];
};

#define CHUNK_MAX (NA_POOL_PIECE - sizeof(struct na_arena_chunk))

#define VALUE_MAX sizeof(struct na_texts) /* no value is larger */
_Static_assert(sizeof(struct na_text) == VALUE_MAX && sizeof(struct na_address) == VALUE_MAX,
	       "no value is larger");
_Static_assert(sizeof(struct na_text) % ALIGN == 0, "lists of texts keep what follows aligned");

static struct na_arena_chunk *make_chunk(struct na_arena *arena, size_t size)
{
	bool pooled = arena->pool && size == CHUNK_MAX;
	struct na_arena_chunk *chunk =
		pooled ? na_pool_take(arena->pool) : malloc(sizeof(*chunk) + size);

	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->pooled = pooled;
	return chunk;
}

static int add_chunk(struct na_arena *arena, size_t size)
{
	size_t want = arena->last ? arena->last->size * 2 : CHUNK_MIN;
	struct na_arena_chunk *chunk;

	want = want > CHUNK_MAX / 2 ? CHUNK_MAX : want;
	want = want < size ? size : want;
	chunk = make_chunk(arena, want);
	if (!chunk)
		return -1;
	chunk->before = arena->last;
	arena->last = chunk;
	arena->used = 0;
	arena->bytes += sizeof(*chunk) + want;
	return 0;
}

static size_t align(size_t size)
{
	return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* ---- what fields point to ---- */

struct stretch {
	struct na_text *lists;
	char *bytes;
};

/* Of a copy. */
struct sizes {
	size_t event; /* up to the last field that it has */
	size_t lists, bytes;
};

static void measure_field(const struct na_event *event, size_t field, struct sizes *sizes)
{
	const void *value = (const char *)event + na_field_rows[field].offset;
	const struct na_texts *texts = value;

	sizes->event = na_field_rows[field].offset + VALUE_MAX;
	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		sizes->bytes += ((const struct na_text *)value)->length + 1;
		return;
	case NA_TYPE_KEYWORDS:
		sizes->lists += texts->count * sizeof(*texts->items);
		for (size_t i = 0; i < texts->count; i++)
			sizes->bytes += texts->items[i].length + 1;
		return;
	default:
		return;
	}
}

static struct na_text put_text(struct stretch *to, struct na_text text)
{
	char *data = to->bytes;

	if (text.length)
		memcpy(data, text.data, text.length);
	data[text.length] = '\0';
	to->bytes += text.length + 1;
	return (struct na_text){data, text.length};
}

/* `event` has its place in the copy, and so have values of a fixed size. */
static void copy_field(struct stretch *to, struct na_event *copy, const struct na_event *event,
		       size_t field)
{
	const struct na_field_row *row = &na_field_rows[field];
	const void *value = (const char *)event + row->offset;
	void *copied = (char *)copy + row->offset;
	const struct na_texts *texts = value;
	struct na_text *items = to->lists;

	switch (row->type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		*(struct na_text *)copied = put_text(to, *(const struct na_text *)value);
		return;
	case NA_TYPE_KEYWORDS:
		for (size_t i = 0; i < texts->count; i++)
			items[i] = put_text(to, texts->items[i]);
		*(struct na_texts *)copied = (struct na_texts){items, texts->count};
		to->lists += texts->count;
		return;
	case NA_TYPE_IP:
		*(struct na_address *)copied = *(const struct na_address *)value;
		return;
	case NA_TYPE_BOOLEAN:
		*(bool *)copied = *(const bool *)value;
		return;
	default:
		*(uint64_t *)copied = *(const uint64_t *)value;
		return;
	}
}

static const struct na_event *holder(const struct na_event *event, const struct na_event *constants,
				     size_t field)
{
	return na_event_has(event, (enum na_field)field) ? event : constants;
}

#define FOR_EACH_FIELD(fields, field)                                                              \
	for (size_t word = 0, field; word < NA_EVENT_WORDS; word++)                                \
		for (uint64_t left = (fields)[word];                                               \
		     left && (field = word * 64 + (size_t)__builtin_ctzll(left), true);            \
		     left &= left - 1)

/* ------------------------------------------------------------------------------------------- */

void *na_arena_take(struct na_arena *arena, size_t size)
{
	char *taken;

	size = align(size);
	if ((!arena->last || arena->last->size - arena->used < size) && add_chunk(arena, size) < 0)
		return NULL;
	taken = arena->last->data + arena->used;
	arena->used += size;
	return taken;
}

char *na_arena_room(struct na_arena *arena, size_t least, size_t *ret_room)
{
	if ((!arena->last || arena->last->size - arena->used < least) &&
	    add_chunk(arena, least) < 0)
		return NULL;
	*ret_room = arena->last->size - arena->used;
	return arena->last->data + arena->used;
}

void na_arena_done(struct na_arena *arena)
{
	struct na_pool *pool = arena->pool;

	while (arena->last) {
		struct na_arena_chunk *chunk = arena->last;

		arena->last = chunk->before;
		if (chunk->pooled)
			na_pool_give(pool, chunk);
		else
			free(chunk);
	}
	*arena = (struct na_arena){.pool = pool};
}

struct na_text na_arena_text(struct na_arena *arena, struct na_text text)
{
	/* Never 0 bytes: the data of an empty text is no NULL. */
	char *data = na_arena_take(arena, text.length + 1);

	if (!data)
		return (struct na_text){0};
	if (text.length && data != text.data)
		memcpy(data, text.data, text.length);
	data[text.length] = '\0';
	return (struct na_text){data, text.length};
}

struct na_event *na_arena_event(struct na_arena *arena, const struct na_event *event,
				const uint64_t fields[NA_EVENT_WORDS],
				const struct na_event *constants)
{
	struct sizes sizes = {.event = offsetof(struct na_event, present) + sizeof(event->present)};
	uint64_t wanted[NA_EVENT_WORDS];
	struct na_event *copy;
	struct stretch to;

	for (size_t i = 0; i < NA_EVENT_WORDS; i++)
		wanted[i] = fields ? fields[i] & (event->present[i] |
						  (constants ? constants->present[i] : 0))
				   : event->present[i];
	FOR_EACH_FIELD(wanted, field)
	measure_field(holder(event, constants, field), field, &sizes);
	sizes.event = align(fields ? sizes.event : sizeof(*copy));
	copy = na_arena_take(arena, sizes.event + sizes.lists + sizes.bytes);
	if (!copy)
		return NULL;
	copy->type = event->type;
	copy->boot_ns = event->boot_ns;
	memcpy(copy->present, wanted, sizeof(wanted));
	to.lists = (struct na_text *)((char *)copy + sizes.event);
	to.bytes = (char *)to.lists + sizes.lists;
	FOR_EACH_FIELD(wanted, field)
	copy_field(&to, copy, holder(event, constants, field), field);
	return copy;
}
