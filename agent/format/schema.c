/* SPDX-License-Identifier: Apache-2.0 */
/* The event reference, printed from the rows of events.def and fields.def. */
#include "format/schema.h"

#include <errno.h>

#include "base/field.h"
#include "format/schema_json.h"

static const char *const type_names[NA_TYPE_COUNT] = {
	[NA_TYPE_KEYWORD] = "text",
	[NA_TYPE_KEYWORDS] = "texts",
	[NA_TYPE_LONG] = "number",
	[NA_TYPE_ID] = "number in quotes",
	[NA_TYPE_IP] = "address",
	[NA_TYPE_DATE] = "date",
	[NA_TYPE_BOOLEAN] = "true or false",
	[NA_TYPE_OBJECT] = "object",
};

/* `|` would end a cell of the table, `<` begin HTML. */
static void append_cell(struct na_buffer *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '<')
			na_buffer_append_char(out, '\\');
		na_buffer_append_char(out, *text);
	}
}

static void append_texts(struct na_buffer *out, const struct na_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		na_buffer_append_string(out, i ? ", " : "");
		na_buffer_append(out, texts->items[i].data, texts->items[i].length);
	}
}

static void append_event(struct na_buffer *out, enum na_event_type type, const char *action,
			 const char *doc)
{
	struct na_event event;

	na_event_init(&event, type, 0);
	na_buffer_printf(out, "| `%s` | ", na_event_name(type));
	append_cell(out, doc);
	na_buffer_printf(out, " | `%s` | %s | %s | ", action, event.f_EVENT_DATASET.data,
			 event.f_EVENT_KIND.data);
	append_texts(out, &event.f_EVENT_CATEGORY);
	na_buffer_append_string(out, " | ");
	append_texts(out, &event.f_EVENT_TYPE);
	na_buffer_printf(out, " | %s |\n", event.f_EVENT_OUTCOME.data);
}

static void append_events(struct na_buffer *out)
{
	static const char *const actions[NA_EVENT_COUNT] = {
#define NA_EVENT(id, name, action, ...) [NA_EVENT_##id] = action,
#include "events.def"
	};
	static const char *const docs[NA_EVENT_COUNT] = {
#define NA_EVENT(id, name, action, group, kind, category, category2, type, type2, outcome, doc)    \
	[NA_EVENT_##id] = doc,
#include "events.def"
	};

	na_buffer_append_string(
		out, "## Events\n\n"
		     "| netaudit.event | when | event.action | event.dataset | event.kind | "
		     "event.category | event.type | event.outcome, if nothing failed |\n"
		     "|---|---|---|---|---|---|---|---|\n");
	for (int type = 0; type < NA_EVENT_COUNT; type++)
		append_event(out, (enum na_event_type)type,
			     strncmp(actions[type], "%s", 2) == 0 ? "<operation>_denied"
								  : actions[type],
			     docs[type]);
}

static void append_fields(struct na_buffer *out)
{
	na_buffer_append_string(
		out,
		"\n## Fields\n\n"
		"A field is absent where its value cannot be known; those marked *always* never "
		"are. *ECS* fields are the Elastic Common Schema's, the others netaudit's own. "
		"Bytes of *untrusted* fields are any process's choice.\n\n"
		"| field | type | | meaning |\n|---|---|---|---|\n");
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		const struct na_field_row *row = &na_field_rows[i];

		na_buffer_printf(out, "| `%s` | %s | %s%s%s | ", row->path,
				 row->traits & NA_TRAIT_ADDRESSES ? "addresses"
								  : type_names[row->type],
				 row->traits & NA_TRAIT_ECS ? "ECS" : "ours",
				 row->traits & NA_TRAIT_REQUIRED ? ", always" : "",
				 row->traits & NA_TRAIT_UNTRUSTED ? ", untrusted" : "");
		append_cell(out, row->doc);
		na_buffer_append_string(out, " |\n");
	}
}

static void append_markdown(struct na_buffer *out)
{
	na_buffer_append_string(out, "# Events of netaudit " NA_VERSION "\n\n"
				     "Printed by `netaudit schema`.\n\n");
	append_events(out);
	append_fields(out);
}

static void (*const printers[])(struct na_buffer *out) = {append_markdown, na_schema_append_json};

/* ------------------------------------------------------------------------------------------- */

/* In the order of `printers`. */
const char *const na_schema_formats[] = {"markdown", "json-schema", NULL};

int na_schema_print(const char *format, struct na_buffer *out)
{
	for (size_t i = 0; na_schema_formats[i]; i++)
		if (strcmp(format, na_schema_formats[i]) == 0) {
			printers[i](out);
			return na_buffer_error(out);
		}
	return -ENOENT;
}
