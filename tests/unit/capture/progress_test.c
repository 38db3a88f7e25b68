/* SPDX-License-Identifier: Apache-2.0 */
/* Readers that are killed at any record, and others that go on: each record is kept once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "capture/merge.h"
#include "capture/progress.h"
#include "capture/ring_internal.h"
#include "failing_alloc.h"
#include "random_record.h"
#include "sim_ring.h"

#define RINGS 3
#define SIZE (1u << 20)
#define RECORDS 30000
#define START_NS (100 * NA_MERGE_WINDOW_NS)

static uint64_t clock_ns;

uint64_t na_clock_boot_ns(void)
{
	return clock_ns;
}

enum kill { NOT, BEFORE_KEPT, AFTER_KEPT };

/* What outlives a reader, and the reader. */
static struct {
	struct na_sim_ring sims[RINGS];
	struct na_doorbell doorbell;
	struct na_progress progress;
	uint8_t seen[RINGS][RECORDS];
	uint64_t made[RINGS];
	uint64_t kept; /* the mark */
	struct na_rings *rings;
	uint64_t kill_at; /* so many records from now */
	enum kill kill;
	jmp_buf killed;
} bench;

static uint64_t mark(void *context)
{
	(void)context;
	return bench.kept;
}

static int take(void *context, const struct na_record_header *record)
{
	(void)context;
	if (bench.kill == BEFORE_KEPT && !bench.kill_at)
		longjmp(bench.killed, 1);
	bench.seen[record->tid][record->start_ns]++;
	bench.kept++;
	if (bench.kill == AFTER_KEPT && !bench.kill_at)
		longjmp(bench.killed, 1);
	bench.kill_at--;
	return 0;
}

/* What na_rings_keep says of the one before. */
static int start_reader(void)
{
	struct na_ring_memory memory[RINGS];

	for (size_t i = 0; i < RINGS; i++)
		memory[i] = na_sim_ring_memory(&bench.sims[i]);
	assert_int_equal(na_rings_new(memory, RINGS, &bench.doorbell, &bench.rings), 0);
	return na_rings_keep(bench.rings, &bench.progress, bench.kept, mark, NULL);
}

static void setup(void)
{
	memset(&bench, 0, sizeof(bench));
	clock_ns = START_NS;
	for (size_t i = 0; i < RINGS; i++)
		na_sim_ring_init(&bench.sims[i], SIZE);
	assert_int_equal(start_reader(), 0);
}

static void teardown(void)
{
	na_rings_close(&bench.rings);
	for (size_t i = 0; i < RINGS; i++)
		na_sim_ring_done(&bench.sims[i]);
}

/* Out of order within the window; false: the ring is full. */
static bool put(struct na_random *random, size_t ring)
{
	struct na_record_exited *record = na_sim_ring_reserve(&bench.sims[ring], sizeof(*record));

	if (!record || bench.made[ring] == RECORDS)
		return false;
	clock_ns += na_random_below(random, 1000);
	*record = (struct na_record_exited){
		.header = {.size = sizeof(*record),
			   .type = NA_RECORD_EXITED,
			   .program = NA_PROGRAM_EXIT,
			   .tid = (uint32_t)ring,
			   .start_ns = bench.made[ring]++,
			   .time_ns = clock_ns - na_random_below(random, NA_MERGE_WINDOW_NS / 2)},
	};
	na_sim_ring_submit(record, false);
	return true;
}

static void check_all_once(void)
{
	for (size_t ring = 0; ring < RINGS; ring++)
		for (uint64_t i = 0; i < bench.made[ring]; i++)
			assert_int_equal(bench.seen[ring][i], 1);
}

/* Reads until it is killed, or has read what there is; then another one is there. */
static void live(struct na_random *random, enum kill kill)
{
	bench.kill = kill;
	bench.kill_at = na_random_below(random, 300);
	if (setjmp(bench.killed) == 0) {
		na_rings_read(bench.rings, 1 + na_random_below(random, 200), take, NULL);
		return;
	}
	na_rings_close(&bench.rings);
	assert_int_equal(start_reader(), kill == AFTER_KEPT);
}

static void killed_at_any_record_each_is_kept_once(void **state)
{
	struct na_random random = na_random_new("progress_test");

	(void)state;
	setup();
	for (int life = 0; life < 2000; life++) {
		uint64_t more = na_random_below(&random, 40);

		while (more-- && put(&random, na_random_below(&random, RINGS)))
			;
		live(&random, (enum kill)na_random_below(&random, 3));
	}
	bench.kill = NOT;
	na_rings_drain(bench.rings, take, NULL);
	check_all_once();
	teardown();
}

/* More in one look than the list holds. */
static void a_long_drain_is_killed(void **state)
{
	struct na_random random = na_random_new("progress_test");

	(void)state;
	setup();
	for (int i = 0; i < 40000; i++)
		put(&random, (size_t)i % RINGS);
	assert_true(bench.made[0] > 4 * NA_PROGRESS_MAX / RINGS);
	bench.kill = BEFORE_KEPT;
	bench.kill_at = 3 * NA_PROGRESS_MAX + 77;
	if (setjmp(bench.killed) == 0) {
		na_rings_drain(bench.rings, take, NULL);
		fail_msg("it was not killed");
	}
	na_rings_close(&bench.rings);
	assert_int_equal(start_reader(), 0);
	bench.kill = NOT;
	na_rings_drain(bench.rings, take, NULL);
	check_all_once();
	teardown();
}

static void without_memory_nothing_is_kept(void **state)
{
	struct na_ring_memory memory[RINGS];

	(void)state;
	setup();
	na_rings_close(&bench.rings);
	for (size_t i = 0; i < RINGS; i++)
		memory[i] = na_sim_ring_memory(&bench.sims[i]);
	assert_int_equal(na_rings_new(memory, RINGS, &bench.doorbell, &bench.rings), 0);
	na_failing_alloc_arm(1);
	assert_int_equal(na_rings_keep(bench.rings, &bench.progress, 0, mark, NULL), -ENOMEM);
	assert_true(na_failing_alloc_disarm());
	teardown();
}

/* What another process left is no place of these rings. */
static void nonsense_is_left_out(void **state)
{
	uint64_t places[NA_PROGRESS_MAX + 1];
	bool unsure;

	(void)state;
	memset(&bench.progress, 0xff, sizeof(bench.progress));
	assert_int_equal(na_progress_resume(&bench.progress, RINGS, 1, places, &unsure), 0);
	assert_false(unsure);
	assert_int_equal(bench.progress.count, 0);
}

/* All places stay where nothing can be given back: half of them are forgotten, not written past. */
static void a_full_list_forgets_the_oldest(void **state)
{
	static struct na_progress progress;
	const uint64_t released[RINGS] = {0};
	uint64_t places[NA_PROGRESS_MAX + 1];
	bool unsure;
	size_t count;

	(void)state;
	for (uint64_t i = 0; !na_progress_is_full(&progress); i++) {
		na_progress_begin(&progress, na_progress_place(1, 8 * i), i);
		na_progress_end(&progress);
	}
	na_progress_settle(&progress, released);
	count = na_progress_resume(&progress, RINGS, 0, places, &unsure);
	assert_int_equal(count, NA_PROGRESS_MAX / 2);
	assert_false(na_progress_is_done(places, count, na_progress_place(1, 0)));
	assert_true(na_progress_is_done(places, count,
					na_progress_place(1, 8 * (NA_PROGRESS_MAX - 1))));
	assert_false(na_progress_is_done(places, count,
					 na_progress_place(0, 8 * (NA_PROGRESS_MAX - 1))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_any_record_each_is_kept_once),
		cmocka_unit_test(a_long_drain_is_killed),
		cmocka_unit_test(without_memory_nothing_is_kept),
		cmocka_unit_test(nonsense_is_left_out),
		cmocka_unit_test(a_full_list_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
