/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses on their way from the writer thread, which notices them, to the capture thread, which
 * tells them in the stream. One of each reason: what comes before the last was told is added to it.
 * Any thread; the lock is never held across a system call.
 *
 * The serial of a loss says after a kill whether it was told: state and tail may be of different
 * moments. Serials are given by the writer thread only, and added in their order.
 */
#ifndef NA_JOURNAL_LOSSES_H
#define NA_JOURNAL_LOSSES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"
#include "journal/state.h"

struct na_losses {
	pthread_mutex_t lock;
	uint64_t serials[NA_JOURNAL_REASON_COUNT]; /* the last one given; writer thread */
	struct na_state_loss pending[NA_JOURNAL_REASON_COUNT];
	struct na_state_loss telling; /* count 0: none is being told */
	enum na_journal_reason telling_reason;
	/* Told by an event in front of that position, which may not be on disk yet. */
	struct na_state_loss told[NA_JOURNAL_REASON_COUNT];
	uint64_t told_end[NA_JOURNAL_REASON_COUNT];
};

void na_losses_init(struct na_losses *losses);
void na_losses_done(struct na_losses *losses);

/* `from` is added to `to`: the range holds both, the counts add up. */
void na_loss_merge(struct na_state_loss *to, const struct na_state_loss *from);

/* The next one, for a loss that is added later. */
uint64_t na_losses_serial(struct na_losses *losses, enum na_journal_reason reason);

/* That one was given, before a start. */
void na_losses_skip_serial(struct na_losses *losses, enum na_journal_reason reason,
			   uint64_t serial);

/* With the next serial, when it has none. */
void na_losses_add(struct na_losses *losses, enum na_journal_reason reason,
		   const struct na_state_loss *loss);

/* One of before a start: it is told by an event in front of `end`. */
void na_losses_add_told(struct na_losses *losses, enum na_journal_reason reason,
			const struct na_state_loss *loss, uint64_t end);

/* The next one to tell; it stays until na_losses_told. */
bool na_losses_take(struct na_losses *losses, struct na_journal_loss *ret_loss);

/* Of the one that is being told. */
uint64_t na_losses_telling_serial(struct na_losses *losses);

/* `end`: behind the event that tells it; 0: that found no room. */
void na_losses_told(struct na_losses *losses, uint64_t end);

/* What is in front of `position` is on disk: what it tells need not be remembered. */
void na_losses_durable(struct na_losses *losses, uint64_t position);

/* All that a crash would leave untold, for the state. */
void na_losses_save(struct na_losses *losses, struct na_state *state);

#endif
