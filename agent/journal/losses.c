/* SPDX-License-Identifier: Apache-2.0 */
/* Losses between two threads. */
#include "journal/losses.h"

#include <string.h>

_Static_assert(NA_JOURNAL_REASON_COUNT <= NA_STATE_LOSSES, "every reason has its place");

void na_losses_init(struct na_losses *losses)
{
	*losses = (struct na_losses){0};
	pthread_mutex_init(&losses->lock, NULL);
}

void na_losses_done(struct na_losses *losses)
{
	pthread_mutex_destroy(&losses->lock);
}

void na_loss_merge(struct na_state_loss *to, const struct na_state_loss *from)
{
	if (!from->count)
		return;
	if (!to->count) {
		*to = *from;
		return;
	}
	if (from->first < to->first)
		to->first = from->first;
	if (from->last > to->last)
		to->last = from->last;
	if (from->serial > to->serial)
		to->serial = from->serial;
	/* Ranges of several crashes may overlap: what one names is not known to have been used. */
	to->count += from->count;
	if (to->count > to->last - to->first + 1)
		to->count = to->last - to->first + 1;
}

uint64_t na_losses_serial(struct na_losses *losses, enum na_journal_reason reason)
{
	return ++losses->serials[reason];
}

void na_losses_skip_serial(struct na_losses *losses, enum na_journal_reason reason, uint64_t serial)
{
	if (serial > losses->serials[reason])
		losses->serials[reason] = serial;
}

void na_losses_add(struct na_losses *losses, enum na_journal_reason reason,
		   const struct na_state_loss *loss)
{
	struct na_state_loss added = *loss;

	if (!loss->count)
		return;
	if (!added.serial)
		added.serial = na_losses_serial(losses, reason);
	na_losses_skip_serial(losses, reason, added.serial);
	pthread_mutex_lock(&losses->lock);
	na_loss_merge(&losses->pending[reason], &added);
	pthread_mutex_unlock(&losses->lock);
}

void na_losses_add_told(struct na_losses *losses, enum na_journal_reason reason,
			const struct na_state_loss *loss, uint64_t end)
{
	pthread_mutex_lock(&losses->lock);
	na_loss_merge(&losses->told[reason], loss);
	losses->told_end[reason] = end;
	pthread_mutex_unlock(&losses->lock);
}

bool na_losses_take(struct na_losses *losses, struct na_journal_loss *ret_loss)
{
	struct na_state_loss *telling = &losses->telling;

	pthread_mutex_lock(&losses->lock);
	for (unsigned int i = 0; i < NA_JOURNAL_REASON_COUNT && !telling->count; i++) {
		*telling = losses->pending[i];
		losses->telling_reason = i;
		if (telling->count)
			losses->pending[i] = (struct na_state_loss){0};
	}
	if (telling->count)
		*ret_loss = (struct na_journal_loss){losses->telling_reason, telling->first,
						     telling->last, telling->count};
	pthread_mutex_unlock(&losses->lock);
	return telling->count > 0;
}

uint64_t na_losses_telling_serial(struct na_losses *losses)
{
	uint64_t serial;

	pthread_mutex_lock(&losses->lock);
	serial = losses->telling.serial;
	pthread_mutex_unlock(&losses->lock);
	return serial;
}

void na_losses_told(struct na_losses *losses, uint64_t end)
{
	enum na_journal_reason reason = losses->telling_reason;

	pthread_mutex_lock(&losses->lock);
	na_loss_merge(end ? &losses->told[reason] : &losses->pending[reason], &losses->telling);
	if (end)
		losses->told_end[reason] = end;
	losses->telling = (struct na_state_loss){0};
	pthread_mutex_unlock(&losses->lock);
}

void na_losses_durable(struct na_losses *losses, uint64_t position)
{
	pthread_mutex_lock(&losses->lock);
	for (unsigned int i = 0; i < NA_JOURNAL_REASON_COUNT; i++)
		if (losses->told_end[i] <= position)
			losses->told[i] = (struct na_state_loss){0};
	pthread_mutex_unlock(&losses->lock);
}

void na_losses_save(struct na_losses *losses, struct na_state *state)
{
	memset(state->losses, 0, sizeof(state->losses));
	memset(state->told, 0, sizeof(state->told));
	pthread_mutex_lock(&losses->lock);
	memcpy(state->losses, losses->pending, sizeof(losses->pending));
	memcpy(state->told, losses->told, sizeof(losses->told));
	state->telling = losses->telling;
	state->telling_reason = losses->telling_reason;
	pthread_mutex_unlock(&losses->lock);
}
