/* SPDX-License-Identifier: Apache-2.0 */
/* The window against a model that knows everything: random orders of acknowledgement. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "base/clock.h"
#include "ship/window.h"

#define RECORDS 600
#define ROUNDS 3000
#define STEPS 200

/* What the model knows of each number since the last forget. */
static struct {
	uint64_t position, hold; /* hold 0: none */
	bool done, rejected;
} model[RECORDS];
static uint64_t first_number, count, base_position;
static uint64_t random_state;

static uint64_t below(uint64_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % bound;
}

static struct na_mark mark_at(uint64_t position)
{
	return (struct na_mark){.position = position, .sequence = position};
}

/* The position in front of which all is done, by going over everything. */
static uint64_t expected_mark(void)
{
	uint64_t position = base_position, lowest;
	size_t i = 0;

	while (i < count && model[i].done)
		position = model[i++].position;
	lowest = position;
	for (; i < count; i++)
		if (model[i].hold && !model[i].done && model[i].hold < lowest)
			lowest = model[i].hold;
	return lowest;
}

static uint64_t last_position(void)
{
	return count ? model[count - 1].position : base_position;
}

static void add(struct na_window *window)
{
	uint64_t position = last_position() + 1 + below(3), hold = 0;
	struct na_mark mark = mark_at(position), held;
	struct na_text text = na_text_of("x");

	if (count == RECORDS)
		return;
	if (below(8) == 0 && position > 20)
		hold = position - below(20);
	held = mark_at(hold);
	assert_int_equal(na_window_add(window, &mark, hold ? &held : NULL, text, text), 0);
	memset(&model[count], 0, sizeof(*model));
	model[count].position = position;
	model[count++].hold = hold;
}

static void pass(struct na_window *window)
{
	struct na_mark mark = mark_at(last_position() + 1);

	if (count)
		model[count - 1].position = mark.position;
	else
		base_position = mark.position;
	na_window_pass(window, &mark);
}

static void acknowledge(struct na_window *window)
{
	uint64_t from = below(count + 4), to = from + below(4);
	size_t fresh = 0;

	for (uint64_t i = from; i <= to && i < count; i++) {
		fresh += !model[i].done;
		model[i].done = true;
	}
	/* Also numbers that were never used. */
	assert_int_equal(na_window_acknowledge(window, first_number + from, first_number + to),
			 fresh);
}

static void reject(struct na_window *window)
{
	uint64_t i = below(count + 2);
	bool expected = i < count && !model[i].done && !model[i].rejected;

	assert_int_equal(na_window_reject(window, first_number + i, "why"), expected);
	if (expected)
		model[i].rejected = true;
}

static void check_rejected(const struct na_window *window)
{
	uint64_t number = 0;
	const struct na_window_entry *entry = na_window_rejected(window, &number);

	for (size_t i = 0; i < count; i++)
		if (model[i].rejected && !model[i].done) {
			assert_non_null(entry);
			assert_int_equal(number, first_number + i);
			assert_string_equal(entry->reason, "why");
			return;
		}
	assert_null(entry);
}

static void forget(struct na_window *window)
{
	bool renumber = below(2);
	struct na_mark mark = na_window_mark(window);
	uint64_t next = window->next;

	na_window_forget(window, &mark, renumber);
	first_number = renumber ? 1 : next;
	assert_int_equal(window->next, first_number);
	count = 0;
	base_position = mark.position;
}

static void take_step(struct na_window *window)
{
	uint64_t what = below(100);

	if (what < 45)
		add(window);
	else if (what < 55)
		pass(window);
	else if (what < 92)
		acknowledge(window);
	else if (what < 99)
		reject(window);
	else
		forget(window);
	assert_int_equal(na_window_mark(window).position, expected_mark());
	assert_int_equal(window->next, first_number + count);
	check_rejected(window);
}

static void is_as_the_model(void **state)
{
	uint64_t seed = na_clock_wall_ns();

	(void)state;
	if (getenv("NA_SEED"))
		seed = strtoull(getenv("NA_SEED"), NULL, 10);
	print_message("NA_SEED=%llu\n", (unsigned long long)seed);
	random_state = seed;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct na_window window;
		struct na_mark mark = mark_at(5);

		na_window_init(&window, &mark);
		first_number = 1;
		count = 0;
		base_position = 5;
		for (unsigned int i = 0; i < STEPS; i++)
			take_step(&window);
		na_window_done(&window);
	}
}

static void is_bounded(void **state)
{
	struct na_mark mark = mark_at(1);
	struct na_text text = na_text_of("x");
	struct na_window window;

	(void)state;
	na_window_init(&window, &mark);
	for (unsigned int i = 0; i < NA_WINDOW_MAX; i++)
		assert_int_equal(na_window_add(&window, &mark, NULL, text, text), 0);
	assert_int_equal(na_window_add(&window, &mark, NULL, text, text), -ENOBUFS);
	/* An acknowledgement of everything is no walk over all numbers there are. */
	assert_int_equal(na_window_acknowledge(&window, 0, UINT64_MAX), NA_WINDOW_MAX);
	assert_int_equal(na_window_add(&window, &mark, NULL, text, text), 0);
	na_window_done(&window);
}

static void adds_all_or_nothing(void **state)
{
	struct na_mark mark = mark_at(1);
	struct na_text text = na_text_of("x");
	size_t n = 1;
	bool failed;

	(void)state;
	do {
		struct na_window window;
		int error = 0;

		na_window_init(&window, &mark);
		na_failing_alloc_arm(n++);
		for (unsigned int i = 0; i < 300; i++) {
			error = na_window_add(&window, &mark, i % 100 ? NULL : &mark, text, text);
			if (error < 0) {
				assert_int_equal(error, -ENOMEM);
				assert_int_equal(window.next, i + 1);
				break;
			}
		}
		failed = na_failing_alloc_disarm();
		assert_int_equal(failed, error != 0);
		na_window_done(&window);
	} while (failed);
	assert_true(n > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_as_the_model),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(adds_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
