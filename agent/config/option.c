/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def as a table, found by path. */
#include "config/option.h"

#include <string.h>

#include "config/config.h"
#include "config/suggest.h"

const struct na_option na_options[NA_OPTION_COUNT] = {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc)                                \
	{path,                                                                                     \
	 NA_OPTION_##type,                                                                         \
	 fallback,                                                                                 \
	 min,                                                                                      \
	 max,                                                                                      \
	 allowed,                                                                                  \
	 doc,                                                                                      \
	 offsetof(struct na_config, id),                                                           \
	 sizeof(((struct na_config *)0)->id)},
#include "options.def"
};

/* Fixed in the documentation, made by later versions: asking for one must not be passed over. */
static const char *const later[] = {"journal", "outputs", "capture.hooks"};

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

/* ------------------------------------------------------------------------------------------- */

enum na_option_match na_option_find(const char *path, const struct na_option **ret_option)
{
	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++)
		if (is_below(path, later[i]))
			return NA_OPTION_LATER;
	for (size_t i = 0; i < NA_OPTION_COUNT; i++) {
		if (strcmp(na_options[i].path, path) == 0) {
			*ret_option = &na_options[i];
			return NA_OPTION_KEY;
		}
		if (is_below(na_options[i].path, path))
			return NA_OPTION_SECTION;
	}
	return NA_OPTION_UNKNOWN;
}

void na_option_suggest(const char *path, struct na_buffer *out)
{
	size_t length = section_length(path);
	struct na_suggestion suggestion;

	na_suggestion_init(&suggestion, na_text_of(last_part(path)));
	for (size_t i = 0; i < NA_OPTION_COUNT; i++)
		na_suggestion_offer(&suggestion, part_below(na_options[i].path, path, length));
	for (size_t i = 0; i < NA_OPTION_COUNT && !suggestion.nearest.length; i++)
		if (strcmp(last_part(na_options[i].path), last_part(path)) == 0)
			suggestion.nearest = na_text_of(na_options[i].path);
	na_suggestion_append(&suggestion, out);
}
