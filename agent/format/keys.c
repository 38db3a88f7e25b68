/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of one object stand together, so an object is open when its first field is not behind the
 * field that was written last; then a key is written from the first object on that is not open:
 * there is a text for each, `,"process":{"parent":{"pid":` and `,"parent":{"pid":` and `,"pid":`.
 */
#include "format/keys.h"

#include <assert.h>
#include <errno.h>

#include "base/field.h"

/* Where a name of the path begins, which so many objects are around. */
static const char *name_at(const char *path, unsigned int depth)
{
	while (depth-- > 0)
		path += strcspn(path, ".") + 1;
	return path;
}

/* `"a":{"b":{"c":` of a.b.c; dotted `"a.b.c":`. */
static void append_names(struct na_buffer *out, const char *path, bool dotted)
{
	for (;;) {
		size_t length = dotted ? strlen(path) : strcspn(path, ".");

		na_buffer_append_char(out, '"');
		na_buffer_append(out, path, length);
		na_buffer_append_string(out, "\":");
		if (!path[length])
			return;
		na_buffer_append_char(out, '{');
		path += length + 1;
	}
}

static unsigned int depth_of(const char *path)
{
	unsigned int depth = 0;

	for (; *path; path++)
		depth += *path == '.';
	assert(depth <= NA_KEY_DEPTH_MAX);
	return depth;
}

static void make_key(struct na_buffer *out, enum na_field field, bool dotted, struct na_key *key)
{
	const char *path = na_field_rows[field].path;

	key->depth = (uint8_t)(dotted ? 0 : depth_of(path));
	for (unsigned int open = 0; open <= key->depth; open++) {
		size_t before = out->length;

		na_buffer_append_char(out, ',');
		if (!na_keys_are_in_value(field, dotted))
			append_names(out, name_at(path, open), dotted);
		assert(out->length - before <= NA_KEY_MAX);
		key->lengths[open] = (uint8_t)(out->length - before);
	}
}

/* Has the field the same object at this depth as the one before it? */
static bool continues(int field, unsigned int depth)
{
	const char *path = na_field_rows[field].path;
	size_t length = (size_t)(name_at(path, depth + 1) - path);

	return strncmp(path, na_field_rows[field - 1].path, length) == 0;
}

static void find_first(struct na_keys *keys, int field)
{
	struct na_key *key = &keys->of[field];

	for (unsigned int depth = 0; depth < key->depth; depth++)
		key->first[depth] =
			field && continues(field, depth) ? key[-1].first[depth] : (uint16_t)field;
}

/* ------------------------------------------------------------------------------------------- */

int na_keys_init(struct na_keys *keys, bool dotted)
{
	const char *text;

	*keys = (struct na_keys){0};
	for (int field = 0; field < NA_FIELD_COUNT; field++)
		make_key(&keys->texts, (enum na_field)field, dotted, &keys->of[field]);
	na_buffer_append(&keys->texts, (const char[NA_KEY_MAX]){0}, NA_KEY_MAX);
	if (na_buffer_error(&keys->texts))
		return -ENOMEM;
	text = keys->texts.data;
	for (int field = 0; field < NA_FIELD_COUNT; field++) {
		for (unsigned int open = 0; open <= keys->of[field].depth; open++) {
			keys->of[field].texts[open] = text;
			text += keys->of[field].lengths[open];
		}
		find_first(keys, field);
	}
	return 0;
}

void na_keys_done(struct na_keys *keys)
{
	na_buffer_done(&keys->texts);
}

struct na_key_text na_keys_get(const struct na_keys *keys, int last, int field)
{
	const struct na_key *key = &keys->of[field];
	unsigned int open = 0, before = last < 0 ? 0 : keys->of[last].depth;

	while (open < key->depth && key->first[open] <= last)
		open++;
	return (struct na_key_text){key->texts[open], key->lengths[open], (uint8_t)(before - open)};
}

bool na_keys_are_in_value(enum na_field field, bool dotted)
{
	return dotted && na_field_rows[field].type == NA_TYPE_OBJECT;
}
