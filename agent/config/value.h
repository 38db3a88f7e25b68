/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values: from text, checked by their option's row, and back. Any thread.
 *
 * `value` points to a member of the struct that the option's rows fill, or of a union na_value, of
 * the option's type.
 */
#ifndef NA_VALUE_H
#define NA_VALUE_H

#include "config/config.h"
#include "config/option.h"

union na_value {
	na_option_BOOL boolean;
	na_option_NUMBER number; /* SIZE and DURATION too */
	na_option_SHARE share;
	na_option_ENUM choice;
	na_option_TEXT text;
	na_option_NAMES names;
	na_option_TEXTS texts;
	na_option_FILTERS filters;
	na_option_MAP map;
	na_option_OUTPUTS outputs;
};

/* No text of the configuration is longer: filters, labels, patterns. */
#define NA_VALUE_TEXT_MAX 4096

/* A limit of a row; the rows are right, a test parses them all. */
uint64_t na_value_limit(enum na_option_type type, const char *text);

/* Place of `text` in "one|two|three", or -ENOENT. */
int na_value_find_name(const char *names, struct na_text text, unsigned int *ret_place);

/* Says that `text` is none of the names, and which is near. Always -EINVAL. */
int na_value_refuse_name(const char *names, struct na_text text, struct na_buffer *why);

/* The caller owns ret_text's bytes, a C string. -EINVAL: too long, or a NUL inside; -ENOMEM. */
int na_value_copy(struct na_text text, uint64_t max, struct na_text *ret_text,
		  struct na_buffer *why);

/* An option that is neither list nor map. -EINVAL: `why` got a sentence; -ENOMEM. */
int na_value_parse(const struct na_option *option, struct na_text text, void *value,
		   struct na_buffer *why);

/* One more item of a list; errors as above. */
int na_value_add(const struct na_option *option, struct na_text text, void *value,
		 struct na_buffer *why);

/* One more pair of a map, or another value for one of this name; errors as above. */
int na_value_put(const struct na_option *option, struct na_text name, struct na_text text,
		 const struct na_config_origin *origin, struct na_config_map *map,
		 struct na_buffer *why);

/* The value of a pair of the option's map, as in a file. */
void na_value_print_pair(const struct na_option *option, const struct na_config_pair *pair,
			 struct na_buffer *out);

/* How many items a list or map has. */
size_t na_value_count(const struct na_option *option, const void *value);

/* That number against min and max. -EINVAL with `why`. */
int na_value_check_count(const struct na_option *option, const void *value, struct na_buffer *why);

/* Frees what the value owns; it is empty and usable again. */
void na_value_done(const struct na_option *option, void *value);

/* Too little to be used: a text or list that is shorter than its row wants. */
bool na_value_is_missing(const struct na_option *option, const void *value);

bool na_value_equal(const struct na_option *option, const void *a, const void *b);

/* As in a file, in one line. */
void na_value_print(const struct na_option *option, const void *value, struct na_buffer *out);

/* The same of what items.c knows: lists and maps. */
bool na_items_equal(const struct na_option *option, const void *a, const void *b);
void na_items_print(const struct na_option *option, const void *value, struct na_buffer *out);

#endif
