/* SPDX-License-Identifier: Apache-2.0 */
/* Losses in the tail. */
#include "journal/tail_loss.h"

#include "journal/fault.h"
#include "journal/losses.h"
#include "journal/store_internal.h"

static void get(const struct na_tail_loss *from, struct na_state_loss *loss, uint64_t *reason)
{
	*loss = (struct na_state_loss){
		.first = atomic_load_explicit(&from->first, memory_order_relaxed),
		.last = atomic_load_explicit(&from->last, memory_order_relaxed),
		.count = atomic_load_explicit(&from->count, memory_order_relaxed),
	};
	*reason = atomic_load_explicit(&from->reason, memory_order_relaxed);
	if (*reason >= NA_JOURNAL_REASON_COUNT) /* a page that somebody damaged */
		*reason = NA_JOURNAL_TAIL_FULL;
}

static void put(struct na_tail_loss *to, const struct na_state_loss *loss, uint64_t reason)
{
	atomic_store_explicit(&to->first, loss->first, memory_order_relaxed);
	atomic_store_explicit(&to->last, loss->last, memory_order_relaxed);
	atomic_store_explicit(&to->count, loss->count, memory_order_relaxed);
	atomic_store_explicit(&to->reason, reason, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------------------- */

uint32_t na_tail_slot_get(const struct na_tail_head *head, struct na_tail_slot *ret_slot)
{
	uint32_t number;

	do {
		number = atomic_load_explicit(&head->loss_slot, memory_order_acquire);
		get(&head->loss[number & 1], &ret_slot->loss, &ret_slot->reason);
		get(&head->loss_told[number & 1], &ret_slot->told, &ret_slot->told_reason);
		ret_slot->told_end = atomic_load_explicit(&head->loss_told_end[number & 1],
							  memory_order_relaxed);
		na_fence(memory_order_acquire);
	} while (atomic_load_explicit(&head->loss_slot, memory_order_relaxed) != number);
	return number;
}

void na_tail_slot_put(struct na_tail_head *head, const struct na_tail_slot *slot)
{
	uint32_t number = atomic_load_explicit(&head->loss_slot, memory_order_relaxed) + 1;

	/* Partner: na_tail_slot_get(), which reads the number again behind the fields. */
	na_fence(memory_order_release);
	put(&head->loss[number & 1], &slot->loss, slot->reason);
	put(&head->loss_told[number & 1], &slot->told, slot->told_reason);
	atomic_store_explicit(&head->loss_told_end[number & 1], slot->told_end,
			      memory_order_relaxed);
	na_fault("loss.slot");
	atomic_store_explicit(&head->loss_slot, number, memory_order_release);
}

void na_tail_slot_merge(struct na_state_loss *to, uint64_t *to_reason,
			const struct na_state_loss *from, uint64_t reason)
{
	if (!to->count)
		*to_reason = reason;
	na_loss_merge(to, from);
}

void na_tail_slot_told(struct na_tail_slot *slot, uint64_t end, uint64_t durable)
{
	if (slot->told_end <= durable)
		slot->told = (struct na_state_loss){0};
	na_tail_slot_merge(&slot->told, &slot->told_reason, &slot->loss, slot->reason);
	slot->told_end = end;
	slot->loss = (struct na_state_loss){0};
}
