/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendered fields that come again in other events, and a table of those of parts (event_parts.h).
 * The table is bounded: a part that takes another's place was rendered in vain if that comes back.
 * A fragment is one piece of memory and no larger than it must be: with hundreds of them in use,
 * fetching them into the cache is what they cost. One thread.
 */
#ifndef NA_FRAGMENT_H
#define NA_FRAGMENT_H

#include "event_parts.h"

/* Together below 3 MiB, and a third of that where texts are as long as they are on most hosts. */
#define NA_FRAGMENTS_MAX 512
#define NA_FRAGMENT_TEXT_MAX 4096

/* Of a value in the text. Between two of them is what has to be between such neighbours. */
struct na_fragment_place {
	uint32_t start, end;
};

struct na_fragment {
	uint64_t number; /* of the part; 0: of none */
	uint64_t has[NA_EVENT_WORDS];
	const char *text;
	struct na_fragment_place places[]; /* of the fields that it has, in order */
};

struct na_fragments {
	struct na_fragment *slots[NA_FRAGMENTS_MAX];
};

/* Copies all; `count` fields are in `has`. To be freed. NULL: out of memory. */
struct na_fragment *na_fragment_new(uint64_t number, const uint64_t has[NA_EVENT_WORDS],
				    const struct na_fragment_place *places, size_t count,
				    struct na_text text);

void na_fragments_done(struct na_fragments *fragments);

/* Where the fragment of that number is, or another in its place, or NULL. */
struct na_fragment **na_fragments_at(struct na_fragments *fragments, uint64_t number);

#endif
