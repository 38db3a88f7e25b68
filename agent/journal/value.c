/* SPDX-License-Identifier: Apache-2.0 */
/* Values of fields as bytes. */
#include "journal/value.h"

/* The numbers of types are written in journals. */
_Static_assert(NA_TYPE_KEYWORD == 0 && NA_TYPE_KEYWORDS == 1 && NA_TYPE_LONG == 2 &&
		       NA_TYPE_ID == 3 && NA_TYPE_IP == 4 && NA_TYPE_DATE == 5 &&
		       NA_TYPE_BOOLEAN == 6 && NA_TYPE_OBJECT == 7 && NA_TYPE_COUNT == 8,
	       "types are only appended, and LAYOUT.md names them");
_Static_assert(sizeof(union na_value) == 16, "copied in one piece");

#define V4_BYTES 4
#define V6_BYTES 16
#define PLAIN_MAX (NA_VARINT_MAX + 1 + V6_BYTES) /* a number and a value that is no text */

static inline void put_text(struct na_writer *writer, const struct na_text *text)
{
	uint8_t *at;

	if (text->length > NA_FRAME_MAX) {
		writer->full = true;
		return;
	}
	if (!na_writer_has_room(writer, text->length + NA_VARINT_MAX))
		return;
	at = na_write_varint(writer->at, text->length);
	if (text->length)
		memcpy(at, text->data, text->length);
	writer->at = at + text->length;
}

/* The text that the items of a list are often parts of. */
static const struct na_text *whole_of(const struct na_event *event, enum na_field list)
{
	if (list == NA_FIELD_PROCESS_ARGS)
		return &event->f_PROCESS_COMMAND_LINE;
	return list == NA_FIELD_RELATED_USER ? &event->f_USER_NAME : NULL;
}

/* Are the items, with one byte between them, what the text begins with? */
static bool are_parts(const struct na_texts *texts, const struct na_text *whole)
{
	size_t offset = 0;

	for (size_t i = 0; i < texts->count; i++) {
		const struct na_text *item = &texts->items[i];

		if (offset > whole->length || item->length > whole->length - offset ||
		    (item->length && item->data != whole->data + offset &&
		     memcmp(item->data, whole->data + offset, item->length) != 0))
			return false;
		offset += item->length + 1;
	}
	return true;
}

/* Not inlined: the loop over values is faster without its registers. */
__attribute__((noinline)) static void put_list(struct na_writer *writer,
					       const struct na_event *event, enum na_field field)
{
	const struct na_texts *texts = na_field_value(event, field);
	bool parts = writer->whole && texts->count && are_parts(texts, whole_of(event, field));

	if (texts->count > NA_TEXTS_MAX - writer->texts) {
		writer->full = true;
		return;
	}
	writer->texts += texts->count;
	na_put_varint(writer, texts->count << 1 | parts);
	if (parts)
		na_put_varint(writer, (uint64_t)(writer->at - writer->whole));
	for (size_t i = 0; i < texts->count; i++)
		if (parts)
			na_put_varint(writer, texts->items[i].length);
		else
			put_text(writer, &texts->items[i]);
}

static uint8_t *write_address(uint8_t *at, const struct na_address *address)
{
	size_t length = na_address_is_v4(address) ? V4_BYTES : V6_BYTES;

	*at++ = (uint8_t)length;
	memcpy(at, address->bytes + V6_BYTES - length, length);
	return at + length;
}

static void get_text(struct na_wire *wire, struct na_text *ret_text)
{
	uint64_t length = na_get_varint(wire);
	const uint8_t *data = na_get_bytes(wire, length);

	if (data)
		*ret_text = (struct na_text){(const char *)data, length};
}

/* Items that lie in an earlier text, with one byte between them. */
static void get_parts(struct na_wire *wire, struct na_text *items, size_t count)
{
	const uint8_t *here = wire->at, *at;
	uint64_t back = na_get_varint(wire);

	if (back > (size_t)(here - wire->begin)) {
		wire->bad = true;
		return;
	}
	at = here - back;
	for (size_t i = 0; i < count && !wire->bad; i++) {
		uint64_t length = na_get_varint(wire);

		if (at > here || length > (size_t)(here - at)) {
			wire->bad = true;
			return;
		}
		items[i] = (struct na_text){(const char *)at, length};
		at += length + 1;
	}
}

static void get_list(struct na_wire *wire, struct na_pool *pool, struct na_texts *ret_texts)
{
	uint64_t head = na_get_varint(wire), count = head >> 1;
	struct na_text *items = pool->items + pool->used;

	if (count > NA_TEXTS_MAX - pool->used) {
		wire->bad = true;
		return;
	}
	pool->used += count;
	if (head & 1)
		get_parts(wire, items, count);
	else
		for (size_t i = 0; i < count && !wire->bad; i++)
			get_text(wire, &items[i]);
	*ret_texts = (struct na_texts){items, count};
}

static void get_address(struct na_wire *wire, struct na_address *ret_address)
{
	uint64_t length = na_get_varint(wire);
	const uint8_t *bytes = na_get_bytes(wire, length);

	if (bytes && length == V4_BYTES) {
		memcpy(ret_address->bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", V6_BYTES - V4_BYTES);
		memcpy(ret_address->bytes + V6_BYTES - V4_BYTES, bytes, V4_BYTES);
	} else if (bytes && length == V6_BYTES) {
		memcpy(ret_address->bytes, bytes, V6_BYTES);
	} else {
		wire->bad = true;
	}
}

/*
 * One look for room, then writes without: this is most of what encoding an event costs. For texts
 * and lists there is another, by their lengths.
 */
static inline void put_value(struct na_writer *writer, const struct na_event *event,
			     enum na_field field, bool numbered, uint64_t base_ns)
{
	const void *value = na_field_value(event, field);
	uint8_t *at = writer->at;

	if (!na_writer_has_room(writer, PLAIN_MAX))
		return;
	if (numbered)
		writer->at = at = na_write_varint(at, field);
	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		put_text(writer, value);
		if (field == NA_FIELD_PROCESS_COMMAND_LINE || field == NA_FIELD_USER_NAME)
			writer->whole = writer->at - ((const struct na_text *)value)->length;
		break;
	case NA_TYPE_KEYWORDS:
		put_list(writer, event, field);
		break;
	case NA_TYPE_LONG:
		writer->at = na_write_varint(at, na_zigzag(*(const int64_t *)value));
		break;
	case NA_TYPE_ID:
		writer->at = na_write_varint(at, *(const uint64_t *)value);
		break;
	case NA_TYPE_IP:
		writer->at = write_address(at, value);
		break;
	case NA_TYPE_DATE:
		writer->at = na_write_varint(
			at, na_zigzag((int64_t)(*(const uint64_t *)value - base_ns)));
		break;
	case NA_TYPE_BOOLEAN:
		writer->at = na_write_varint(at, *(const bool *)value);
		break;
	case NA_TYPE_COUNT:
		break;
	}
}

/* ------------------------------------------------------------------------------------------- */

void na_values_put(struct na_writer *writer, const struct na_event *event, const uint64_t *mask,
		   bool numbered, uint64_t base_ns)
{
	for (size_t word = 0; word < (NA_FIELD_COUNT + 63) / 64; word++)
		for (uint64_t bits = mask[word]; bits && !writer->full; bits &= bits - 1) {
			size_t field = 64 * word + (size_t)__builtin_ctzll(bits);

			put_value(writer, event, (enum na_field)field, numbered, base_ns);
		}
}

void na_stored_get(struct na_wire *wire, enum na_type type, uint64_t base_ns, struct na_pool *pool,
		   void *ret_to)
{
	switch (type) {
	case NA_TYPE_KEYWORD:
	case NA_TYPE_OBJECT:
		get_text(wire, ret_to);
		break;
	case NA_TYPE_KEYWORDS:
		get_list(wire, pool, ret_to);
		break;
	case NA_TYPE_LONG:
		*(int64_t *)ret_to = na_unzigzag(na_get_varint(wire));
		break;
	case NA_TYPE_ID:
		*(uint64_t *)ret_to = na_get_varint(wire);
		break;
	case NA_TYPE_IP:
		get_address(wire, ret_to);
		break;
	case NA_TYPE_DATE:
		*(uint64_t *)ret_to = base_ns + (uint64_t)na_unzigzag(na_get_varint(wire));
		break;
	case NA_TYPE_BOOLEAN:
		*(bool *)ret_to = na_get_varint(wire) != 0;
		break;
	case NA_TYPE_COUNT: /* a newer version's: types that come have their length in front */
		na_get_bytes(wire, na_get_varint(wire));
		break;
	}
}
