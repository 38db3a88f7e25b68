/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that is a JSON object, as members with dotted names. Only the structure is looked at: values
 * and names are copied as they stand.
 */
#include "format/flatten.h"

#include "format/json.h"

/* Objects and lists in each other; our own have three. */
#define DEPTH_MAX 8

struct cursor {
	const char *at, *end;
};

struct members {
	struct na_buffer *out;
	size_t before; /* what `out` held; a comma is needed behind the first member only */
};

/* The names around a member, the outermost last. */
struct prefix {
	const struct prefix *outer;
	struct na_text name;
};

static char next(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
		cursor->at++;
	return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool take(struct cursor *cursor, char c)
{
	if (next(cursor) != c)
		return false;
	cursor->at++;
	return true;
}

/* What stands between the quotes, still escaped. A control character would end our line. */
static bool take_string(struct cursor *cursor, struct na_text *ret_text)
{
	const char *begin;

	if (!take(cursor, '"'))
		return false;
	begin = cursor->at;
	for (; cursor->at < cursor->end && *cursor->at != '"'; cursor->at++) {
		if ((unsigned char)*cursor->at < ' ')
			return false;
		if (*cursor->at == '\\' && ++cursor->at == cursor->end)
			return false;
	}
	*ret_text = (struct na_text){begin, (size_t)(cursor->at - begin)};
	return take(cursor, '"');
}

/* A number or one of the three words. */
static bool take_word(struct cursor *cursor)
{
	const char *begin = cursor->at;

	while (cursor->at < cursor->end &&
	       strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *cursor->at) && *cursor->at)
		cursor->at++;
	return cursor->at > begin;
}

static bool take_list(struct cursor *cursor, int depth)
{
	struct na_text text;

	if (!take(cursor, '[') || depth == 0)
		return false;
	if (take(cursor, ']'))
		return true;
	do {
		char first = next(cursor);

		if (!(first == '"'   ? take_string(cursor, &text)
		      : first == '[' ? take_list(cursor, depth - 1)
				     : take_word(cursor)))
			return false;
	} while (take(cursor, ','));
	return take(cursor, ']');
}

static void append_name(struct na_buffer *out, const struct prefix *prefix)
{
	if (prefix->outer) {
		append_name(out, prefix->outer);
		na_buffer_append_char(out, '.');
	}
	na_buffer_append(out, prefix->name.data, prefix->name.length);
}

/* A value that is no object. */
static bool copy_value(const struct members *members, const struct prefix *prefix,
		       struct cursor *cursor, int depth)
{
	struct na_buffer *out = members->out;
	char first = next(cursor);
	const char *begin = cursor->at;
	struct na_text text;

	if (!(first == '"'   ? take_string(cursor, &text)
	      : first == '[' ? take_list(cursor, depth)
			     : take_word(cursor)))
		return false;
	if (out->length > members->before)
		na_buffer_append_char(out, ',');
	na_buffer_append_char(out, '"');
	append_name(out, prefix);
	na_buffer_append_string(out, "\":");
	na_buffer_append(out, begin, (size_t)(cursor->at - begin));
	return true;
}

static bool copy_members(const struct members *members, const struct prefix *outer,
			 struct cursor *cursor, int depth)
{
	if (!take(cursor, '{') || depth == 0)
		return false;
	if (take(cursor, '}'))
		return true;
	do {
		struct prefix prefix = {.outer = outer};

		if (!take_string(cursor, &prefix.name) || !take(cursor, ':'))
			return false;
		if (!(next(cursor) == '{' ? copy_members(members, &prefix, cursor, depth - 1)
					  : copy_value(members, &prefix, cursor, depth - 1)))
			return false;
	} while (take(cursor, ','));
	return take(cursor, '}');
}

/* ------------------------------------------------------------------------------------------- */

void na_flatten_append(struct na_buffer *out, const char *path, struct na_text object)
{
	const struct prefix prefix = {.name = na_text_of(path)};
	struct cursor cursor = {object.data, object.data + object.length};
	const struct members members = {out, out->length};

	if (copy_members(&members, &prefix, &cursor, DEPTH_MAX) && next(&cursor) == '\0' &&
	    cursor.at == cursor.end)
		return;
	out->length = members.before;
	na_buffer_append_char(out, '"');
	na_buffer_append_string(out, path);
	na_buffer_append_string(out, "\":");
	na_json_append_text(out, object);
}
