/* SPDX-License-Identifier: Apache-2.0 */
/* Output syslog: which records are acknowledged when, by a model of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "syslog/window.h"

#define SECOND UINT64_C(1000000000)

static struct na_syslog_window window;
static uint64_t acknowledged, expected_next;

/* In order; 7 has a hole in front of it in one test. */
static void acknowledge(struct na_output_host *host, uint64_t first, uint64_t last)
{
	(void)host;
	assert_int_equal(first, expected_next);
	assert_true(last >= first);
	acknowledged += last - first + 1;
	expected_next = last + 1;
}

static struct na_output_host host = {.acknowledge = acknowledge};

static int set_up(void **state)
{
	(void)state;
	acknowledged = 0;
	expected_next = 1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_syslog_window_done(&window);
	return 0;
}

static void take(uint64_t from, uint64_t to, uint64_t length)
{
	for (uint64_t number = from; number <= to; number++)
		assert_int_equal(na_syslog_window_take(&window, number, number * length), 0);
}

static void release(uint64_t overlap_s, uint64_t now_s)
{
	na_syslog_window_release(&window, &host, overlap_s * SECOND, now_s * SECOND, false);
}

/* ------------------------------------------------------------------------------------------- */

static void counts_whole_records_only(void **state)
{
	(void)state;
	take(1, 10, 100);
	na_syslog_window_write(&window, 550, 550, true);
	na_syslog_window_arrive(&window, 299, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 2);
	na_syslog_window_arrive(&window, 300, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 3);
	/* More than was written of whole records cannot arrive. */
	na_syslog_window_arrive(&window, 5000, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 5);
	na_syslog_window_write(&window, 1000, 1000, true);
	na_syslog_window_arrive(&window, 1000, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 10);
	assert_true(na_syslog_window_is_empty(&window));
}

/* TLS: what one call wrote ends where the call did. */
static void maps_to_the_bytes_of_the_socket(void **state)
{
	(void)state;
	take(1, 10, 100);
	na_syslog_window_write(&window, 350, 2000, false);
	na_syslog_window_write(&window, 1000, 2700, false);
	na_syslog_window_arrive(&window, 1999, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 0);
	na_syslog_window_arrive(&window, 2000, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 3);
	na_syslog_window_arrive(&window, 2699, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 3);
	na_syslog_window_arrive(&window, 2700, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 10);
}

static void holds_the_overlap_back(void **state)
{
	(void)state;
	take(1, 3, 100);
	na_syslog_window_write(&window, 300, 300, true);
	na_syslog_window_arrive(&window, 100, 1 * SECOND);
	na_syslog_window_arrive(&window, 300, 5 * SECOND);
	release(10, 10);
	assert_int_equal(acknowledged, 0);
	release(10, 11);
	assert_int_equal(acknowledged, 1);
	release(10, 14);
	assert_int_equal(acknowledged, 1);
	release(10, 15);
	assert_int_equal(acknowledged, 3);
}

static void bounds_the_overlap_by_bytes(void **state)
{
	(void)state;
	take(1, 100, 1u << 20);
	na_syslog_window_write(&window, 100u << 20, 100u << 20, true);
	na_syslog_window_arrive(&window, 20u << 20, 0);
	release(10, 0);
	assert_int_equal(acknowledged, 12); /* 8 MiB are behind it */
	na_syslog_window_arrive(&window, 100u << 20, 0);
	release(10, 0);
	assert_int_equal(acknowledged, 92);
}

static void bounds_the_overlap_by_records(void **state)
{
	(void)state;
	take(1, 20000, 1);
	na_syslog_window_write(&window, 20000, 20000, true);
	na_syslog_window_arrive(&window, 20000, 0);
	release(10, 0);
	assert_int_equal(acknowledged, 20000 - NA_SYSLOG_OVERLAP_RECORDS);
}

/* A number that was rejected between others is never acknowledged with them. */
static void leaves_holes_alone(void **state)
{
	(void)state;
	take(1, 5, 10);
	take(7, 9, 10);
	na_syslog_window_write(&window, 90, 90, true);
	na_syslog_window_arrive(&window, 50, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 5);
	expected_next = 7;
	na_syslog_window_arrive(&window, 90, 0);
	release(0, 0);
	assert_int_equal(acknowledged, 8);
}

static void forgets_what_broke(void **state)
{
	(void)state;
	take(1, 5, 10);
	na_syslog_window_write(&window, 50, 50, true);
	na_syslog_window_arrive(&window, 50, 0);
	na_syslog_window_forget(&window);
	na_syslog_window_release(&window, &host, 0, 0, true);
	assert_int_equal(acknowledged, 0);
	expected_next = 6;
	assert_int_equal(na_syslog_window_take(&window, 6, 10), 0);
	na_syslog_window_write(&window, 10, 10, true);
	na_syslog_window_arrive(&window, 10, 0);
	na_syslog_window_release(&window, &host, 10 * SECOND, 0, true);
	assert_int_equal(acknowledged, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_whole_records_only),
		TEST(maps_to_the_bytes_of_the_socket),
		TEST(holds_the_overlap_back),
		TEST(bounds_the_overlap_by_bytes),
		TEST(bounds_the_overlap_by_records),
		TEST(leaves_holes_alone),
		TEST(forgets_what_broke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
