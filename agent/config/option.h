/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def and output_options.def as tables, found by path. Any thread. */
#ifndef NA_OPTION_H
#define NA_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "option_row.h"

enum na_option_index {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, reload, doc) NA_OPTION_INDEX_##id,
#include "options.def"
	NA_OPTION_COUNT
};

enum na_output_option_index {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) NA_OUTPUT_OPTION_##id,
#include "output_options.def"
	NA_OUTPUT_OPTION_COUNT
};

extern const struct na_option na_options[NA_OPTION_COUNT];
extern const struct na_option na_output_options[NA_OUTPUT_OPTION_COUNT];

static inline bool na_option_is_list(enum na_option_type type)
{
	return type == NA_OPTION_NAMES || type == NA_OPTION_TEXTS || type == NA_OPTION_FILTERS;
}

/* Rows, and what they fill. Borrowed. */
struct na_rows {
	const struct na_option *options;
	size_t count;
	void *values;                     /* the struct that their offsets are of */
	struct na_config_origin *origins; /* of each; pairs of maps and outputs have their own */
};

static inline void *na_rows_member(const struct na_rows *rows, const struct na_option *option)
{
	return (char *)rows->values + option->offset;
}

/* Where a value was given; the default has no file. */
static inline struct na_config_origin *na_rows_origin(const struct na_rows *rows,
						      const struct na_option *option)
{
	return &rows->origins[option - rows->options];
}

enum na_option_match {
	NA_OPTION_UNKNOWN,
	NA_OPTION_KEY,    /* of an option: ret_option is set, ret_rows has it */
	NA_OPTION_SECTION /* some option's path begins with it */
};

/* Longer paths are nobody's. */
#define NA_OPTION_PATH_MAX 128

/* `rows` are `count` tables that share one space of paths. */
enum na_option_match na_option_find(const struct na_rows *rows, size_t count, const char *path,
				    const struct na_rows **ret_rows,
				    const struct na_option **ret_option);

/*
 * Appends `, did you mean "…"?` when a key of the same section is near, or the whole path of an
 * option whose last part is the same; otherwise nothing.
 */
void na_option_suggest(const struct na_rows *rows, size_t count, const char *path,
		       struct na_buffer *out);

#endif
