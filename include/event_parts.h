/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of an event that come again in other events with the same values: the description of its
 * process, its user, what all events of its kind have. Who renders events may keep what it made of
 * a part and copy it the next time.
 */
#ifndef NA_EVENT_PARTS_H
#define NA_EVENT_PARTS_H

#include "event.h"

#define NA_EVENT_WORDS ((NA_FIELD_COUNT + 63) / 64)

/* What an event has of more parts is as its other fields are. */
#define NA_EVENT_PARTS_MAX 6

struct na_event_part {
	uint64_t number; /* of these values: never used again for others by the one who made it */
	uint64_t fields[NA_EVENT_WORDS]; /* the event has them from this part; bits as in present */
};

/* No field is in two of them. They say nothing any more once the event was changed. */
struct na_event_parts {
	size_t count;
	struct na_event_part items[NA_EVENT_PARTS_MAX];
};

#endif
