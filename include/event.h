/* SPDX-License-Identifier: Apache-2.0 */
/* An event as it goes from stage to stage: a set of fields, made from fields.def and events.def. */
#ifndef NA_EVENT_H
#define NA_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/types.h>

/* Bytes, not a C string: may hold NUL and need not be UTF-8. */
struct na_text {
	const char *data;
	size_t length;
};

struct na_texts {
	const struct na_text *items;
	size_t count;
};

/* Network order, IPv4 as ::ffff:a.b.c.d. */
struct na_address {
	uint8_t bytes[16];
};

enum na_event_type {
#define NA_EVENT(id, name, action, group, kind, category, category2, type, type2, outcome, doc)    \
	NA_EVENT_##id,
#include "events.def"
	NA_EVENT_COUNT
};

enum na_field {
#define NA_FIELD(id, path, type, flags, doc) NA_FIELD_##id,
#include "fields.def"
	NA_FIELD_COUNT
};

enum na_outcome { NA_OUTCOME_NONE, NA_OUTCOME_SUCCESS, NA_OUTCOME_FAILURE, NA_OUTCOME_UNKNOWN };

typedef struct na_text na_type_KEYWORD;
typedef struct na_texts na_type_KEYWORDS;
typedef int64_t na_type_LONG;
typedef uint64_t na_type_ID;
typedef struct na_address na_type_IP;
typedef uint64_t na_type_DATE;
typedef bool na_type_BOOLEAN;
typedef struct na_text na_type_OBJECT;

/*
 * What process.* was made of, by numbers that never come again: equal ones are equal values. All 0:
 * not known. Compared as bytes.
 */
struct na_process_origin {
	uint64_t process, description, parent, parent_description, parent_pid;
};

/*
 * Whoever makes the event owns what its texts point to, and keeps it until the event was handed
 * on (na_sink returns); who wants to keep an event must copy it.
 */
struct na_event {
	enum na_event_type type;
	uint64_t boot_ns; /* when it happened, CLOCK_BOOTTIME */
	struct na_process_origin origin;
	uint64_t user_origin; /* the same for user.*, group.* and related.user; 0: not known */
	uint64_t present[(NA_FIELD_COUNT + 63) / 64];
#define NA_FIELD(id, path, type, flags, doc) na_type_##type f_##id;
#include "fields.def"
};

/* Where events go. Called from one thread; returns 0 or a negative errno. */
struct na_sink {
	int (*put)(struct na_sink *sink, const struct na_event *event);
};

static inline void na_event_mark(struct na_event *event, enum na_field field)
{
	event->present[field / 64] |= UINT64_C(1) << (field % 64);
}

static inline bool na_event_has(const struct na_event *event, enum na_field field)
{
	return event->present[field / 64] >> (field % 64) & 1;
}

/* NA_SET(event, SOURCE_PORT, port) for LONG, ID, DATE, BOOLEAN, IP, and texts by value. */
#define NA_SET(event, field, value)                                                                \
	((event)->f_##field = (value), na_event_mark((event), NA_FIELD_##field))

/* NA_SET_TEXT(event, ERROR_CODE, "EPERM"): a C string that outlives the event. */
#define NA_SET_TEXT(event, field, string) NA_SET(event, field, na_text_of(string))

#define NA_CLEAR(event, field)                                                                     \
	((event)->present[NA_FIELD_##field / 64] &= ~(UINT64_C(1) << (NA_FIELD_##field % 64)))

static inline struct na_text na_text_of(const char *string)
{
	return (struct na_text){string, strlen(string)};
}

static inline bool na_address_is_v4(const struct na_address *address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

/* Forgets all fields and sets those that events.def fixes: netaudit.event, event.action, … */
void na_event_init(struct na_event *event, enum na_event_type type, uint64_t boot_ns);

void na_event_set_outcome(struct na_event *event, enum na_outcome outcome);

/* error.code, error.message and event.outcome from a negative errno. */
void na_event_set_error(struct na_event *event, int error);

const char *na_event_name(enum na_event_type type);

/* -ENOENT when no event has this name; never touches ret_type then. */
int na_event_find(const char *name, enum na_event_type *ret_type);

#endif
