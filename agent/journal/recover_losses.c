/* SPDX-License-Identifier: Apache-2.0 */
/* What a start finds of losses: those of the state, and those that only the tail knows of. */
#include "journal/recover_internal.h"
#include "journal/store_internal.h"

/* Losses with up to that serial are told in the stream, which ends with number `last`. */
static uint64_t told_serial(struct na_store *store, enum na_journal_reason reason, uint64_t last)
{
	struct na_tail_told *told = store->tail.head->told[reason];
	uint64_t serial = 0;

	for (unsigned int i = 0; i < 2; i++) {
		if (told[i].sequence > last)
			atomic_store(&told[i].sequence, 0);
		if (told[i].sequence && told[i].serial > serial)
			serial = told[i].serial;
	}
	na_losses_skip_serial(&store->losses, reason, serial);
	return serial;
}

/* A loss of the state: to be told, or told by what is perhaps in the tail only. */
static void take_loss(struct na_store *store, uint64_t reason, const struct na_state_loss *loss,
		      bool told)
{
	if (!loss->count || reason >= NA_JOURNAL_REASON_COUNT)
		return;
	if (told)
		na_losses_add_told(&store->losses, reason, loss, store->tail.head->end);
	else
		na_losses_add(&store->losses, reason, loss);
}

/* That of segments which the state says are to go stays held while a file of them is there. */
static void take_held(struct na_store *store, uint64_t last)
{
	const struct na_segments *segments = &store->segments;
	struct na_state_loss *held = &store->state.held;
	bool told = held->serial <= told_serial(store, NA_JOURNAL_DROPPED, last);

	na_losses_skip_serial(&store->losses, NA_JOURNAL_DROPPED, held->serial);
	if (!told && segments->count && segments->items[0].position < store->state.first_position)
		return;
	take_loss(store, NA_JOURNAL_DROPPED, held, told);
	*held = (struct na_state_loss){0};
}

/* ------------------------------------------------------------------------------------------- */

void na_recover_losses(struct na_store *store, uint64_t last, bool whole)
{
	const struct na_state *state = &store->state;

	for (unsigned int i = 0; i < NA_JOURNAL_REASON_COUNT; i++) {
		uint64_t serial = told_serial(store, i, last);

		take_loss(store, i, &state->losses[i], state->losses[i].serial <= serial);
		take_loss(store, i, &state->told[i], whole);
		if (state->telling_reason == i)
			take_loss(store, i, &state->telling, state->telling.serial <= serial);
	}
	take_held(store, last);
}

void na_recover_tail_losses(struct na_store *store, uint64_t last, bool cut)
{
	struct na_tail_head *head = store->tail.head;
	bool saved = store->state.closed && store->state.epoch == head->epoch;
	struct na_state_loss run = {0};
	struct na_tail_slot slot;

	(void)na_tail_slot_get(head, &slot);
	if (head->slot_told > last)
		atomic_store(&head->slot_told, 0);
	if (slot.loss.last > last)
		last = slot.loss.last;
	if (saved)
		slot.loss = (struct na_state_loss){0};
	else if (head->slot_told > slot.loss.last)
		na_tail_slot_told(&slot, head->end, 0);
	if (head->sequence > last)
		run = (struct na_state_loss){last + 1, head->sequence, head->sequence - last, 0};
	na_tail_slot_merge(&slot.loss, &slot.reason, &run, NA_JOURNAL_TAIL_FULL);
	if (run.count && cut)
		slot.reason = NA_JOURNAL_DAMAGED;
	na_tail_slot_put(head, &slot);
	atomic_store(&head->stored, head->sequence);
}
