/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def and output_options.def as tables, found by path. */
#include "config/option.h"

#include <string.h>

#include "config/config.h"
#include "config/suggest.h"

#define ROW(owner, id, path, type, fallback, min, max, allowed, doc)                               \
	{path,                                                                                     \
	 NA_OPTION_##type,                                                                         \
	 fallback,                                                                                 \
	 min,                                                                                      \
	 max,                                                                                      \
	 allowed,                                                                                  \
	 doc,                                                                                      \
	 offsetof(struct owner, id),                                                               \
	 sizeof(((struct owner *)0)->id)},

const struct na_option na_options[NA_OPTION_COUNT] = {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, reload, doc)                        \
	ROW(na_config, id, path, type, fallback, min, max, allowed, doc)
#include "options.def"
};

const struct na_option na_output_options[NA_OUTPUT_OPTION_COUNT] = {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc)                                \
	ROW(na_output_common, id, path, type, fallback, min, max, allowed, doc)
#include "output_options.def"
};

/* Is `path` the section `section`, or below it? */
static bool is_below(const char *path, const char *section)
{
	size_t length = strlen(section);

	return strncmp(path, section, length) == 0 && (path[length] == '.' || path[length] == '\0');
}

/* Length of the section in front of the last part, without its dot. */
static size_t section_length(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? (size_t)(dot - path) : 0;
}

static const char *last_part(const char *path)
{
	size_t length = section_length(path);

	return path + (length ? length + 1 : 0);
}

/* What stands behind the section in an option's path up to the next dot; empty when not below. */
static struct na_text part_below(const char *option, const char *section, size_t length)
{
	const char *part = option + (length ? length + 1 : 0);

	if (length && (strncmp(option, section, length) != 0 || option[length] != '.'))
		return (struct na_text){0};
	return (struct na_text){part, strcspn(part, ".")};
}

static enum na_option_match find_in(const struct na_rows *rows, const char *path,
				    const struct na_option **ret_option)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (strcmp(rows->options[i].path, path) == 0) {
			*ret_option = &rows->options[i];
			return NA_OPTION_KEY;
		}
		if (is_below(rows->options[i].path, path))
			return NA_OPTION_SECTION;
	}
	return NA_OPTION_UNKNOWN;
}

static void suggest_path(const struct na_rows *rows, const char *path,
			 struct na_suggestion *suggestion)
{
	for (size_t i = 0; i < rows->count && !suggestion->nearest.length; i++)
		if (strcmp(last_part(rows->options[i].path), last_part(path)) == 0)
			suggestion->nearest = na_text_of(rows->options[i].path);
}

/* ------------------------------------------------------------------------------------------- */

enum na_option_match na_option_find(const struct na_rows *rows, size_t count, const char *path,
				    const struct na_rows **ret_rows,
				    const struct na_option **ret_option)
{
	enum na_option_match match = NA_OPTION_UNKNOWN;

	for (size_t i = 0; i < count && match == NA_OPTION_UNKNOWN; i++) {
		match = find_in(&rows[i], path, ret_option);
		if (match == NA_OPTION_KEY)
			*ret_rows = &rows[i];
	}
	return match;
}

void na_option_suggest(const struct na_rows *rows, size_t count, const char *path,
		       struct na_buffer *out)
{
	size_t length = section_length(path);
	struct na_suggestion suggestion;

	na_suggestion_init(&suggestion, na_text_of(last_part(path)));
	for (size_t table = 0; table < count; table++)
		for (size_t i = 0; i < rows[table].count; i++)
			na_suggestion_offer(&suggestion,
					    part_below(rows[table].options[i].path, path, length));
	for (size_t table = 0; table < count; table++)
		suggest_path(&rows[table], path, &suggestion);
	na_suggestion_append(&suggestion, out);
}
