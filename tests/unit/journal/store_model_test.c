/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of a journal against a model: appends, ends in order, kills, crashes of the machine,
 * a file system that fails in every way, a folder that is deleted, bits that flip. Segments, tail
 * and blocks of numbers are tiny, so that everything rolls over.
 *
 * A seed decides all of a life, also when the writer is at work and at which call a kill comes; a
 * few lives have a real thread, for what the sanitizers see. NA_MODEL_SEED=… repeats one life;
 * NA_MODEL_LIVES=… sets how many. A life that fails is shortened as long as it still fails, and
 * printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_life.h"
#include "turns.h"

#if defined(__SANITIZE_ADDRESS__)
#define LIVES 1500
#else
#define LIVES 20000
#endif
#define THREAD_SHARE 40 /* one in so many has a real thread */
#define STEPS_MOST 40
#define TRIES 40 /* to shorten: without a step all turns are others */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static size_t make_steps(uint64_t seed, struct na_step steps[STEPS_MOST])
{
	/* How often each kind comes. */
	static const unsigned int weights[NA_STEP_COUNT] = {38, 10, 8, 4, 6, 8, 5, 12, 6, 1, 1, 1};
	size_t count;

	seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	count = 5 + next_random(&seed) % (STEPS_MOST - 5);
	for (size_t i = 0; i < count; i++) {
		unsigned int at = (unsigned int)(next_random(&seed) % 100), kind = 0;

		while (kind < NA_STEP_COUNT - 1 && at >= weights[kind])
			at -= weights[kind++];
		steps[i] = (struct na_step){kind, (uint32_t)next_random(&seed)};
	}
	return count;
}

/* With other turns each time; what `seed` says of the options stays. */
static bool still_fails(const struct na_step *steps, size_t count, uint64_t *seed, bool turns)
{
	for (uint64_t i = 0; i < TRIES; i++) {
		uint64_t other = *seed + i * UINT64_C(3 * 5 * 7);

		if (!na_life(steps, count, other, turns))
			continue;
		*seed = other;
		return true;
	}
	return false;
}

/* Without each step in turn that is not needed for the failure. */
static size_t shorten(struct na_step *steps, size_t count, uint64_t *seed, bool turns)
{
	for (size_t i = count; i-- > 0;) {
		struct na_step without[STEPS_MOST];

		memcpy(without, steps, sizeof(without));
		memmove(without + i, without + i + 1, (count - i - 1) * sizeof(*without));
		if (!still_fails(without, count - 1, seed, turns))
			continue;
		memcpy(steps, without, sizeof(without));
		count--;
	}
	return count;
}

static void explain(struct na_step *steps, size_t count, uint64_t seed, bool turns)
{
	uint64_t now = seed;

	fprintf(stderr, "NA_MODEL_SEED=%llu: ", (unsigned long long)seed);
	na_life_explain();
	count = shorten(steps, count, &now, turns);
	fprintf(stderr, "shortened, with the turns of %llu: ", (unsigned long long)now);
	na_life_explain();
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "  %s %u\n", na_step_names[steps[i].kind], steps[i].value);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* `share` 0: in turns. */
static volatile uint64_t living;

/* An assertion of what is tested. */
static void say_seed(int number)
{
	(void)number;
	fprintf(stderr, "NA_MODEL_SEED=%llu: aborted\n", (unsigned long long)living);
}

static void live(uint64_t most, uint64_t share)
{
	uint64_t seed = from_environment("NA_MODEL_SEED", 0);
	uint64_t lives = seed ? 1 : from_environment("NA_MODEL_LIVES", most);
	bool turns = share == 0;
	uint64_t first = seed ? seed : (uint64_t)getpid() * 1000003;

	if (share && lives > 1)
		lives = lives / share + 1;
	fprintf(stderr, "first seed %llu\n", (unsigned long long)first);
	for (uint64_t i = 0; i < lives; i++) {
		struct na_step steps[STEPS_MOST] = {0};
		size_t count = make_steps(first + i, steps);
		const char *failure;

		living = first + i;
		failure = na_life(steps, count, first + i, turns);
		if (failure)
			explain(steps, count, first + i, turns);
		assert_null(failure);
	}
}

static void test_turns(void **state)
{
	(void)state;
	if (!NA_TURNS_WORK)
		skip();
	live(LIVES, 0);
}

static void test_thread(void **state)
{
	(void)state;
	live(LIVES, THREAD_SHARE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_thread),
	};

	signal(SIGABRT, say_seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
