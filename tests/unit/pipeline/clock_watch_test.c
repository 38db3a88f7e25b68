/* SPDX-License-Identifier: Apache-2.0 */
/* Steps, slewing and sleep, on clocks that the test moves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/clock_watch.h"

#define WALL_NS UINT64_C(1795000000000000000)

/* The three clocks; linked in place of base/clock's by --wrap. */
static struct {
	uint64_t awake_ns, suspended_ns, wall_offset_ns;
} clocks;

uint64_t __wrap_na_clock_awake_ns(void);
uint64_t __wrap_na_clock_awake_ns(void)
{
	return clocks.awake_ns;
}

uint64_t __wrap_na_clock_suspended_ns(void);
uint64_t __wrap_na_clock_suspended_ns(void)
{
	return clocks.suspended_ns;
}

uint64_t __wrap_na_clock_wall_offset_ns(void);
uint64_t __wrap_na_clock_wall_offset_ns(void)
{
	return clocks.wall_offset_ns;
}

static int start(void **state)
{
	static struct na_clock_watch watch;

	clocks.awake_ns = 1000 * NA_NS_PER_SEC;
	clocks.suspended_ns = 50 * NA_NS_PER_SEC;
	clocks.wall_offset_ns = WALL_NS;
	na_clock_watch_init(&watch);
	*state = &watch;
	return 0;
}

/* A second later. */
static bool look(struct na_clock_watch *watch, struct na_clock_change *change)
{
	clocks.awake_ns += NA_NS_PER_SEC;
	return na_clock_watch_look(watch, change);
}

static void expect_nothing(struct na_clock_watch *watch)
{
	struct na_clock_change change = {77, 88};

	assert_false(look(watch, &change));
	assert_int_equal(change.step_ns, 77);
	assert_int_equal(change.suspended_ns, 88);
}

static void expect_change(struct na_clock_watch *watch, int64_t step_ns, uint64_t suspended_ns)
{
	struct na_clock_change change;

	assert_true(look(watch, &change));
	assert_int_equal(change.step_ns, step_ns);
	assert_int_equal(change.suspended_ns, suspended_ns);
	assert_int_equal(watch->wall_offset_ns, clocks.wall_offset_ns);
	expect_nothing(watch); /* once */
}

static void noise_moves_nothing(void **state)
{
	struct na_clock_watch *watch = *state;

	for (int i = 0; i < 1000; i++) {
		clocks.wall_offset_ns = WALL_NS + (i & 1 ? 90 : 0) * NA_NS_PER_US;
		clocks.suspended_ns = 50 * NA_NS_PER_SEC + (i & 1 ? 300 : 0);
		expect_nothing(watch);
		assert_int_equal(watch->wall_offset_ns, WALL_NS);
	}
}

static void steps_are_told_both_ways(void **state)
{
	struct na_clock_watch *watch = *state;

	clocks.wall_offset_ns += 3600 * NA_NS_PER_SEC;
	expect_change(watch, (int64_t)(3600 * NA_NS_PER_SEC), 0);
	clocks.wall_offset_ns -= 7200 * NA_NS_PER_SEC;
	expect_change(watch, -(int64_t)(7200 * NA_NS_PER_SEC), 0);
	clocks.wall_offset_ns += 128 * NA_NS_PER_MS; /* the least that ntpd steps by */
	expect_change(watch, (int64_t)(128 * NA_NS_PER_MS), 0);
}

static void slewing_is_followed_silently(void **state)
{
	struct na_clock_watch *watch = *state;

	for (int i = 0; i < 100; i++) { /* at the kernel's limit */
		clocks.wall_offset_ns += 100 * NA_NS_PER_MS;
		expect_nothing(watch);
		assert_int_equal(watch->wall_offset_ns, clocks.wall_offset_ns);
	}
	for (int i = 0; i < 100; i++) { /* ntpd's 500 ppm */
		clocks.wall_offset_ns -= 500 * NA_NS_PER_US;
		expect_nothing(watch);
		assert_int_equal(watch->wall_offset_ns, clocks.wall_offset_ns);
	}
}

/* What moved by less than the noise each time adds up, and is followed then. */
static void slow_drift_is_not_lost(void **state)
{
	struct na_clock_watch *watch = *state;

	for (int i = 0; i < 1000; i++) {
		clocks.wall_offset_ns += 20 * NA_NS_PER_US;
		expect_nothing(watch);
		assert_true(clocks.wall_offset_ns - watch->wall_offset_ns <= 100 * NA_NS_PER_US);
	}
}

static void sleep_is_told(void **state)
{
	struct na_clock_watch *watch = *state;

	clocks.suspended_ns += 30 * NA_NS_PER_SEC;
	expect_change(watch, 0, 30 * NA_NS_PER_SEC);
	clocks.suspended_ns += 5 * NA_NS_PER_SEC; /* and the clock was off afterwards */
	clocks.wall_offset_ns -= 2 * NA_NS_PER_SEC;
	expect_change(watch, -(int64_t)(2 * NA_NS_PER_SEC), 5 * NA_NS_PER_SEC);
}

/* The agent stood still for ten minutes: a step of two seconds in them is seen. */
static void a_late_look_sees_the_step(void **state)
{
	struct na_clock_watch *watch = *state;

	clocks.awake_ns += 600 * NA_NS_PER_SEC;
	clocks.wall_offset_ns += 2 * NA_NS_PER_SEC;
	expect_change(watch, (int64_t)(2 * NA_NS_PER_SEC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(noise_moves_nothing, start),
		cmocka_unit_test_setup(steps_are_told_both_ways, start),
		cmocka_unit_test_setup(slewing_is_followed_silently, start),
		cmocka_unit_test_setup(slow_drift_is_not_lost, start),
		cmocka_unit_test_setup(sleep_is_told, start),
		cmocka_unit_test_setup(a_late_look_sees_the_step, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
