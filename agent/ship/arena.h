/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once, and copies of events in it. One thread at a time. */
#ifndef NA_ARENA_H
#define NA_ARENA_H

#include <stddef.h>

#include "event.h"
#include "event_parts.h"

struct na_arena_chunk;
struct na_pool;

/* All 0 is an empty one. */
struct na_arena {
	struct na_pool *pool; /* where large chunks come from; NULL: malloc, as small ones */
	struct na_arena_chunk *last;
	size_t used;  /* of the last chunk */
	size_t bytes; /* of all chunks */
};

/* Aligned for anything. NULL: out of memory. */
void *na_arena_take(struct na_arena *arena, size_t size);

/*
 * Room for a text that is still to be made: *ret_room bytes, at least `least`, where na_arena_text
 * would copy it to, and then does not, if nothing was taken in between. NULL: out of memory.
 */
char *na_arena_room(struct na_arena *arena, size_t least, size_t *ret_room);

/* Frees it all; usable again. */
void na_arena_done(struct na_arena *arena);

/* A copy of the text; its data is NULL when out of memory. */
struct na_text na_arena_text(struct na_arena *arena, struct na_text text);

/*
 * A copy of the event with all that its fields point to. With `fields` it has these only, of
 * `constants` (may be NULL) where the event has none, and the memory ends behind the last that it
 * has. NULL: out of memory.
 */
struct na_event *na_arena_event(struct na_arena *arena, const struct na_event *event,
				const uint64_t fields[NA_EVENT_WORDS],
				const struct na_event *constants);

#endif
