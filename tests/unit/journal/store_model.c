/* SPDX-License-Identifier: Apache-2.0 */
/* The model of a journal. */
#include "store_model.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_there(const struct na_harvest *harvest, uint64_t stamp)
{
	size_t low = 0, high = harvest->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (harvest->items[middle].stamp < stamp)
			low = middle + 1;
		else
			high = middle;
	}
	return low < harvest->count && harvest->items[low].stamp == stamp;
}

/* Losses stay told when what told them was there once, and was not taken back by a crash. */
static void settle_told(struct na_model *model, const struct na_harvest *before,
			const struct na_harvest *after)
{
	size_t count = 0;

	for (size_t i = 0; i < model->told_count; i++) {
		const struct na_model_event *event = &model->events[model->told[i].event];

		if (is_there(after, event->stamp) ||
		    (!is_there(before, event->stamp) && !event->unsure))
			model->told[count++] = model->told[i];
	}
	model->told_count = count;
}

/* `after`: of a journal that cannot be read it may be another one, which counts from 1. */
static void settle_events(struct na_model *model, const struct na_harvest *after, uint64_t next,
			  bool crash)
{
	struct na_model_event *last = model->count ? &model->events[model->count - 1] : NULL;

	if (last && last->unsure && last->sequence >= next && !is_there(after, last->stamp))
		model->count--; /* it got no number */
	else if (last)
		last->unsure = false;
	for (size_t i = 0; i < model->count && crash; i++)
		if (model->events[i].sequence >= next)
			model->events[i].overrun = true;
}

static bool is_told(const struct na_model *model, uint64_t sequence)
{
	for (size_t i = 0; i < model->told_count; i++)
		if (sequence >= model->told[i].loss.first_sequence &&
		    sequence <= model->told[i].loss.last_sequence)
			return true;
	return false;
}

/* What a crash took is not known so exactly. */
static void check_counts(struct na_model *model, uint64_t missing)
{
	uint64_t count = 0;
	bool crashed = false;

	for (size_t i = 0; i < model->told_count; i++) {
		crashed |= model->told[i].loss.reason == NA_JOURNAL_CRASH;
		count += model->told[i].loss.count;
	}
	if (crashed ? count < missing : count != missing)
		na_model_wrong(model, "losses count something else than what is missing", missing);
}

static int compare_ids(const void *a, const void *b)
{
	const struct na_model_event *x = a, *y = b;

	if (x->instance != y->instance)
		return x->instance < y->instance ? -1 : 1;
	if (x->epoch != y->epoch)
		return x->epoch < y->epoch ? -1 : 1;
	return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static void check_ids(struct na_model *model)
{
	qsort(model->events, model->count, sizeof(*model->events), compare_ids);
	for (size_t i = 1; i < model->count; i++)
		if (compare_ids(&model->events[i - 1], &model->events[i]) == 0)
			na_model_wrong(model, "two events have one id", model->events[i].sequence);
}

/* ------------------------------------------------------------------------------------------- */

void na_model_wrong(struct na_model *model, const char *failure, uint64_t sequence)
{
	if (model->failure)
		return;
	model->failure = failure;
	model->wrong = sequence;
}

void na_model_settle(struct na_model *model, const struct na_harvest *before,
		     const struct na_harvest *after, uint64_t next, bool crash)
{
	settle_told(model, before, after);
	settle_events(model, after, next, crash);
}

void na_model_read(struct na_model *model, const struct na_harvest *found, size_t until)
{
	size_t at = 0;

	for (size_t i = 0; i < model->count && at < until; i++) {
		bool there = found->items[at].stamp == model->events[i].stamp;

		model->events[i].read |= there;
		at += there;
	}
}

void na_model_check(struct na_model *model, const struct na_harvest *found, bool inexact)
{
	uint64_t missing = 0;
	size_t at = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct na_model_event *event = &model->events[i];
		bool there = at < found->count && found->items[at].stamp == event->stamp;

		at += there;
		if (there && (found->items[at - 1].sequence != event->sequence ||
			      found->items[at - 1].epoch != event->epoch))
			na_model_wrong(model, "an event has another id", event->sequence);
		if (there || event->read || event->overrun)
			continue;
		missing++;
		if (!inexact && !is_told(model, event->sequence))
			na_model_wrong(model, "an event is missing and no loss names it",
				       event->sequence);
	}
	if (at < found->count)
		na_model_wrong(model, "an event is there twice, or out of order",
			       found->items[at].sequence);
	if (!inexact)
		check_counts(model, missing);
	check_ids(model);
}

void na_model_explain(const struct na_model *model)
{
	fprintf(stderr, "%s, number %llu of %zu\n", model->failure,
		(unsigned long long)model->wrong, model->count);
	for (size_t i = 0; i < model->told_count; i++) {
		const struct na_journal_loss *loss = &model->told[i].loss;

		fprintf(stderr, "  told: reason %d, %llu to %llu, %llu\n", (int)loss->reason,
			(unsigned long long)loss->first_sequence,
			(unsigned long long)loss->last_sequence, (unsigned long long)loss->count);
	}
}
