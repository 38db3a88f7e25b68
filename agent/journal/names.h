/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of a segment's fields and events belong to the version that wrote it: NAMES says what
 * they stand for. Any thread; one thread an object.
 */
#ifndef NA_NAMES_H
#define NA_NAMES_H

#include "base/buffer.h"
#include "base/field.h"
#include "journal/wire.h"

struct na_name {
	uint8_t type; /* as it is stored: enum na_type, NA_TYPE_COUNT: one that is not known here */
	int16_t own;  /* enum na_field; -1: this version has no such field, or of another type */
};

struct na_names {
	size_t field_count, event_count; /* 0: none were learned */
	struct na_name fields[NA_NAMES_MAX];
	uint16_t events[NA_NAMES_MAX]; /* enum na_event_type, NA_EVENT_COUNT: not known here */
};

/* Appends this version's names as a frame. 0 or -ENOMEM, then nothing is appended. */
int na_names_put(struct na_buffer *out);

/* false: the payload makes no sense; names are forgotten then. */
bool na_names_learn(struct na_names *names, struct na_wire wire);

#endif
