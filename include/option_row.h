/* SPDX-License-Identifier: Apache-2.0 */
/* Options as rows: what the configuration, the manual and the outputs share. Plain data. */
#ifndef NA_OPTION_ROW_H
#define NA_OPTION_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct na_filter;

enum na_option_type {
	NA_OPTION_BOOL,
	NA_OPTION_NUMBER,
	NA_OPTION_SIZE,     /* bytes */
	NA_OPTION_DURATION, /* ns */
	NA_OPTION_SHARE,    /* bytes, or percents of a whole */
	NA_OPTION_ENUM,     /* place in `allowed` */
	NA_OPTION_TEXT,
	NA_OPTION_NAMES, /* a bit for each place in `allowed` */
	NA_OPTION_TEXTS,
	NA_OPTION_FILTERS,
	NA_OPTION_MAP,
	NA_OPTION_OUTPUTS /* only of the configuration itself */
};

/* What `allowed` may be beside names. */
#define NA_POWER_OF_TWO "a power of two"
#define NA_ABSOLUTE_PATH "a path that begins with /"
#define NA_DOTTED_NAMES "names with dots"
#define NA_HOOK_SETTINGS "hooks and their modes"

struct na_share {
	uint64_t bytes;
	unsigned int percent; /* when not 0: of the whole, and bytes is 0 */
};

struct na_config_filters {
	struct na_text *texts;      /* as written */
	struct na_filter **filters; /* the same, parsed */
	size_t count;
};

/* Where a value came from. */
struct na_config_origin {
	const char *file; /* NULL: the default; "--set" */
	size_t line;      /* from 1; 0 of --set */
};

struct na_config_pair {
	struct na_text name, value; /* with a NUL behind */
	struct na_config_origin origin;
};

struct na_config_map {
	struct na_config_pair *pairs; /* in the order they were given first */
	size_t count;
};

struct na_config_output;

struct na_config_outputs {
	struct na_config_output *items; /* config/config.h; in the order they were given */
	size_t count;
};

/* The member that holds a value of the type. */
typedef bool na_option_BOOL;
typedef uint64_t na_option_NUMBER;
typedef uint64_t na_option_SIZE;
typedef uint64_t na_option_DURATION;
typedef struct na_share na_option_SHARE;
typedef unsigned int na_option_ENUM;
typedef struct na_text na_option_TEXT; /* with a NUL behind */
typedef uint64_t na_option_NAMES;
typedef struct na_texts na_option_TEXTS;
typedef struct na_config_filters na_option_FILTERS;
typedef struct na_config_map na_option_MAP;
typedef struct na_config_outputs na_option_OUTPUTS;

/* A row, as options.def explains its columns. */
struct na_option {
	const char *path;
	enum na_option_type type;
	const char *fallback, *min, *max, *allowed, *doc;
	size_t offset; /* of the member in the struct that holds the values */
	size_t size;
};

#endif
