/* SPDX-License-Identifier: Apache-2.0 */
/* View `connections`. */
#include "ship/view.h"

static const char *const kinds[NA_EVENT_COUNT] = {
/* clang-format off */
#define NA_EVENT(id, name, action, group, kind, category, category2, type, type2, outcome, doc) [NA_EVENT_##id] = kind,
#include "events.def"
	/* clang-format on */
};

bool na_view_is_state(enum na_event_type type)
{
	return type < NA_EVENT_COUNT && strcmp(kinds[type], "state") == 0;
}

bool na_view_has_type(enum na_event_type type)
{
	return type == NA_EVENT_CLOSED || type == NA_EVENT_CONNECT_FAILED ||
	       type == NA_EVENT_CONNECTION || type == NA_EVENT_FLOW || type == NA_EVENT_DENIED ||
	       na_view_is_state(type);
}

bool na_view_has(const struct na_event *event, uint64_t interval_ns, uint64_t told_ns)
{
	uint64_t told_at_ns;

	if (!na_view_has_type(event->type))
		return false;
	/* Sockets that only were bound or listened end with `closed` too. */
	if (event->type == NA_EVENT_CLOSED)
		return na_event_has(event, NA_FIELD_NA_CONNECTION_ID);
	if (event->type != NA_EVENT_CONNECTION || !na_event_has(event, NA_FIELD_EVENT_DURATION))
		return true;
	/* Late or not, capture tells once for each whole `told_ns` of age. */
	told_at_ns = (uint64_t)event->f_EVENT_DURATION / told_ns * told_ns;
	return told_at_ns >= interval_ns && told_at_ns % interval_ns < told_ns;
}

bool na_view_convert(struct na_event *event)
{
	struct na_event base;

	if (event->type != NA_EVENT_CLOSED && event->type != NA_EVENT_CONNECT_FAILED)
		return false;
	na_event_init(&base, NA_EVENT_CONNECTION, event->boot_ns);
	event->type = base.type;
	NA_SET(event, NA_EVENT, base.f_NA_EVENT);
	NA_SET(event, EVENT_ACTION, base.f_EVENT_ACTION);
	NA_SET(event, EVENT_DATASET, base.f_EVENT_DATASET);
	NA_SET(event, EVENT_KIND, base.f_EVENT_KIND);
	NA_SET(event, EVENT_CATEGORY, base.f_EVENT_CATEGORY);
	NA_SET(event, EVENT_TYPE, base.f_EVENT_TYPE);
	return true;
}
