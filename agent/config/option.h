/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def as a table, found by path. Any thread. */
#ifndef NA_OPTION_H
#define NA_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "option_row.h"

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
