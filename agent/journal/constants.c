/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of an event with all its texts. */
#include "journal/constants.h"

#include <stdlib.h>

#include "base/field.h"

/* Where the next text goes; `next` NULL: only `used` is counted. */
struct space {
	char *next;
	size_t used;
};

static void copy_text(struct space *space, struct na_text *text)
{
	space->used += text->length;
	if (!space->next)
		return;
	if (text->length)
		memcpy(space->next, text->data, text->length);
	text->data = space->next;
	space->next += text->length;
}

/* For the next list's items. */
static void align(struct space *space)
{
	size_t more = -space->used & (sizeof(void *) - 1);

	space->used += more;
	if (space->next)
		space->next += more;
}

static void copy_texts(struct space *space, struct na_texts *texts)
{
	struct na_text *items = (struct na_text *)space->next;
	size_t bytes = texts->count * sizeof(*items);

	space->used += bytes;
	if (items) {
		memcpy(items, texts->items, bytes);
		space->next += bytes;
	}
	for (size_t i = 0; i < texts->count; i++) {
		struct na_text text = texts->items[i];

		copy_text(space, &text);
		if (items)
			items[i] = text;
	}
	if (items)
		texts->items = items;
	align(space);
}

/* Lists first, as their items are aligned. */
static void copy_fields(struct space *space, struct na_event *event, bool lists)
{
	for (unsigned int i = 0; i < NA_FIELD_COUNT; i++) {
		const struct na_field_row *row = &na_field_rows[i];
		void *value = (char *)event + row->offset;

		if (!na_event_has(event, (enum na_field)i))
			continue;
		if (lists && row->type == NA_TYPE_KEYWORDS)
			copy_texts(space, value);
		if (!lists && (row->type == NA_TYPE_KEYWORD || row->type == NA_TYPE_OBJECT))
			copy_text(space, value);
	}
}

/* ------------------------------------------------------------------------------------------- */

struct na_event *na_constants_copy(const struct na_event *event)
{
	struct na_event scratch = *event;
	struct space space = {0};
	struct na_event *copy;

	copy_fields(&space, &scratch, true);
	copy_fields(&space, &scratch, false);
	copy = malloc(sizeof(*copy) + space.used);
	if (!copy)
		return NULL;
	*copy = *event;
	space.next = (char *)(copy + 1);
	copy_fields(&space, copy, true);
	copy_fields(&space, copy, false);
	return copy;
}
