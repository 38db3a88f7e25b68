/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def as a table, found by path. Any thread. */
#ifndef NA_OPTION_H
#define NA_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum na_option_type {
	NA_OPTION_BOOL,
	NA_OPTION_NUMBER,
	NA_OPTION_SIZE,
	NA_OPTION_DURATION,
	NA_OPTION_ENUM,
	NA_OPTION_TEXT,
	NA_OPTION_NAMES,
	NA_OPTION_TEXTS,
	NA_OPTION_FILTERS,
	NA_OPTION_MAP
};

struct na_option {
	const char *path;
	enum na_option_type type;
	const char *fallback, *min, *max, *allowed, *doc;
	size_t offset; /* of the member of struct na_config */
	size_t size;
};

enum na_option_index {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) NA_OPTION_INDEX_##id,
#include "options.def"
	NA_OPTION_COUNT
};

extern const struct na_option na_options[NA_OPTION_COUNT];

static inline bool na_option_is_list(enum na_option_type type)
{
	return type == NA_OPTION_NAMES || type == NA_OPTION_TEXTS || type == NA_OPTION_FILTERS;
}

enum na_option_match {
	NA_OPTION_UNKNOWN,
	NA_OPTION_KEY,     /* of an option: ret_option is set */
	NA_OPTION_SECTION, /* some option's path begins with it */
	NA_OPTION_LATER    /* of a later version */
};

/* Longer paths are nobody's. */
#define NA_OPTION_PATH_MAX 128

enum na_option_match na_option_find(const char *path, const struct na_option **ret_option);

/*
 * Appends `, did you mean "…"?` when a key of the same section is near, or the whole path of an
 * option whose last part is the same; otherwise nothing.
 */
void na_option_suggest(const char *path, struct na_buffer *out);

#endif
