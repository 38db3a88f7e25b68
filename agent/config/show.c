/* SPDX-License-Identifier: Apache-2.0 */
/* The effective configuration as YAML, each value with a comment that says where it came from. */
#include "config/config_internal.h"
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
		/* A newline in a file's name would end the comment. */
		for (const char *at = origin->file; *at; at++)
			na_buffer_append_char(out, *at == '\n' ? '?' : *at);
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

static void show_texts(const struct na_text *texts, size_t count, const char *indent,
		       const struct na_config_origin *origin, size_t start, struct na_buffer *out)
{
	if (!count)
		na_buffer_append_string(out, " []");
	append_origin(origin, start, out);
	for (size_t i = 0; i < count; i++) {
		na_buffer_printf(out, "%s  - ", indent);
		na_text_print_yaml(texts[i], out);
		na_buffer_append_char(out, '\n');
	}
}

static void show_map(const struct na_config_map *map, const char *indent, size_t start,
		     struct na_buffer *out)
{
	if (!map->count) {
		na_buffer_append_string(out, " {}");
		append_origin(&(struct na_config_origin){0}, start, out);
		return;
	}
	na_buffer_append_char(out, '\n');
	for (size_t i = 0; i < map->count; i++) {
		const struct na_config_pair *pair = &map->pairs[i];

		start = out->length;
		na_buffer_printf(out, "%s  %s: ", indent, pair->name.data);
		na_text_print_yaml(pair->value, out);
		append_origin(&pair->origin, start, out);
	}
}

static void show_option(const struct na_config *config, size_t index, const char *last,
			struct na_buffer *out)
{
	const struct na_option *option = &na_options[index];
	const struct na_config_origin *origin = &config->state->origins[index];
	const void *member = na_config_member(config, option);
	const char *name = enter_section(option->path, last, out);
	const char *indent = name == option->path ? "" : "  ";
	const struct na_config_filters *filters = member;
	const struct na_texts *texts = member;
	size_t start = out->length;

	na_buffer_printf(out, "%s%s:", indent, name);
	switch (option->type) {
	case NA_OPTION_TEXTS:
		show_texts(texts->items, texts->count, indent, origin, start, out);
		break;
	case NA_OPTION_FILTERS:
		show_texts(filters->texts, filters->count, indent, origin, start, out);
		break;
	case NA_OPTION_MAP:
		show_map(member, indent, start, out);
		break;
	default:
		na_buffer_append_char(out, ' ');
		na_value_print(option, member, out);
		append_origin(origin, start, out);
	}
}

/* ------------------------------------------------------------------------------------------- */

int na_config_show(const struct na_config *config, struct na_buffer *out)
{
	const char *last = "";

	for (size_t i = 0; i < NA_OPTION_COUNT; i++) {
		show_option(config, i, last, out);
		last = na_options[i].path;
	}
	return na_buffer_error(out);
}
