/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal's life, step by step, beside a model of it. What must hold at the end: each event whose
 * append returned is there once, in order, as it was; or losses that were told name its number, and
 * they count exactly what is missing.
 */
#ifndef NA_STORE_LIFE_H
#define NA_STORE_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum na_step_kind {
	NA_STEP_APPEND,
	NA_STEP_TELL,
	NA_STEP_SYNC,
	NA_STEP_READ, /* some more of the events are delivered, in order */
	NA_STEP_END,
	NA_STEP_KILL,  /* soon: at one of the next chances */
	NA_STEP_CRASH, /* the same, of the machine */
	NA_STEP_FAULT,
	NA_STEP_CLEAR,
	NA_STEP_REMOVE,
	NA_STEP_FLIP,
	NA_STEP_STALL,
	NA_STEP_COUNT
};

struct na_step {
	enum na_step_kind kind;
	uint32_t value;
};

extern const char *const na_step_names[NA_STEP_COUNT];

/*
 * NULL, or what went wrong. `seed` decides what is not in the steps; with `turns` when each thread
 * is at work as well, else the writer is a thread of its own, and kills do not come amid a call.
 */
const char *na_life(const struct na_step *steps, size_t count, uint64_t seed, bool turns);

/* Of the last one that went wrong, to the standard error. */
void na_life_explain(void);

#endif
