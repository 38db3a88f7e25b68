/* SPDX-License-Identifier: Apache-2.0 */
/* The merge against a plain sort, for random arrival orders within the window. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/merge.h"
#include "failing_alloc.h"
#include "random_record.h"

#define RECORDS 3000
#define RINGS_MAX 16
#define STRIDE 8 /* of positions */

struct arrival {
	uint64_t arrives_ns;
	const struct na_record_header *record;
	size_t ring;
	bool pending;
};

/* One world of random records: who arrives when, and what a plain sort makes of it. */
struct world {
	struct na_random random;
	size_t rings;
	uint8_t (*storage)[NA_RANDOM_RECORD_MAX];
	struct arrival arrivals[RECORDS];
	const struct na_record_header *sorted[RECORDS];
};

static int by_arrival(const void *a, const void *b)
{
	const struct arrival *left = a, *right = b;

	return (left->arrives_ns > right->arrives_ns) - (left->arrives_ns < right->arrives_ns);
}

static void make_world(struct world *world, size_t rings)
{
	uint64_t time_ns = NA_MERGE_WINDOW_NS;
	uint64_t stride = na_random_below(&world->random, 2) ? 3 : NA_MERGE_WINDOW_NS / 20;

	world->rings = rings;
	world->storage = calloc(RECORDS, sizeof(*world->storage));
	for (size_t i = 0; i < RECORDS; i++) {
		struct na_record_header *record = (struct na_record_header *)world->storage[i];
		struct arrival *arrival = &world->arrivals[i];

		/* Now and then the same number, so that records of one time may also be equal. */
		na_random_record(&world->random, 0, i / 3, record);
		record->time_ns = time_ns;
		time_ns += na_random_below(&world->random, stride);
		arrival->arrives_ns =
			record->time_ns + na_random_below(&world->random, NA_MERGE_WINDOW_NS);
		arrival->record = record;
		arrival->ring = na_random_below(&world->random, rings);
		arrival->pending = false;
		world->sorted[i] = record;
	}
	qsort(world->arrivals, RECORDS, sizeof(*world->arrivals), by_arrival);
	qsort(world->sorted, RECORDS, sizeof(*world->sorted), na_record_compare);
}

/* The place in `arrivals` is the position. */
static uint64_t released(const struct world *world, size_t ring, size_t added)
{
	for (size_t i = 0; i < added; i++)
		if (world->arrivals[i].ring == ring && world->arrivals[i].pending)
			return i * STRIDE;
	return UINT64_C(1) << 40;
}

static void check_released(const struct world *world, const struct na_merge *merge, size_t added)
{
	for (size_t ring = 0; ring < world->rings; ring++)
		assert_int_equal(na_merge_released(merge, ring, UINT64_C(1) << 40),
				 released(world, ring, added));
}

static size_t take_due(struct world *world, struct na_merge *merge, uint64_t until_ns, size_t taken,
		       size_t added)
{
	const struct na_record_header *record;
	size_t ring;

	while (na_merge_take(merge, until_ns, &ring, &record)) {
		assert_true(record->time_ns <= until_ns);
		assert_int_equal(na_record_compare(&record, &world->sorted[taken]), 0);
		taken++;
		for (size_t i = 0; i < added; i++)
			if (world->arrivals[i].record == record) {
				assert_true(world->arrivals[i].pending);
				assert_int_equal(world->arrivals[i].ring, ring);
				world->arrivals[i].pending = false;
			}
		assert_int_equal(na_merge_pending(merge), added - taken);
	}
	assert_true(na_merge_earliest_ns(merge) > until_ns || added == taken);
	return taken;
}

static void run_world(struct world *world)
{
	struct na_merge *merge = na_merge_new(world->rings);
	size_t taken = 0;

	for (size_t i = 0; i < RECORDS; i++) {
		struct na_merge_entry entry = {world->arrivals[i].record, i * STRIDE};

		assert_int_equal(na_merge_add(merge, world->arrivals[i].ring, &entry), 0);
		world->arrivals[i].pending = true;
		if (na_random_below(&world->random, 8) > 0)
			continue;
		taken = take_due(world, merge, world->arrivals[i].arrives_ns - NA_MERGE_WINDOW_NS,
				 taken, i + 1);
		if (na_random_below(&world->random, 16) == 0)
			check_released(world, merge, i + 1);
	}
	assert_int_equal(take_due(world, merge, UINT64_MAX, taken, RECORDS), RECORDS);
	check_released(world, merge, RECORDS);
	na_merge_free(merge);
	free(world->storage);
}

static void any_arrival_order_within_the_window_is_sorted(void **state)
{
	static const size_t rings[] = {1, 2, 3, 5, RINGS_MAX};
	static struct world world;

	(void)state;
	world.random = na_random_new("merge");
	for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++) {
		make_world(&world, rings[i]);
		run_world(&world);
	}
}

static void nothing_comes_out_of_nothing(void **state)
{
	struct na_merge *merge = na_merge_new(3);
	const struct na_record_header *record;
	size_t ring;

	(void)state;
	assert_false(na_merge_take(merge, UINT64_MAX, &ring, &record));
	assert_int_equal(na_merge_pending(merge), 0);
	assert_true(na_merge_earliest_ns(merge) == UINT64_MAX);
	assert_int_equal(na_merge_released(merge, 2, 77), 77);
	na_merge_free(merge);
	na_merge_free(NULL);
}

static void the_last_moment_of_all_comes_out_too(void **state)
{
	struct na_merge *merge = na_merge_new(2);
	struct na_record_header last = {.size = sizeof(last), .time_ns = UINT64_MAX};
	struct na_merge_entry entry = {&last, 0};
	const struct na_record_header *record;
	size_t ring;

	(void)state;
	assert_int_equal(na_merge_add(merge, 1, &entry), 0);
	assert_false(na_merge_take(merge, UINT64_MAX / 2, &ring, &record));
	assert_true(na_merge_take(merge, UINT64_MAX, &ring, &record));
	assert_ptr_equal(record, &last);
	assert_false(na_merge_take(merge, UINT64_MAX, &ring, &record));
	na_merge_free(merge);
}

static void a_failed_allocation_adds_nothing(void **state)
{
	struct na_merge *merge = NULL;
	struct na_record_header records[1200];
	const struct na_record_header *record;
	size_t ring, failures = 0;

	(void)state;
	for (size_t n = 1; !merge; n++) {
		na_failing_alloc_arm(n);
		merge = na_merge_new(2);
		assert_true(na_failing_alloc_disarm() == !merge);
	}
	for (size_t i = 0; i < 1200; i++) {
		struct na_merge_entry entry = {&records[i], i};
		int error;

		records[i] = (struct na_record_header){.size = sizeof(records[i]), .time_ns = i};
		for (size_t n = 1;; n++) {
			na_failing_alloc_arm(n);
			error = na_merge_add(merge, 0, &entry);
			if (!na_failing_alloc_disarm())
				break;
			assert_int_equal(error, -ENOMEM);
			assert_int_equal(na_merge_pending(merge), i);
			failures++;
		}
		assert_int_equal(error, 0);
	}
	assert_true(failures >= 2);
	for (size_t i = 0; i < 1200; i++) {
		assert_true(na_merge_take(merge, UINT64_MAX, &ring, &record));
		assert_ptr_equal(record, &records[i]);
	}
	na_merge_free(merge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_arrival_order_within_the_window_is_sorted),
		cmocka_unit_test(nothing_comes_out_of_nothing),
		cmocka_unit_test(the_last_moment_of_all_comes_out_too),
		cmocka_unit_test(a_failed_allocation_adds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
