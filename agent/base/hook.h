/* SPDX-License-Identifier: Apache-2.0 */
/* The security hooks, rows of hooks.def, and what somebody wants of each. Any thread. */
#ifndef NA_BASE_HOOK_H
#define NA_BASE_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "record.h"

struct na_hook_row {
	struct na_text name;
	enum na_event_type event; /* hook.<name> */
	enum na_operation operation;
	enum na_hook_mode mode; /* by default */
	enum na_hook_argument first_is, second_is;
	uint8_t slots;    /* of its arguments, on most kernels */
	bool has_verdict; /* else it refuses nothing */
	bool has_address; /* its record's remote end may be an address that was given */
	bool in_task;     /* the process of the record did it */
	const char *function;
};

/* By enum na_hook; that of NA_HOOK_NONE is empty. */
extern const struct na_hook_row na_hook_rows[NA_HOOK_COUNT];

/* -ENOENT when no hook has this name. */
int na_hook_find(struct na_text name, enum na_hook *ret_hook);

/* The names of enum na_hook_mode, with | between. */
#define NA_HOOK_MODES "off|denied|count|event"
const char *na_hook_mode_name(enum na_hook_mode mode);

#define NA_HOOK_SAMPLE_MAX 1000000

struct na_hook_setting {
	uint32_t sample; /* with EVENT: one in so many calls, from 1 */
	uint8_t mode;    /* enum na_hook_mode */
	bool asked;      /* not the default: somebody wants it so */
};

static inline struct na_hook_setting na_hook_default(enum na_hook hook)
{
	return (struct na_hook_setting){.sample = 1, .mode = (uint8_t)na_hook_rows[hook].mode};
}

#endif
