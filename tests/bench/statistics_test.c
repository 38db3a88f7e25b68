/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of benchmarks, on numbers whose answer is known, and the order of on and off. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "toggle.h"

#define NEAR 1e-9
#define ASSERT_NEAR(a, b, distance) assert_true(fabs((a) - (b)) <= (distance))

static void quartiles_lie_between_the_numbers(void **state)
{
	double numbers[] = {4, 1, 3, 2};
	struct bench_spread spread = bench_spread_of(numbers, 4);

	(void)state;
	ASSERT_NEAR(spread.q1, 1.75, NEAR);
	ASSERT_NEAR(spread.median, 2.5, NEAR);
	ASSERT_NEAR(spread.q3, 3.25, NEAR);
	ASSERT_NEAR(spread.mean, 2.5, NEAR);
	/* Deviation sqrt(5/3), of four. */
	ASSERT_NEAR(spread.error, 0.6454972243679028, NEAR);
}

static void one_number_has_no_spread(void **state)
{
	double number = 7;
	struct bench_spread spread = bench_spread_of(&number, 1);

	(void)state;
	ASSERT_NEAR(spread.q1, 7, NEAR);
	ASSERT_NEAR(spread.median, 7, NEAR);
	ASSERT_NEAR(spread.q3, 7, NEAR);
	ASSERT_NEAR(spread.error, 0, NEAR);
}

/* A load whose rate drifts, and which takes 250 ns longer (of 1000, 1001, …) while it is on. */
struct fake {
	bool on;
	int blocks, switches;
	int fail_block, fail_on; /* number of the call that fails, 0: none */
	int error_off;
};

static int fake_measure(void *context, struct bench_sample *ret_sample)
{
	struct fake *fake = context;
	int pair = fake->blocks / 2;
	double ns = 1000 + pair + (fake->on ? 250 : 0);

	if (++fake->blocks == fake->fail_block)
		return -EPIPE;
	assert_true(fake->on == (fake->blocks % 2 == 0));
	/* Two threads, on half of the machine's time. */
	*ret_sample = (struct bench_sample){.rate = 1e9 / ns, .cpu_ns = ns, .share = 0.5};
	return 0;
}

static int fake_on(void *context)
{
	struct fake *fake = context;

	assert_false(fake->on);
	if (++fake->switches == fake->fail_on)
		return -EACCES;
	fake->on = true;
	return 0;
}

static int fake_off(void *context)
{
	struct fake *fake = context;

	assert_true(fake->on);
	fake->on = false;
	return fake->error_off;
}

static int compare(struct fake *fake, size_t pairs, struct bench_comparison *ret_comparison)
{
	const struct bench_meter meter = {fake_measure, fake};
	const struct bench_toggle toggle = {"fake", fake_on, fake_off, fake};

	return bench_compare(&meter, &toggle, pairs, ret_comparison);
}

static void neighbours_are_compared(void **state)
{
	struct fake fake = {0};
	struct bench_comparison comparison;

	(void)state;
	assert_int_equal(compare(&fake, 3, &comparison), 0);
	assert_int_equal(fake.blocks, 6);
	assert_false(fake.on);
	assert_int_equal(comparison.pairs, 3);
	ASSERT_NEAR(comparison.rate.median, 1e9 / 1001, 1e-3);
	ASSERT_NEAR(comparison.ratio.median, 1001.0 / 1251, NEAR);
	ASSERT_NEAR(comparison.cpu_ratio.median, 1001.0 / 1251, NEAR);
	ASSERT_NEAR(comparison.share.median, 0.5, NEAR);
	ASSERT_NEAR(comparison.added.q1, 250, 1e-6);
	ASSERT_NEAR(comparison.added.q3, 250, 1e-6);
	ASSERT_NEAR(comparison.added.error, 0, 1e-6);
}

static void it_is_off_after_an_error(void **state)
{
	struct fake in_off = {.fail_block = 3}, in_on = {.fail_block = 4};
	struct fake at_on = {.fail_on = 2}, at_off = {.error_off = -EBUSY};
	struct bench_comparison comparison = {.pairs = 77};

	(void)state;
	assert_int_equal(compare(&in_off, 3, &comparison), -EPIPE);
	assert_int_equal(compare(&in_on, 3, &comparison), -EPIPE);
	assert_int_equal(compare(&at_on, 3, &comparison), -EACCES);
	assert_int_equal(compare(&at_off, 3, &comparison), -EBUSY);
	assert_false(in_off.on || in_on.on || at_on.on || at_off.on);
	assert_int_equal(comparison.pairs, 77);
}

static void the_number_of_pairs_is_limited(void **state)
{
	struct fake fake = {0};
	struct bench_comparison comparison;

	(void)state;
	assert_int_equal(compare(&fake, 0, &comparison), -EINVAL);
	assert_int_equal(compare(&fake, BENCH_PAIRS_MAX + 1, &comparison), -EINVAL);
	assert_int_equal(compare(&fake, BENCH_PAIRS_MAX, &comparison), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quartiles_lie_between_the_numbers),
		cmocka_unit_test(one_number_has_no_spread),
		cmocka_unit_test(neighbours_are_compared),
		cmocka_unit_test(it_is_off_after_an_error),
		cmocka_unit_test(the_number_of_pairs_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
