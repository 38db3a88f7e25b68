/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of what na_ecs_encode writes. Rows of one object stand together. */
#include "format/schema_json.h"

#include "base/field.h"
#include "format/json.h"

#define INDENT 2

#define ADDRESS "\"type\": \"string\", \"anyOf\": [{\"format\": \"ipv4\"}, {\"format\": \"ipv6\"}]"

static const char *const types[NA_TYPE_COUNT] = {
	[NA_TYPE_KEYWORD] = "\"type\": \"string\"",
	[NA_TYPE_KEYWORDS] = "\"type\": \"array\", \"items\": {\"type\": \"string\"}",
	[NA_TYPE_LONG] = "\"type\": \"integer\"",
	[NA_TYPE_ID] = "\"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]{0,19})$\"",
	[NA_TYPE_IP] = ADDRESS,
	[NA_TYPE_DATE] =
		("\"type\": \"string\", \"format\": \"date-time\", \"pattern\": "
		 "\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{9}Z$\""),
	[NA_TYPE_BOOLEAN] = "\"type\": \"boolean\"",
	[NA_TYPE_OBJECT] = "\"type\": \"object\"",
};

/* Rows `first` to before `last`; their paths have `prefix` bytes in common. */
struct range {
	int first, last;
	size_t prefix;
};

static size_t name_length(int row, size_t prefix)
{
	return strcspn(na_field_rows[row].path + prefix, ".");
}

/* Takes the rows of the next member away from the front of `range`. */
static struct range take_member(struct range *range)
{
	size_t end = range->prefix + name_length(range->first, range->prefix);
	const char *path = na_field_rows[range->first].path;
	struct range member = {range->first, range->first + 1, end + 1};

	while (path[end] && member.last < range->last &&
	       strncmp(na_field_rows[member.last].path, path, end + 1) == 0)
		member.last++;
	range->first = member.last;
	return member;
}

static void append_line(struct na_buffer *out, unsigned int depth)
{
	na_buffer_append_char(out, '\n');
	for (unsigned int i = 0; i < INDENT * depth; i++)
		na_buffer_append_char(out, ' ');
}

static void append_event_names(struct na_buffer *out)
{
	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		na_buffer_append_string(out, type ? ", " : ", \"enum\": [");
		na_json_append_text(out, na_text_of(na_event_name((enum na_event_type)type)));
	}
	na_buffer_append_char(out, ']');
}

static void append_leaf(struct na_buffer *out, int row)
{
	const struct na_field_row *field = &na_field_rows[row];

	na_buffer_append_char(out, '{');
	if (field->traits & NA_TRAIT_ADDRESSES)
		na_buffer_append_string(out, "\"type\": \"array\", \"items\": {" ADDRESS "}");
	else
		na_buffer_append_string(out, types[field->type]);
	if (row == NA_FIELD_NA_EVENT)
		append_event_names(out);
	na_buffer_append_string(out, ", \"description\": ");
	na_json_append_text(out, na_text_of(field->doc));
	na_buffer_append_char(out, '}');
}

static void append_name(struct na_buffer *out, int row, size_t prefix)
{
	const char *name = na_field_rows[row].path + prefix;

	na_json_append_text(out, (struct na_text){name, name_length(row, prefix)});
}

static bool is_required(struct range range)
{
	for (int i = range.first; i < range.last; i++)
		if (na_field_rows[i].traits & NA_TRAIT_REQUIRED)
			return true;
	return false;
}

static void append_required(struct na_buffer *out, struct range range, unsigned int depth)
{
	const char *before = "\"required\": [";

	if (!is_required(range))
		return;
	append_line(out, depth);
	for (size_t prefix = range.prefix; range.first < range.last;) {
		struct range member = take_member(&range);

		if (!is_required(member))
			continue;
		na_buffer_append_string(out, before);
		append_name(out, member.first, prefix);
		before = ", ";
	}
	na_buffer_append_string(out, "],");
}

/* What an object says of its members, without its own braces. */
static void append_members(struct na_buffer *out, struct range range, unsigned int depth)
{
	append_line(out, depth);
	na_buffer_append_string(out, "\"type\": \"object\",");
	append_line(out, depth);
	na_buffer_append_string(out, "\"additionalProperties\": false,");
	append_required(out, range, depth);
	append_line(out, depth);
	na_buffer_append_string(out, "\"properties\": {");
	for (size_t prefix = range.prefix; range.first < range.last;) {
		struct range member = take_member(&range);

		append_line(out, depth + 1);
		append_name(out, member.first, prefix);
		na_buffer_append_string(out, ": ");
		if (na_field_rows[member.first].path[member.prefix - 1]) {
			na_buffer_append_char(out, '{');
			append_members(out, member, depth + 2);
			append_line(out, depth + 1);
			na_buffer_append_char(out, '}');
		} else {
			append_leaf(out, member.first);
		}
		if (range.first < range.last)
			na_buffer_append_char(out, ',');
	}
	append_line(out, depth);
	na_buffer_append_char(out, '}');
}

/* ------------------------------------------------------------------------------------------- */

void na_schema_append_json(struct na_buffer *out)
{
	na_buffer_append_string(
		out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
		     "  \"title\": \"An event of netaudit " NA_VERSION " as ECS JSON\",");
	append_members(out, (struct range){0, NA_FIELD_COUNT, 0}, 1);
	na_buffer_append_string(out, "\n}\n");
}
