/* SPDX-License-Identifier: Apache-2.0 */
/* NAMES: written from our rows, and learned. */
#include "journal/names.h"

#include <errno.h>

#include "journal/frame_put.h"

static void put_name(struct na_buffer *payload, const char *name)
{
	na_buffer_append_char(payload, (char)strlen(name));
	na_buffer_append_string(payload, name);
}

static void put_count(struct na_buffer *payload, size_t count)
{
	uint8_t bytes[NA_VARINT_MAX];
	struct na_writer writer = {.at = bytes, .end = bytes + sizeof(bytes)};

	na_put_varint(&writer, count);
	na_buffer_append(payload, bytes, (size_t)(writer.at - bytes));
}

/* A length byte and as many others; NULL when they are not there. */
static const char *get_name(struct na_wire *wire, size_t *ret_length)
{
	const uint8_t *length = na_get_bytes(wire, 1);

	*ret_length = length ? *length : 0;
	return (const char *)na_get_bytes(wire, *ret_length);
}

/* `name` has any bytes, also NUL. */
static bool is_name(const char *own, const char *name, size_t length)
{
	return strlen(own) == length && memcmp(own, name, length) == 0;
}

/* Where this version has the field, or -1. */
static int find_field(size_t number, const char *path, size_t length)
{
	if (number < NA_FIELD_COUNT && is_name(na_field_rows[number].path, path, length))
		return (int)number; /* as a segment of the same version has it */
	for (int field = 0; field < NA_FIELD_COUNT; field++)
		if (is_name(na_field_rows[field].path, path, length))
			return field;
	return -1;
}

static void learn_field(struct na_wire *wire, size_t number, struct na_name *ret_name)
{
	const uint8_t *type = na_get_bytes(wire, 1);
	size_t length;
	const char *path = get_name(wire, &length);
	int field;

	if (!type || !path || !length) {
		wire->bad = true;
		return;
	}
	field = find_field(number, path, length);
	if (field >= 0 && na_field_rows[field].type != *type)
		field = -1;
	ret_name->type = *type < NA_TYPE_COUNT ? *type : NA_TYPE_COUNT;
	ret_name->own = (int16_t)field;
}

static uint16_t find_event(const char *name, size_t length)
{
	for (int type = 0; type < NA_EVENT_COUNT; type++)
		if (is_name(na_event_name((enum na_event_type)type), name, length))
			return (uint16_t)type;
	return NA_EVENT_COUNT;
}

static size_t get_count(struct na_wire *wire)
{
	uint64_t count = na_get_varint(wire);

	if (count <= NA_NAMES_MAX)
		return count;
	wire->bad = true;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

_Static_assert(NA_FIELD_COUNT <= NA_NAMES_MAX && NA_EVENT_COUNT <= NA_NAMES_MAX, "they are named");

int na_names_put(struct na_buffer *out)
{
	struct na_frame head = {.kind = NA_FRAME_NAMES};
	struct na_buffer payload = {0};
	int error;

	put_count(&payload, NA_FIELD_COUNT);
	for (int field = 0; field < NA_FIELD_COUNT; field++) {
		na_buffer_append_char(&payload, (char)na_field_rows[field].type);
		put_name(&payload, na_field_rows[field].path);
	}
	put_count(&payload, NA_EVENT_COUNT);
	for (int type = 0; type < NA_EVENT_COUNT; type++)
		put_name(&payload, na_event_name((enum na_event_type)type));
	error = na_buffer_error(&payload);
	if (!error)
		error = na_frame_put(out, &head, sizeof(head), payload.data, payload.length);
	na_buffer_done(&payload);
	return error;
}

bool na_names_learn(struct na_names *names, struct na_wire wire)
{
	size_t fields = get_count(&wire), events, length;

	for (size_t i = 0; i < fields && !wire.bad; i++)
		learn_field(&wire, i, &names->fields[i]);
	events = get_count(&wire);
	for (size_t i = 0; i < events && !wire.bad; i++) {
		const char *name = get_name(&wire, &length);

		if (name)
			names->events[i] = find_event(name, length);
	}
	names->field_count = wire.bad ? 0 : fields;
	names->event_count = wire.bad ? 0 : events;
	return !wire.bad;
}
