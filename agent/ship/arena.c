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

static void measure_field(const struct na_event *event, size_t field, size_t *lists, size_t *bytes)
{
	const void *value = (const char *)event + na_field_rows[field].offset;
	const struct na_texts *texts = value;

	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		*bytes += ((const struct na_text *)value)->length + 1;
		return;
	case NA_TYPE_KEYWORDS:
		*lists += texts->count;
		for (size_t i = 0; i < texts->count; i++)
			*bytes += texts->items[i].length + 1;
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

/* The values themselves are copied already. */
static void copy_field(struct stretch *to, struct na_event *event, size_t field)
{
	void *value = (char *)event + na_field_rows[field].offset;
	struct na_texts *texts = value;
	struct na_text *items = to->lists;

	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		*(struct na_text *)value = put_text(to, *(struct na_text *)value);
		return;
	case NA_TYPE_KEYWORDS:
		for (size_t i = 0; i < texts->count; i++)
			items[i] = put_text(to, texts->items[i]);
		texts->items = items;
		to->lists += texts->count;
		return;
	default:
		return;
	}
}

#define FOR_EACH_FIELD(event, field)                                                               \
	for (size_t word = 0, field; word < sizeof((event)->present) / sizeof(*(event)->present);  \
	     word++)                                                                               \
		for (uint64_t left = (event)->present[word];                                       \
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
	struct stretch to = {.bytes = na_arena_take(arena, text.length + 1)};

	return to.bytes ? put_text(&to, text) : (struct na_text){0};
}

struct na_event *na_arena_event(struct na_arena *arena, const struct na_event *event)
{
	size_t lists = 0, bytes = 0;
	struct na_event *copy;
	struct stretch to;

	FOR_EACH_FIELD(event, field)
	measure_field(event, field, &lists, &bytes);
	lists *= sizeof(struct na_text);
	copy = na_arena_take(arena, align(sizeof(*copy)) + lists + bytes);
	if (!copy)
		return NULL;
	*copy = *event;
	to.lists = (struct na_text *)((char *)copy + align(sizeof(*copy)));
	to.bytes = (char *)to.lists + lists;
	FOR_EACH_FIELD(event, field)
	copy_field(&to, copy, field);
	return copy;
}
