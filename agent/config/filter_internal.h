/* SPDX-License-Identifier: Apache-2.0 */
/* What parsing and matching of filters share. */
#ifndef NA_FILTER_INTERNAL_H
#define NA_FILTER_INTERNAL_H

#include "config/filter.h"

/* A wildcard in a pattern's bytes: the filter's text is a C string, so no literal byte is 0. */
#define NA_FILTER_ANY '\0'

/* The value's text with NA_FILTER_ANY where a `*` stood that was not escaped. */
struct na_filter_pattern {
	char *bytes; /* owned; the value's text usually stands behind, in the same memory */
	size_t length;
	bool wild; /* holds a wildcard */
};

struct na_filter {
	struct na_filter_term *terms;
	struct na_filter_pattern **patterns; /* of each term, one for each value */
	size_t count;
};

/*
 * Checks a value whose text and pattern are set, brings both to the case of events, and fills in
 * numbers and addresses. -EINVAL: `why` got what is wrong, without a column.
 */
int na_filter_read_value(enum na_filter_key key, struct na_filter_value *value,
			 struct na_filter_pattern *pattern, struct na_buffer *why);

/* Equal to the value's text, or like its pattern where that is wild. */
bool na_filter_match_text(const struct na_filter_value *value,
			  const struct na_filter_pattern *pattern, struct na_text text);

/* Names by enum na_filter_key. */
extern const char *const na_filter_keys[NA_FILTER_KEY_COUNT];

#endif
