/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of fields.def as a table, for code that goes over all fields. Any thread. */
#ifndef NA_FIELD_H
#define NA_FIELD_H

#include "event.h"

/* The column `type`. */
enum na_type {
	NA_TYPE_KEYWORD,
	NA_TYPE_KEYWORDS,
	NA_TYPE_LONG,
	NA_TYPE_ID,
	NA_TYPE_IP,
	NA_TYPE_DATE,
	NA_TYPE_BOOLEAN,
	NA_TYPE_OBJECT,
	NA_TYPE_COUNT
};

/* The column `flags`. */
enum na_trait {
	NA_TRAIT_UNTRUSTED = 0x01, /* U */
	NA_TRAIT_SECRET = 0x02,    /* S */
	NA_TRAIT_ECS = 0x04,       /* E */
	NA_TRAIT_REQUIRED = 0x08,  /* R */
	NA_TRAIT_ADDRESSES = 0x10, /* A */
};

struct na_field_row {
	const char *path;
	const char *doc;
	enum na_type type;
	unsigned int traits;
	size_t offset; /* of the member in struct na_event */
};

extern const struct na_field_row na_field_rows[NA_FIELD_COUNT];

/* The member of the field; only its own type may read it. */
static inline const void *na_field_value(const struct na_event *event, enum na_field field)
{
	return (const char *)event + na_field_rows[field].offset;
}

#endif
