/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of fields as events had them last, with the entry that they are. Most events have groups
 * that came a moment ago: comparing values costs a third of serialising them, looking for the bytes
 * and comparing those. One thread at a time.
 */
#ifndef NA_RECENT_H
#define NA_RECENT_H

#include "journal/groups.h"

struct na_recent;

#define NA_RECENT_MORE 2

/* A group of an event. */
struct na_recent_group {
	enum na_group group;
	uint64_t fields[NA_PRESENT_WORDS];   /* as in na_event.present */
	struct na_text more[NA_RECENT_MORE]; /* what makes the entry besides; empty: nothing */
};

struct na_recent *na_recent_new(void); /* NULL: no memory */
void na_recent_free(struct na_recent *recent);

/* False: it is not known; true: it is the entry *ret_number. */
bool na_recent_find(struct na_recent *recent, const struct na_event *event,
		    const struct na_recent_group *group, uint32_t *ret_number);

/* Copies it; what does not fit, or finds no memory, is not kept. */
void na_recent_keep(struct na_recent *recent, const struct na_event *event,
		    const struct na_recent_group *group, uint32_t number);

/* Entries have other numbers from now on. */
void na_recent_forget(struct na_recent *recent);

size_t na_recent_memory(const struct na_recent *recent);

#endif
