/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as ECS JSON.
 *
 * A field's key is kept with all objects around it: `"process":{"parent":{"pid":`. Rows of one
 * object stand together, so an object is open when its first field is not behind the field that was
 * written last; then the key is written from the first object on that is not open. What is left
 * for an event is copying keys and writing values.
 */
#include "format/ecs.h"

#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/field.h"
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

/* A value of `constants`, rendered. */
struct constant {
	size_t start, length;
};

struct na_ecs {
	struct key keys[NA_FIELD_COUNT];
	struct constant constants[NA_FIELD_COUNT];
	uint64_t constant[WORDS];
	struct na_buffer key_texts, constant_texts;
};

/* `"a":{"b":{"c":` of a.b.c. */
static void make_key(struct na_buffer *out, const char *path, struct key *key)
{
	size_t start = out->length;

	for (;;) {
		size_t length = strcspn(path, ".");

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

static int make_keys(struct na_ecs *ecs)
{
	size_t start = 0;

	for (int i = 0; i < NA_FIELD_COUNT; i++)
		make_key(&ecs->key_texts, na_field_rows[i].path, &ecs->keys[i]);
	if (na_buffer_error(&ecs->key_texts))
		return -ENOMEM;
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		struct key *key = &ecs->keys[i];

		key->text = ecs->key_texts.data + start;
		start += key->length;
		for (unsigned int depth = 0; depth < key->depth; depth++)
			key->first[depth] = i && continues(key, key - 1, depth)
						    ? key[-1].first[depth]
						    : (uint16_t)i;
	}
	return 0;
}

static void append_value(struct na_buffer *out, const struct na_event *event, enum na_field field)
{
	const void *value = na_field_value(event, field);

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

static int render_constants(struct na_ecs *ecs, const struct na_event *constants)
{
	struct na_buffer *out = &ecs->constant_texts;

	memcpy(ecs->constant, constants->present, sizeof(ecs->constant));
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		ecs->constants[i].start = out->length;
		if (na_event_has(constants, (enum na_field)i))
			append_value(out, constants, (enum na_field)i);
		ecs->constants[i].length = out->length - ecs->constants[i].start;
	}
	return na_buffer_error(out);
}

/* From the field written last, -1 for none, to the value of `field`: objects end, others begin. */
static void append_key(const struct na_ecs *ecs, struct na_buffer *out, int last, int field)
{
	const struct key *key = &ecs->keys[field];
	unsigned int open = 0;
	char *to;

	if (na_buffer_reserve(out, DEPTH_MAX + 1 + key->length) < 0)
		return;
	to = out->data + out->length;
	while (open < key->depth && key->first[open] <= last)
		open++;
	for (unsigned int depth = last < 0 ? 0 : ecs->keys[last].depth; depth > open; depth--)
		*to++ = '}';
	*to++ = last < 0 ? '{' : ',';
	memcpy(to, key->text + key->start[open], key->length - key->start[open]);
	out->length = (size_t)(to - out->data) + key->length - key->start[open];
}

static void append_field(const struct na_ecs *ecs, struct na_buffer *out,
			 const struct na_event *event, enum na_field field)
{
	const struct constant *constant = &ecs->constants[field];

	if (na_event_has(event, field))
		append_value(out, event, field);
	else
		na_buffer_append(out, ecs->constant_texts.data + constant->start, constant->length);
}

static void append_end(const struct na_ecs *ecs, struct na_buffer *out, int last)
{
	if (last < 0)
		na_buffer_append_char(out, '{');
	for (unsigned int depth = last < 0 ? 0 : ecs->keys[last].depth; depth; depth--)
		na_buffer_append_char(out, '}');
	na_buffer_append_string(out, "}\n");
}

/* ------------------------------------------------------------------------------------------- */

struct na_ecs *na_ecs_new(const struct na_event *constants)
{
	struct na_ecs *ecs = calloc(1, sizeof(*ecs));

	if (!ecs)
		return NULL;
	if (make_keys(ecs) < 0 || (constants && render_constants(ecs, constants) < 0)) {
		na_ecs_free(ecs);
		return NULL;
	}
	return ecs;
}

void na_ecs_free(struct na_ecs *ecs)
{
	if (!ecs)
		return;
	na_buffer_done(&ecs->key_texts);
	na_buffer_done(&ecs->constant_texts);
	free(ecs);
}

int na_ecs_encode(struct na_ecs *ecs, const struct na_event *event, struct na_buffer *out)
{
	size_t before = out->length;
	int last = -1;

	if (na_buffer_error(out))
		return na_buffer_error(out);
	for (int word = 0; word < WORDS; word++)
		for (uint64_t bits = event->present[word] | ecs->constant[word]; bits;
		     bits &= bits - 1) {
			int field = word * 64 + __builtin_ctzll(bits);

			append_key(ecs, out, last, field);
			append_field(ecs, out, event, (enum na_field)field);
			last = field;
		}
	append_end(ecs, out, last);
	if (!na_buffer_error(out))
		return 0;
	out->length = before;
	out->error = 0;
	return -ENOMEM;
}
