/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of fields.def as a table. */
#include "base/field.h"

/* The letters of the column `flags`. */
enum {
	U = NA_TRAIT_UNTRUSTED,
	S = NA_TRAIT_SECRET,
	E = NA_TRAIT_ECS,
	R = NA_TRAIT_REQUIRED,
	A = NA_TRAIT_ADDRESSES,
};

const struct na_field_row na_field_rows[NA_FIELD_COUNT] = {
#define NA_FIELD(id, path, type, flags, doc)                                                       \
	[NA_FIELD_##id] = {path, doc, NA_TYPE_##type, flags, offsetof(struct na_event, f_##id)},
#include "fields.def"
};
