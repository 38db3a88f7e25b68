/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an event is written: steps, each a field or a run of fields that is copied at once. The plan
 * depends on which fields there are and where they come from, on no value: so nearly all events
 * follow a few plans, which are kept. One thread.
 */
#ifndef NA_PLAN_H
#define NA_PLAN_H

#include "event_parts.h"
#include "format/keys.h"

#define NA_PLANS_MAX 64
#define NA_PLAN_SOURCES_MAX (1 + NA_EVENT_PARTS_MAX)

/*
 * What it is made of. Fields that are copied come from a source each, which has them and maybe
 * others; all that it has are in `written` too.
 */
struct na_plan_of {
	uint64_t written[NA_EVENT_WORDS];
	size_t count; /* of sources; those behind them are not looked at */
	struct {
		uint64_t has[NA_EVENT_WORDS], copied[NA_EVENT_WORDS];
	} sources[NA_PLAN_SOURCES_MAX];
};

struct na_step {
	struct na_key_text key;
	uint8_t source;       /* NA_PLAN_SOURCES_MAX: none, it is one field that is written */
	uint16_t field;       /* the first */
	uint16_t first, last; /* copied: which of the source's fields */
};

struct na_plan {
	struct na_plan_of of;
	unsigned int ends; /* objects that are open behind the last step, but the outermost */
	size_t count;
	struct na_step steps[NA_FIELD_COUNT];
};

/* All 0 is an empty one. */
struct na_plans {
	struct na_plan plans[NA_PLANS_MAX];
};

/* `keys` are always the same. Valid until the next call. */
const struct na_plan *na_plans_get(struct na_plans *plans, const struct na_keys *keys,
				   const struct na_plan_of *of);

#endif
