/* SPDX-License-Identifier: Apache-2.0 */
/* What every event of a type has in common, from the rows of events.def. */
#include "event.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
#define TEXT(string) {string, sizeof(string) - 1}
#define ERRNO_MAX 4096

#define NA_EVENT(id, name, action, group, kind, category, category2, type, type2, outcome, doc) \
	static const struct na_text categories_##id[] = {TEXT(category), TEXT(category2)};      \
	static const struct na_text types_##id[] = {TEXT(type), TEXT(type2)};
#include "events.def"

struct event_row {
	struct na_text name, action, dataset, kind;
	struct na_texts categories, types;
	enum na_outcome outcome;
};

static const struct event_row rows[NA_EVENT_COUNT] = {
#define NA_EVENT(id, name, action, group, kind, category, category2, type, type2, outcome, doc)  \
	[NA_EVENT_##id] = {TEXT(name), TEXT(action), TEXT("netaudit." group), TEXT(kind),        \
			   {categories_##id, 1 + (sizeof(category2) > 1)},                       \
			   {types_##id, 1 + (sizeof(type2) > 1)}, NA_OUTCOME_##outcome},
#include "events.def"
};
/* clang-format on */

void na_event_init(struct na_event *event, enum na_event_type type, uint64_t boot_ns)
{
	const struct event_row *row = &rows[type];

	event->type = type;
	event->boot_ns = boot_ns;
	event->origin = (struct na_process_origin){0};
	event->user_origin = 0;
	memset(event->present, 0, sizeof(event->present));
	NA_SET(event, NA_EVENT, row->name);
	NA_SET(event, EVENT_ACTION, row->action);
	NA_SET(event, EVENT_DATASET, row->dataset);
	NA_SET(event, EVENT_KIND, row->kind);
	NA_SET(event, EVENT_CATEGORY, row->categories);
	NA_SET(event, EVENT_TYPE, row->types);
	NA_SET_TEXT(event, EVENT_MODULE, "netaudit");
	na_event_set_outcome(event, row->outcome);
}

void na_event_set_outcome(struct na_event *event, enum na_outcome outcome)
{
	static const struct na_text names[] = {
		[NA_OUTCOME_SUCCESS] = TEXT("success"),
		[NA_OUTCOME_FAILURE] = TEXT("failure"),
		[NA_OUTCOME_UNKNOWN] = TEXT("unknown"),
	};

	if (outcome == NA_OUTCOME_NONE)
		NA_CLEAR(event, EVENT_OUTCOME);
	else
		NA_SET(event, EVENT_OUTCOME, names[outcome]);
}

void na_event_set_error(struct na_event *event, int error)
{
	int number =
		error > -ERRNO_MAX ? -error : 0; /* of a record from a file it may be anything */
	const char *name = number > 0 ? strerrorname_np(number) : NULL;

	NA_SET_TEXT(event, ERROR_CODE, name ? name : "UNKNOWN");
	NA_SET_TEXT(event, ERROR_MESSAGE, name ? strerrordesc_np(number) : "Unknown error");
	na_event_set_outcome(event, NA_OUTCOME_FAILURE);
}

const char *na_event_name(enum na_event_type type)
{
	return rows[type].name.data;
}

int na_event_find(const char *name, enum na_event_type *ret_type)
{
	for (int type = 0; type < NA_EVENT_COUNT; type++)
		if (strcmp(rows[type].name.data, name) == 0) {
			*ret_type = (enum na_event_type)type;
			return 0;
		}
	return -ENOENT;
}
