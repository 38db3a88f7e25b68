/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON objects, a line each.
 *
 * A field's key is kept with all objects around it: `"process":{"parent":{"pid":`. Rows of one
 * object stand together, so an object is open when its first field is not behind the field that was
 * written last; then the key is written from the first object on that is not open. What is left
 * for an event is copying keys and writing values.
 */
#include "format/object.h"

#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/field.h"
#include "format/flatten.h"
#include "format/json.h"

#define DEPTH_MAX 4
#define WORDS ((NA_FIELD_COUNT + 63) / 64)

struct key {
	const char *text;
	uint16_t length;
	uint16_t depth;                /* objects around the field */
	uint16_t start[DEPTH_MAX + 1]; /* where in `text` the name at that depth begins */
	uint16_t first[DEPTH_MAX];     /* the first field of the object at that depth */
};

/*
 * Dotted, a key is the whole path and nothing is ever opened; a value that is an object itself is
 * taken apart. There are few of these, so they are rendered with their keys.
 */

/* A value of `constants`, rendered; dotted objects with their keys. */
struct constant {
	size_t start, length;
};

struct na_object {
	struct key keys[NA_FIELD_COUNT];
	struct constant constants[NA_FIELD_COUNT];
	uint64_t constant[WORDS];
	struct na_buffer key_texts, constant_texts;
	bool dotted;
};

/* `"a":{"b":{"c":` of a.b.c; dotted `"a.b.c":`. */
static void make_key(struct na_buffer *out, const char *path, bool dotted, struct key *key)
{
	size_t start = out->length;

	for (;;) {
		size_t length = dotted ? strlen(path) : strcspn(path, ".");

		key->start[key->depth] = (uint16_t)(out->length - start);
		na_buffer_append_char(out, '"');
		na_buffer_append(out, path, length);
		na_buffer_append_string(out, "\":");
		if (!path[length])
			break;
		na_buffer_append_char(out, '{');
		path += length + 1;
		key->depth++;
		assert(key->depth <= DEPTH_MAX);
	}
	key->length = (uint16_t)(out->length - start);
}

/* Has `field` the same object at this depth as the field before it? */
static bool continues(const struct key *key, const struct key *before, unsigned int depth)
{
	uint16_t end = key->start[depth + 1];

	return depth < before->depth && before->start[depth + 1] == end &&
	       memcmp(key->text, before->text, end) == 0;
}

static bool is_taken_apart(const struct na_object *object, enum na_field field)
{
	return object->dotted && na_field_rows[field].type == NA_TYPE_OBJECT;
}

static int make_keys(struct na_object *object)
{
	size_t start = 0;

	for (int i = 0; i < NA_FIELD_COUNT; i++)
		if (!is_taken_apart(object, (enum na_field)i))
			make_key(&object->key_texts, na_field_rows[i].path, object->dotted,
				 &object->keys[i]);
	if (na_buffer_error(&object->key_texts))
		return -ENOMEM;
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		struct key *key = &object->keys[i];

		key->text = object->key_texts.data + start;
		start += key->length;
		for (unsigned int depth = 0; depth < key->depth; depth++)
			key->first[depth] = i && continues(key, key - 1, depth)
						    ? key[-1].first[depth]
						    : (uint16_t)i;
	}
	return 0;
}

static void append_value(const struct na_object *object, struct na_buffer *out,
			 const struct na_event *event, enum na_field field)
{
	const void *value = na_field_value(event, field);

	if (is_taken_apart(object, field)) {
		na_flatten_append(out, na_field_rows[field].path, *(const na_type_OBJECT *)value);
		return;
	}
	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
		na_json_append_text(out, *(const na_type_KEYWORD *)value);
		break;
	case NA_TYPE_KEYWORDS:
		na_json_append_texts(out, value);
		break;
	case NA_TYPE_LONG:
		na_buffer_append_i64(out, *(const na_type_LONG *)value);
		break;
	case NA_TYPE_ID:
		na_json_append_id(out, *(const na_type_ID *)value);
		break;
	case NA_TYPE_IP:
		na_json_append_address(out, value);
		break;
	case NA_TYPE_DATE:
		na_json_append_date(out, *(const na_type_DATE *)value);
		break;
	case NA_TYPE_BOOLEAN:
		na_json_append_boolean(out, *(const na_type_BOOLEAN *)value);
		break;
	case NA_TYPE_OBJECT:
		na_buffer_append(out, ((const na_type_OBJECT *)value)->data,
				 ((const na_type_OBJECT *)value)->length);
		break;
	case NA_TYPE_COUNT:
		break;
	}
}

static int render_constants(struct na_object *object, const struct na_event *constants)
{
	struct na_buffer *out = &object->constant_texts;

	memcpy(object->constant, constants->present, sizeof(object->constant));
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		object->constants[i].start = out->length;
		if (na_event_has(constants, (enum na_field)i))
			append_value(object, out, constants, (enum na_field)i);
		object->constants[i].length = out->length - object->constants[i].start;
	}
	return na_buffer_error(out);
}

/* From the field written last, -1 for none, to the value of `field`: objects end, others begin. */
static void append_key(const struct na_object *object, struct na_buffer *out, int last, int field)
{
	const struct key *key = &object->keys[field];
	unsigned int open = 0;
	char *to;

	if (na_buffer_reserve(out, DEPTH_MAX + 1 + key->length) < 0)
		return;
	to = out->data + out->length;
	while (open < key->depth && key->first[open] <= last)
		open++;
	for (unsigned int depth = last < 0 ? 0 : object->keys[last].depth; depth > open; depth--)
		*to++ = '}';
	*to++ = last < 0 ? '{' : ',';
	memcpy(to, key->text + key->start[open], key->length - key->start[open]);
	out->length = (size_t)(to - out->data) + key->length - key->start[open];
}

/* The field behind `last`; returns what is the last one then: an empty value is left out. */
static int append_field(const struct na_object *object, struct na_buffer *out, int last,
			const struct na_event *event, enum na_field field)
{
	const struct constant *constant = &object->constants[field];
	size_t before = out->length, key_end;

	append_key(object, out, last, (int)field);
	key_end = out->length;
	if (na_event_has(event, field))
		append_value(object, out, event, field);
	else
		na_buffer_append(out, object->constant_texts.data + constant->start,
				 constant->length);
	if (out->length > key_end)
		return (int)field;
	out->length = before;
	return last;
}

static void append_end(const struct na_object *object, struct na_buffer *out, int last)
{
	if (last < 0)
		na_buffer_append_char(out, '{');
	for (unsigned int depth = last < 0 ? 0 : object->keys[last].depth; depth; depth--)
		na_buffer_append_char(out, '}');
	na_buffer_append_string(out, "}\n");
}

/* ------------------------------------------------------------------------------------------- */

struct na_object *na_object_new(const struct na_event *constants, bool dotted)
{
	struct na_object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->dotted = dotted;
	if (make_keys(object) < 0 || (constants && render_constants(object, constants) < 0)) {
		na_object_free(object);
		return NULL;
	}
	return object;
}

void na_object_free(struct na_object *object)
{
	if (!object)
		return;
	na_buffer_done(&object->key_texts);
	na_buffer_done(&object->constant_texts);
	free(object);
}

int na_object_encode(struct na_object *object, const struct na_event *event, struct na_buffer *out)
{
	size_t before = out->length;
	int last = -1;

	if (na_buffer_error(out))
		return na_buffer_error(out);
	for (int word = 0; word < WORDS; word++)
		for (uint64_t bits = event->present[word] | object->constant[word]; bits;
		     bits &= bits - 1) {
			int field = word * 64 + __builtin_ctzll(bits);

			last = append_field(object, out, last, event, (enum na_field)field);
		}
	append_end(object, out, last);
	if (!na_buffer_error(out))
		return 0;
	out->length = before;
	out->error = 0;
	return -ENOMEM;
}
