/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place for each number, in turn: parts are numbered as they come up, so those in use together
 * lie side by side.
 */
#include "format/fragment.h"

#include <stdlib.h>

struct na_fragment *na_fragment_new(uint64_t number, const uint64_t has[NA_EVENT_WORDS],
				    const struct na_fragment_place *places, size_t count,
				    struct na_text text)
{
	size_t places_size = count * sizeof(*places);
	struct na_fragment *fragment = malloc(sizeof(*fragment) + places_size + text.length);
	char *bytes;

	if (!fragment)
		return NULL;
	bytes = (char *)fragment->places + places_size;
	fragment->number = number;
	fragment->text = bytes;
	memcpy(fragment->has, has, sizeof(fragment->has));
	if (count)
		memcpy(fragment->places, places, places_size);
	if (text.length)
		memcpy(bytes, text.data, text.length);
	return fragment;
}

void na_fragments_done(struct na_fragments *fragments)
{
	for (size_t i = 0; i < NA_FRAGMENTS_MAX; i++) {
		free(fragments->slots[i]);
		fragments->slots[i] = NULL;
	}
}

struct na_fragment **na_fragments_at(struct na_fragments *fragments, uint64_t number)
{
	return &fragments->slots[number % NA_FRAGMENTS_MAX];
}
