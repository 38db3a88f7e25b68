/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which fields an event refers to as one entry of the dictionary, because they come again together:
 * by their paths. Any thread.
 */
#ifndef NA_GROUPS_H
#define NA_GROUPS_H

#include "event.h"
#include "journal/wire.h"

#define NA_PRESENT_WORDS ((NA_FIELD_COUNT + 63) / 64)

/* Bits as in na_event.present. */
struct na_groups {
	uint64_t of[NA_GROUP_COUNT][NA_PRESENT_WORDS]; /* CONSTANTS: none */
	uint64_t own[NA_PRESENT_WORDS];                /* stored with the event */
	uint64_t lists[NA_PRESENT_WORDS];              /* of type KEYWORDS */
};

void na_groups_make(struct na_groups *ret_groups);

#endif
