/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans are found by the fields that are written; one that takes another's place makes that one be
 * made again. The first key of a plan has a comma in front: whoever follows it knows better.
 */
#include "format/plan.h"

#include <stddef.h>

/* The source that has the lowest of the fields of a word; NA_PLAN_SOURCES_MAX: none. */
static uint8_t find_source(const struct na_plan_of *of, size_t word, uint64_t left)
{
	for (uint8_t source = 0; source < of->count; source++)
		if (of->sources[source].copied[word] & left & -left)
			return source;
	return NA_PLAN_SOURCES_MAX;
}

/* How far its fields go on without another's between them. */
static uint64_t find_run(const uint64_t *copied, size_t word, uint64_t left)
{
	uint64_t others = left & ~copied[word];

	return others ? left & ((others & -others) - 1) : left;
}

/* Which of the source's fields it is. */
static uint16_t place_of(const uint64_t *has, size_t field)
{
	unsigned int before = 0;

	for (size_t word = 0; word < field / 64; word++)
		before += (unsigned int)__builtin_popcountll(has[word]);
	return (uint16_t)(before + (unsigned int)__builtin_popcountll(
					   has[field / 64] & ((UINT64_C(1) << field % 64) - 1)));
}

/* The next step, with the lowest fields of those that are left; these are returned. */
static uint64_t add_step(struct na_plan *plan, const struct na_keys *keys, size_t word,
			 uint64_t left, int *last)
{
	struct na_step *step = &plan->steps[plan->count++];
	uint64_t run = left & -left;
	size_t first = word * 64 + (size_t)__builtin_ctzll(left), final = first;

	step->source = find_source(&plan->of, word, left);
	step->field = (uint16_t)first;
	step->key = na_keys_get(keys, *last, (int)first);
	if (step->source < NA_PLAN_SOURCES_MAX) {
		const uint64_t *has = plan->of.sources[step->source].has;

		run = find_run(plan->of.sources[step->source].copied, word, left);
		final = word * 64 + 63 - (size_t)__builtin_clzll(run);
		step->first = place_of(has, first);
		step->last = place_of(has, final);
	}
	*last = (int) final;
	return run;
}

static size_t hash(const struct na_plan_of *of)
{
	uint64_t mixed = 0;

	for (size_t word = 0; word < NA_EVENT_WORDS; word++)
		mixed = (mixed ^ of->written[word]) * UINT64_C(0x9e3779b97f4a7c15);
	return mixed >> 32;
}

/* ------------------------------------------------------------------------------------------- */

const struct na_plan *na_plans_get(struct na_plans *plans, const struct na_keys *keys,
				   const struct na_plan_of *of)
{
	struct na_plan *plan = &plans->plans[hash(of) % NA_PLANS_MAX];
	size_t size = offsetof(struct na_plan_of, sources) + of->count * sizeof(*of->sources);
	int last = -1;

	if (memcmp(&plan->of, of, size) == 0)
		return plan;
	memcpy(&plan->of, of, size);
	plan->count = 0;
	for (size_t word = 0; word < NA_EVENT_WORDS; word++)
		for (uint64_t left = of->written[word]; left;)
			left &= ~add_step(plan, keys, word, left, &last);
	plan->ends = last < 0 ? 0 : keys->of[last].depth;
	return plan;
}
