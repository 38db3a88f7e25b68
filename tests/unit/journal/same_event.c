/* SPDX-License-Identifier: Apache-2.0 */
/* Events compared field by field. */
#include "same_event.h"

#include "base/field.h"

static bool same_text(const struct na_text *a, const struct na_text *b)
{
	return a->length == b->length && (!a->length || memcmp(a->data, b->data, a->length) == 0);
}

static bool same_texts(const struct na_texts *a, const struct na_texts *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_text(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool same_value(enum na_type type, const void *a, const void *b)
{
	switch (type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		return same_text(a, b);
	case NA_TYPE_KEYWORDS:
		return same_texts(a, b);
	case NA_TYPE_BOOLEAN:
		return *(const bool *)a == *(const bool *)b;
	case NA_TYPE_IP:
		return memcmp(a, b, sizeof(struct na_address)) == 0;
	default:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	}
}

/* ------------------------------------------------------------------------------------------- */

const char *na_events_differ(const struct na_event *got, const struct na_event *expected)
{
	if (got->type != expected->type)
		return "the type";
	if (got->boot_ns != expected->boot_ns)
		return "boot_ns";
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		enum na_field field = (enum na_field)i;

		if (field == NA_FIELD_EVENT_ID)
			continue;
		if (na_event_has(got, field) != na_event_has(expected, field) ||
		    (na_event_has(got, field) &&
		     !same_value(na_field_rows[i].type, na_field_value(got, field),
				 na_field_value(expected, field))))
			return na_field_rows[i].path;
	}
	return NULL;
}
