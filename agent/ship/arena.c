/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that double, so that one event costs little and a thousand cost few allocations. */
#include "ship/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/field.h"

#define CHUNK_MIN 4096
#define CHUNK_MAX 262144
#define ALIGN 16

struct na_arena_chunk {
	struct na_arena_chunk *before;
	size_t size; /* of data */
	_Alignas(ALIGN) char data[];
};

static int add_chunk(struct na_arena *arena, size_t size)
{
	size_t want = arena->last ? arena->last->size * 2 : CHUNK_MIN;
	struct na_arena_chunk *chunk;

	want = want > CHUNK_MAX ? CHUNK_MAX : want;
	want = want < size ? size : want;
	chunk = malloc(sizeof(*chunk) + want);
	if (!chunk)
		return -1;
	chunk->before = arena->last;
	chunk->size = want;
	arena->last = chunk;
	arena->used = 0;
	arena->bytes += want;
	return 0;
}

static bool copy_texts(struct na_arena *arena, struct na_texts *texts)
{
	struct na_text *items = na_arena_take(arena, texts->count * sizeof(*items));

	if (!items)
		return false;
	for (size_t i = 0; i < texts->count; i++) {
		items[i] = na_arena_text(arena, texts->items[i]);
		if (!items[i].data)
			return false;
	}
	texts->items = items;
	return true;
}

/* What the field points to; the values themselves are copied already. */
static bool copy_field(struct na_arena *arena, struct na_event *event, enum na_field field)
{
	void *value = (char *)event + na_field_rows[field].offset;
	struct na_text text;

	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		text = na_arena_text(arena, *(struct na_text *)value);
		*(struct na_text *)value = text;
		return text.data != NULL;
	case NA_TYPE_KEYWORDS:
		return copy_texts(arena, value);
	default:
		return true;
	}
}

/* ------------------------------------------------------------------------------------------- */

void *na_arena_take(struct na_arena *arena, size_t size)
{
	char *taken;

	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if ((!arena->last || arena->last->size - arena->used < size) && add_chunk(arena, size) < 0)
		return NULL;
	taken = arena->last->data + arena->used;
	arena->used += size;
	return taken;
}

void na_arena_done(struct na_arena *arena)
{
	while (arena->last) {
		struct na_arena_chunk *before = arena->last->before;

		free(arena->last);
		arena->last = before;
	}
	*arena = (struct na_arena){0};
}

struct na_text na_arena_text(struct na_arena *arena, struct na_text text)
{
	/* Never 0 bytes: the data of an empty text is no NULL. */
	char *data = na_arena_take(arena, text.length + 1);

	if (!data)
		return (struct na_text){0};
	if (text.length)
		memcpy(data, text.data, text.length);
	data[text.length] = '\0';
	return (struct na_text){data, text.length};
}

struct na_event *na_arena_event(struct na_arena *arena, const struct na_event *event)
{
	struct na_event *copy = na_arena_take(arena, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *event;
	for (size_t word = 0; word < sizeof(event->present) / sizeof(*event->present); word++)
		for (uint64_t left = event->present[word]; left; left &= left - 1) {
			size_t field = word * 64 + (size_t)__builtin_ctzll(left);

			if (!copy_field(arena, copy, (enum na_field)field))
				return NULL;
		}
	return copy;
}
