/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionary of the segment that is being read: each entry is taken apart once, and then set on
 * any number of events. One thread an object.
 */
#ifndef NA_LEARNED_H
#define NA_LEARNED_H

#include "base/buffer.h"
#include "journal/derive.h"
#include "journal/groups.h"
#include "journal/names.h"
#include "journal/value.h"

/* More than a segment of 16 MiB of our own takes; a hostile one does not get more. */
#define NA_LEARNED_MEMORY_MAX (128u << 20)
#define NA_LATE_MAX 64u /* of an entry: each event that refers to it looks at all of them */

/* A field's value; in an entry those of one width are together, so that setting asks nothing. */
struct na_slot {
	union na_value value;
	uint16_t offset; /* in struct na_event */
	uint8_t width;
	bool is_list;
};

/* A field that events of a shape have, in order. */
struct na_own {
	uint8_t type;
	bool known; /* this version has it */
	uint16_t offset;
};

struct na_shape {
	struct na_derived derived; /* without the ordinal */
	uint32_t references;       /* bits of groups */
	uint64_t present[NA_PRESENT_WORDS];
	size_t own_count;
	const struct na_own *own;
};

/* What became known of an entry later. */
struct na_late {
	const struct na_late *next;
	uint64_t first_sequence, wall_ns;
	const struct na_entry *fields;
};

struct na_entry {
	uint64_t number; /* of its values, in all that was ever learned: from 1 */
	uint8_t group;
	unsigned int late_count;
	const struct na_late *late;
	const struct na_shape *shape; /* of NA_GROUP_SHAPE */
	uint64_t present[NA_PRESENT_WORDS];
	const struct na_slot *slots;
	size_t count; /* the first `texts` of them, or addresses, `numbers`, and the rest booleans
		       */
	size_t texts, numbers;
};

struct na_learned;

/* NULL: out of memory. */
struct na_learned *na_learned_new(void);
void na_learned_free(struct na_learned *learned);

/* Forgets all entries; dates of those to come are relative to `base_ns`. */
void na_learned_forget(struct na_learned *learned, uint64_t base_ns);

/*
 * Takes the payload of an ENTRY; *ret_entry is valid until na_learned_forget. 0; -EBADMSG: `why`
 * has a sentence; -ENOMEM.
 */
int na_learned_take(struct na_learned *learned, const struct na_names *names, struct na_wire wire,
		    const struct na_entry **ret_entry, struct na_buffer *why);

/* Takes a LATE: its entry has it from now on. As above; nothing when that is lost. */
int na_learned_take_late(struct na_learned *learned, const struct na_names *names,
			 const struct na_frame_late *late, struct na_buffer *why);

/* NULL: there is no such entry. */
const struct na_entry *na_learned_get(const struct na_learned *learned, uint64_t number);

/* Sets an entry's fields. */
static inline void na_entry_set(const struct na_entry *entry, struct na_event *event)
{
	const struct na_slot *slot = entry->slots, *end = slot + entry->texts;
	char *to = (char *)event;

	for (; slot < end; slot++)
		memcpy(to + slot->offset, &slot->value, sizeof(union na_value));
	for (end += entry->numbers; slot < end; slot++)
		memcpy(to + slot->offset, &slot->value, sizeof(uint64_t));
	for (end = entry->slots + entry->count; slot < end; slot++)
		memcpy(to + slot->offset, &slot->value, sizeof(bool));
	for (size_t i = 0; i < NA_PRESENT_WORDS; i++)
		event->present[i] |= entry->present[i];
}

#endif
