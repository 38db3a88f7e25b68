/* SPDX-License-Identifier: Apache-2.0 */
/* Two sets of programs around a cut: each thing is told once, whichever of them ran first. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/overlap.h"
#include "failing_alloc.h"
#include "random_record.h"

#define THINGS 3000
#define CUT_NS UINT64_C(1000000000)
#define SPAN_NS (8 * NA_OVERLAP_NS) /* of the things, around the cut */

static struct {
	struct na_overlap *overlap;
	unsigned int told[THINGS];
	uint64_t last_ns;
	size_t passed;
} bench;

static int take(void *context, const struct na_record_header *record)
{
	(void)context;
	assert_true(record->time_ns >= bench.last_ns);
	bench.last_ns = record->time_ns;
	bench.told[((const struct na_record_state *)record)->inode]++;
	bench.passed++;
	return 0;
}

static struct na_record_state state_of(uint64_t thing, uint64_t time_ns)
{
	return (struct na_record_state){
		.header = {.size = sizeof(struct na_record_state),
			   .type = NA_RECORD_STATE,
			   .program = NA_PROGRAM_SET_STATE,
			   .time_ns = time_ns},
		.cookie = 7,
		.inode = thing,
		.now = 1,
	};
}

static void add(bool old, const struct na_record_state *record)
{
	int part = old ? na_overlap_add_old(bench.overlap, &record->header)
		       : na_overlap_add_new(bench.overlap, &record->header);

	assert_true(part >= 0);
	if (part == NA_OVERLAP_BEFORE)
		take(NULL, &record->header);
}

static int by_time(const void *a, const void *b)
{
	const struct na_record_state *left = a, *right = b;

	return (left->header.time_ns > right->header.time_ns) -
	       (left->header.time_ns < right->header.time_ns);
}

static void pass(void)
{
	assert_int_equal(na_overlap_pass(bench.overlap, take, NULL), 0);
	na_overlap_free(bench.overlap);
}

static void begin(void)
{
	memset(&bench, 0, sizeof(bench));
	bench.overlap = na_overlap_new(CUT_NS);
	assert_non_null(bench.overlap);
}

/* The stamps of the two sets differ by anything below the widest difference, either way. */
static void each_thing_is_told_once(void **state)
{
	static struct na_record_state records[2][THINGS];
	struct na_random random = na_random_new("overlap_test");

	(void)state;
	begin();
	for (uint64_t thing = 0; thing < THINGS; thing++) {
		uint64_t time_ns = CUT_NS - SPAN_NS / 2 + na_random_below(&random, SPAN_NS);
		uint64_t apart_ns = na_random_below(&random, NA_OVERLAP_NS);
		bool old_first = na_random_below(&random, 2);

		records[!old_first][thing] = state_of(thing, time_ns);
		records[old_first][thing] = state_of(thing, time_ns + apart_ns);
	}
	for (int set = 0; set < 2; set++) {
		qsort(records[set], THINGS, sizeof(records[set][0]), by_time);
		for (size_t i = 0; i < THINGS; i++)
			add(set == 0, &records[set][i]);
	}
	pass();
	for (size_t thing = 0; thing < THINGS; thing++)
		assert_int_equal(bench.told[thing], 1);
}

/* What only one of them has is told: a full ring, or another program that makes it. */
static void what_one_set_lacks_the_other_tells(void **state)
{
	struct na_record_state old = state_of(1, CUT_NS - 5), new = state_of(2, CUT_NS + 5);

	(void)state;
	begin();
	add(true, &old);
	add(false, &new);
	pass();
	assert_int_equal(bench.told[1], 1);
	assert_int_equal(bench.told[2], 1);
}

/* The same twice within the time is two things, when each set has two. */
static void repeats_are_things_of_their_own(void **state)
{
	struct na_record_state records[] = {state_of(1, CUT_NS), state_of(1, CUT_NS + 10)};

	(void)state;
	begin();
	for (int set = 0; set < 2; set++)
		for (int i = 0; i < 2; i++)
			add(set == 0, &records[i]);
	pass();
	assert_int_equal(bench.told[1], 2);
}

static void what_differs_is_not_the_same(void **state)
{
	struct na_record_state old = state_of(1, CUT_NS), others[5];

	(void)state;
	begin();
	add(true, &old);
	for (int i = 0; i < 5; i++)
		others[i] = state_of(1, CUT_NS + 1);
	others[0].now = 2;
	others[1].cookie = 8;
	others[2].header.pid = 5;
	others[3].header.error = -1;
	others[4].header.time_ns = CUT_NS + NA_OVERLAP_NS + 1;
	for (int i = 0; i < 5; i++)
		add(false, &others[i]);
	pass();
	assert_int_equal(bench.passed, 6);
}

/* Another program of the same kind tells the same thing. */
static void the_program_does_not_matter(void **state)
{
	struct na_record_state old = state_of(1, CUT_NS), new = state_of(1, CUT_NS + 1);

	(void)state;
	begin();
	new.header.program = NA_PROGRAM_SYS_EXIT;
	add(true, &old);
	add(false, &new);
	pass();
	assert_int_equal(bench.passed, 1);
}

static void without_memory_it_says_so(void **state)
{
	struct na_record_state record = state_of(1, CUT_NS);

	(void)state;
	begin();
	na_failing_alloc_arm(1);
	assert_int_equal(na_overlap_add_old(bench.overlap, &record.header), -ENOMEM);
	na_failing_alloc_arm(2);
	assert_int_equal(na_overlap_add_new(bench.overlap, &record.header), -ENOMEM);
	assert_true(na_failing_alloc_disarm());
	pass();
	assert_int_equal(bench.passed, 0);
}

static void nothing_is_nothing(void **state)
{
	(void)state;
	begin();
	pass();
	assert_int_equal(bench.passed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thing_is_told_once),
		cmocka_unit_test(what_one_set_lacks_the_other_tells),
		cmocka_unit_test(repeats_are_things_of_their_own),
		cmocka_unit_test(what_differs_is_not_the_same),
		cmocka_unit_test(the_program_does_not_matter),
		cmocka_unit_test(without_memory_it_says_so),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
