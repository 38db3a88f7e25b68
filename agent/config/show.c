/* SPDX-License-Identifier: Apache-2.0 */
/* The effective configuration as YAML, each value with a comment that says where it came from. */
#include <string.h>

#include "config/config_internal.h"
#include "config/outputs.h"
#include "config/text.h"

#define COMMENT_COLUMN 36

static void append_origin(const struct na_config_origin *origin, size_t line_start,
			  struct na_buffer *out)
{
	size_t width = out->length - line_start;

	do
		na_buffer_append_char(out, ' ');
	while (++width < COMMENT_COLUMN && !na_buffer_error(out));
	na_buffer_append_string(out, "# ");
	if (!origin->file) {
		na_buffer_append_string(out, "default");
	} else {
		na_text_print_comment(na_text_of(origin->file), out);
	}
	if (origin->line)
		na_buffer_printf(out, ":%zu", origin->line);
	na_buffer_append_char(out, '\n');
}

/* Where `path` leaves the section: the heading, and what is left of the path. */
static const char *enter_section(const char *path, const char *last, struct na_buffer *out)
{
	const char *dot = strchr(path, '.');
	size_t length;

	if (!dot)
		return path;
	length = (size_t)(dot - path) + 1;
	if (strncmp(path, last, length) != 0)
		na_buffer_printf(out, "%.*s:\n", (int)(length - 1), path);
	return dot + 1;
}

/* Of what is shown: the columns in front of its name, and where its line began. */
struct shown {
	int indent;
	size_t start;
	const struct na_config_origin *origin;
	bool masked; /* secrets are not for who looks */
};

/* By its name, as sasl.password, Authorization, ssl.key.pem. Files that hold one are named, not
 * shown. */
static bool is_secret(const char *name)
{
	static const char *const parts[] = {
		"password", "secret", "token",  "auth", "api-key",
		"apikey",   "jaas",   "cookie", ".pem", "oauthbearer.config"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcasestr(name, parts[i]))
			return true;
	return false;
}

static void show_texts(const struct na_text *texts, size_t count, const struct shown *shown,
		       struct na_buffer *out)
{
	if (!count)
		na_buffer_append_string(out, " []");
	append_origin(shown->origin, shown->start, out);
	for (size_t i = 0; i < count; i++) {
		na_buffer_printf(out, "%*s- ", shown->indent + 2, "");
		na_text_print_yaml(texts[i], out);
		na_buffer_append_char(out, '\n');
	}
}

static void show_map(const struct na_option *option, const struct na_config_map *map,
		     const struct shown *shown, struct na_buffer *out)
{
	if (!map->count) {
		na_buffer_append_string(out, " {}");
		append_origin(&(struct na_config_origin){0}, shown->start, out);
		return;
	}
	na_buffer_append_char(out, '\n');
	for (size_t i = 0; i < map->count; i++) {
		const struct na_config_pair *pair = &map->pairs[i];
		size_t start = out->length;

		na_buffer_printf(out, "%*s%s: ", shown->indent + 2, "", pair->name.data);
		if (shown->masked && is_secret(pair->name.data))
			na_buffer_append_string(out, "'***'");
		else
			na_value_print_pair(option, pair, out);
		append_origin(&pair->origin, start, out);
	}
}

/* Behind the name and its colon. */
static void show_value(const struct na_option *option, const void *value, const struct shown *shown,
		       struct na_buffer *out)
{
	const struct na_config_filters *filters = value;
	const struct na_texts *texts = value;

	switch (option->type) {
	case NA_OPTION_TEXTS:
		show_texts(texts->items, texts->count, shown, out);
		break;
	case NA_OPTION_FILTERS:
		show_texts(filters->texts, filters->count, shown, out);
		break;
	case NA_OPTION_MAP:
		show_map(option, value, shown, out);
		break;
	default:
		na_buffer_append_char(out, ' ');
		na_value_print(option, value, out);
		append_origin(shown->origin, shown->start, out);
	}
}

/* An item of a list: each row is a key of its own. */
static void show_output(const struct na_config_output *output, bool masked, struct na_buffer *out)
{
	struct na_rows rows[NA_OUTPUT_ROWS];

	na_config_output_rows(output, rows);
	for (size_t table = 0; table < NA_OUTPUT_ROWS; table++)
		for (size_t i = 0; i < rows[table].count; i++) {
			const struct na_option *option = &rows[table].options[i];
			struct shown shown = {4, out->length, na_rows_origin(&rows[table], option),
					      masked};

			na_buffer_printf(out, "  %c %s:", table || i ? ' ' : '-', option->path);
			show_value(option, na_rows_member(&rows[table], option), &shown, out);
		}
}

static void show_outputs(const struct na_config_outputs *outputs, const struct shown *shown,
			 struct na_buffer *out)
{
	if (!outputs->count) {
		na_buffer_append_string(out, " []");
		append_origin(shown->origin, shown->start, out);
		return;
	}
	na_buffer_append_char(out, '\n');
	for (size_t i = 0; i < outputs->count; i++)
		show_output(&outputs->items[i], shown->masked, out);
}

static void show_option(const struct na_rows *rows, const struct na_option *option,
			const char *last, bool masked, struct na_buffer *out)
{
	const char *name = enter_section(option->path, last, out);
	struct shown shown = {name == option->path ? 0 : 2, out->length,
			      na_rows_origin(rows, option), masked};

	na_buffer_printf(out, "%*s%s:", shown.indent, "", name);
	if (option->type == NA_OPTION_OUTPUTS)
		show_outputs(na_rows_member(rows, option), &shown, out);
	else
		show_value(option, na_rows_member(rows, option), &shown, out);
}

static int show(const struct na_config *config, bool masked, struct na_buffer *out)
{
	const struct na_rows rows = na_config_rows(config);
	const char *last = "";

	for (size_t i = 0; i < rows.count; i++) {
		show_option(&rows, &rows.options[i], last, masked, out);
		last = rows.options[i].path;
	}
	return na_buffer_error(out);
}

/* ------------------------------------------------------------------------------------------- */

int na_config_show(const struct na_config *config, struct na_buffer *out)
{
	return show(config, false, out);
}

int na_config_show_masked(const struct na_config *config, struct na_buffer *out)
{
	return show(config, true, out);
}
