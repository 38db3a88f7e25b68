/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses on their way from the writer thread, which notices them, to the capture thread, which
 * tells them in the stream. One of each reason: what comes before the last was told is added to it.
 * Any thread; the lock is never held across a system call.
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

void na_losses_add(struct na_losses *losses, enum na_journal_reason reason,
		   const struct na_state_loss *loss);

/* The next one to tell; it stays until na_losses_told. */
bool na_losses_take(struct na_losses *losses, struct na_journal_loss *ret_loss);

/* `end`: behind the event that tells it; 0: that found no room. */
void na_losses_told(struct na_losses *losses, uint64_t end);

/* What is in front of `position` is on disk: what it tells need not be remembered. */
void na_losses_durable(struct na_losses *losses, uint64_t position);

/* All that a crash would leave untold, for the state. */
void na_losses_save(struct na_losses *losses, struct na_state *state);

#endif
