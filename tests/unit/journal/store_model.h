/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal must hold: the events that were appended, and the losses that were told. */
#ifndef NA_STORE_MODEL_H
#define NA_STORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store_support.h"

#define NA_MODEL_EVENTS 8192
#define NA_MODEL_LOSSES 512

struct na_model_event {
	uint64_t sequence, epoch, stamp;
	uint64_t instance; /* a checksum: a folder that is made anew is another journal */
	bool read;         /* by a reader whose cursor is behind it */
	bool overrun;      /* numbered beyond the reservation, before a crash: not told */
	bool unsure;       /* its append did not return */
};

struct na_model_told {
	struct na_journal_loss loss;
	size_t event; /* that tells it */
};

struct na_model {
	struct na_model_event events[NA_MODEL_EVENTS];
	size_t count;
	struct na_model_told told[NA_MODEL_LOSSES];
	size_t told_count;
	const char *failure; /* NULL: none yet */
	uint64_t wrong;      /* the number that it concerns */
};

void na_model_wrong(struct na_model *model, const char *failure, uint64_t sequence);

/*
 * A process died, or the machine (`crash`): what was there before, and what a new start found,
 * whose next number is `next`.
 */
void na_model_settle(struct na_model *model, const struct na_harvest *before,
		     const struct na_harvest *after, uint64_t next, bool crash);

/* The first `until` of these are delivered. */
void na_model_read(struct na_model *model, const struct na_harvest *found, size_t until);

/* At the end. `inexact`: losses need not name what is missing, and not count it. */
void na_model_check(struct na_model *model, const struct na_harvest *found, bool inexact);

/* To the standard error. */
void na_model_explain(const struct na_model *model);

#endif
