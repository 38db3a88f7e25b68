/* SPDX-License-Identifier: Apache-2.0 */
/* Output http: how long a far end that failed is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/instance.h"
#include "http_fixture.h"

#define MIN_S 1000u
#define MAX_S 6000u

static struct far_end far;
static struct far_end *const one[] = {&far};
static struct http_fixture fixture;
static uint64_t at_ns; /* of the last failure, or a little later */

static int set_up(void **state)
{
	(void)state;
	far_end_start(&far, FAR_WEBHOOK, NULL);
	http_fixture_init(&fixture, NA_HTTP_WEBHOOK, "http", one, 1);
	fixture.host.retry_min_ns = MIN_S * NA_NS_PER_SEC;
	fixture.host.retry_max_ns = MAX_S * NA_NS_PER_SEC;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	http_fixture_close(&fixture);
	far_end_stop(&far);
	return 0;
}

static void fails(unsigned int times, const char *headers)
{
	for (unsigned int i = 0; i < times; i++)
		far_end_script(&far, (struct far_step){FAR_STATUS, 503, headers, NULL});
}

/* Until the far end failed for the n-th time. */
static void drive_to_failure(unsigned int n)
{
	http_fixture_drive_requests(&fixture, &far, n);
	while (fixture.instance->servers[0].wait_until_ns <= na_clock_boot_ns())
		http_fixture_work(&fixture, 1);
	at_ns = na_clock_boot_ns();
}

/* Nothing comes before half of that, and the next request when all of it is over. */
static void expect_wait(unsigned int n, uint64_t seconds)
{
	drive_to_failure(n);
	/* The clock goes on by itself meanwhile. */
	http_fixture_skip(seconds / 2 - 100);
	http_fixture_work(&fixture, 3);
	assert_int_equal(far.requests, n);
	http_fixture_skip(seconds / 2 + 100);
	http_fixture_drive_requests(&fixture, &far, n + 1);
}

static void waits_as_configured(void **state)
{
	(void)state;
	fails(5, NULL);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	expect_wait(1, MIN_S);
	expect_wait(2, 2 * MIN_S);
	expect_wait(3, 4 * MIN_S);
	expect_wait(4, MAX_S);
	expect_wait(5, MAX_S);
	http_fixture_drive(&fixture, 20);
	/* One that worked is not punished for what was before. */
	fails(1, NULL);
	http_fixture_put(&fixture, 21, 40);
	expect_wait(7, MIN_S);
	http_fixture_drive(&fixture, 40);
}

/* A whole fleet must not come back at one moment. */
static void waits_have_jitter(void **state)
{
	uint64_t least_ns = UINT64_MAX, most_ns = 0;

	(void)state;
	fixture.host.retry_max_ns = fixture.host.retry_min_ns;
	fails(20, NULL);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	for (unsigned int n = 1; n <= 20; n++) {
		uint64_t wait_ns;

		drive_to_failure(n);
		wait_ns = fixture.instance->servers[0].wait_until_ns - at_ns;
		least_ns = wait_ns < least_ns ? wait_ns : least_ns;
		most_ns = wait_ns > most_ns ? wait_ns : most_ns;
		http_fixture_skip(MIN_S);
	}
	/* All twenty within a tenth of the range: once in 10^18 runs. */
	assert_true(most_ns - least_ns > MIN_S / 20 * NA_NS_PER_SEC);
	assert_true(most_ns <= MIN_S * NA_NS_PER_SEC);
	http_fixture_drive(&fixture, 20);
}

/* What it asks for counts if it is longer than what we would wait. */
static void the_longer_wait_counts(void **state)
{
	(void)state;
	fails(1, "Retry-After: 3000\r\n");
	fails(1, "Retry-After: 10\r\n");
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	drive_to_failure(1);
	http_fixture_skip(2900);
	http_fixture_work(&fixture, 3);
	assert_int_equal(far.requests, 1);
	http_fixture_skip(100);
	expect_wait(2, 2 * MIN_S);
	http_fixture_drive(&fixture, 20);
}

/* A host that does not say. */
static void waits_all_the_same(void **state)
{
	(void)state;
	fixture.host.retry_min_ns = fixture.host.retry_max_ns = 0;
	fails(20, NULL);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	for (unsigned int n = 1; n <= 20; n++) {
		drive_to_failure(n);
		assert_true(fixture.instance->servers[0].wait_until_ns - at_ns <=
			    60 * NA_NS_PER_SEC);
		http_fixture_skip(60);
	}
	http_fixture_drive(&fixture, 20);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(waits_as_configured),
		TEST(waits_have_jitter),
		TEST(the_longer_wait_counts),
		TEST(waits_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
