/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields as bytes, by type; LAYOUT.md says how. Dates are stored as the distance from a
 * base: an event's from its @timestamp, an entry's from the segment's beginning.
 */
#ifndef NA_VALUE_H
#define NA_VALUE_H

#include "base/field.h"
#include "event.h"
#include "journal/wire.h"

union na_value {
	struct na_text text;
	struct na_texts texts;
	struct na_address address;
	uint64_t number;
	bool truth;
};

/* Where the items of lists go. */
struct na_pool {
	struct na_text *items; /* NA_TEXTS_MAX */
	size_t used;
};

/* The bytes of a value of the type in memory. */
static inline size_t na_stored_width(enum na_type type)
{
	switch (type) {
	case NA_TYPE_LONG:
	case NA_TYPE_ID:
	case NA_TYPE_DATE:
		return sizeof(uint64_t);
	case NA_TYPE_BOOLEAN:
		return sizeof(bool);
	default:
		return sizeof(union na_value);
	}
}

/*
 * The event's fields of a mask, as in na_event.present, in order; it has them all. `numbered`: each
 * with its number in front.
 */
void na_values_put(struct na_writer *writer, const struct na_event *event, const uint64_t *mask,
		   bool numbered, uint64_t base_ns);

/*
 * Writes na_stored_width bytes to `ret_to`. Of types that this version does not know it passes over
 * the bytes; ret_to is as it was then, and when wire->bad is set.
 */
void na_stored_get(struct na_wire *wire, enum na_type type, uint64_t base_ns, struct na_pool *pool,
		   void *ret_to);

#endif
