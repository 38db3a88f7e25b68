/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses that the capture thread notices, as the tail keeps them: two slots written in turn, so
 * that a kill leaves one that is whole.
 */
#ifndef NA_TAIL_LOSS_H
#define NA_TAIL_LOSS_H

#include "journal/state.h"
#include "journal/tail.h"

/* Reasons are those of enum na_journal_reason, of what was merged the first one. */
struct na_tail_slot {
	struct na_state_loss loss; /* not told yet */
	uint64_t reason;
	/* Told by what is in front of `told_end`; a crash may take that back until it is durable.
	 */
	struct na_state_loss told;
	uint64_t told_reason, told_end;
};

/* The slot that counts. Its number, which grows with each that is put. Any thread. */
uint32_t na_tail_slot_get(const struct na_tail_head *head, struct na_tail_slot *ret_slot);

/* Capture thread, and the main thread before that is started. */
void na_tail_slot_put(struct na_tail_head *head, const struct na_tail_slot *slot);

/* `from` is added to `to`. */
void na_tail_slot_merge(struct na_state_loss *to, uint64_t *to_reason,
			const struct na_state_loss *from, uint64_t reason);

/* The slot's loss is told by what is in front of `end`; what is in front of `durable` stays. */
void na_tail_slot_told(struct na_tail_slot *slot, uint64_t end, uint64_t durable);

#endif
