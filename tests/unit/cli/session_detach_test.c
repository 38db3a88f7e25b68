/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the kernel programs: turns until they are detached, and no longer than the bound. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/pinned.h"
#include "cli/session_capture.h"

#define PIDFD 77
#define NEVER 1000000

static struct {
	bool pinned;
	int begin; /* what na_capture_detach_begin returns */
	int turns_until_detached, turn_error;
	uint64_t now_ns;
	/* What happened. */
	int begun, woken_by, turns, detached, turns_before, warnings;
} world;

uint64_t na_clock_boot_ns(void)
{
	return world.now_ns;
}

void na_log(enum na_log_level level, const char *format, ...)
{
	assert_non_null(format);
	world.warnings += level == NA_LOG_WARNING;
}

bool na_capture_is_pinned(const struct na_capture *capture)
{
	(void)capture;
	return world.pinned;
}

int na_capture_detach_begin(struct na_capture *capture)
{
	(void)capture;
	world.begun++;
	return world.begin;
}

bool na_capture_is_detaching(struct na_capture *capture)
{
	(void)capture;
	return world.begin >= 0 && world.turns < world.turns_until_detached;
}

void na_capture_detach(struct na_capture *capture)
{
	(void)capture;
	world.detached++;
	world.turns_before = world.turns;
}

void na_source_wake_by(struct na_source *source, int fd)
{
	(void)source;
	world.woken_by = fd;
}

/* Each takes a second. */
int na_source_turn(struct na_source *source)
{
	(void)source;
	assert_int_equal(world.begun, 1);
	assert_int_equal(world.detached, 0);
	world.turns++;
	world.now_ns += NA_NS_PER_SEC;
	return world.turn_error;
}

static int set_up(void **state)
{
	(void)state;
	world = (typeof(world)){
		.begin = PIDFD, .turns_until_detached = 5, .now_ns = 100 * NA_NS_PER_SEC};
	return 0;
}

static void test_reads_until_detached(void **state)
{
	struct na_source source = {0};

	(void)state;
	assert_int_equal(na_source_detach(&source), 0);
	assert_int_equal(world.woken_by, PIDFD);
	assert_int_equal(world.turns, 5);
	assert_int_equal(world.detached, 1);
	assert_int_equal(world.turns_before, 5);
	assert_int_equal(world.warnings, 0);
}

/* The units' default is 90 s, of which journal and shipping process take 20. */
static void test_bound(void **state)
{
	struct na_source source = {0};

	(void)state;
	world.turns_until_detached = NEVER;
	assert_int_equal(na_source_detach(&source), 0);
	assert_in_range(world.turns, 10, 60);
	assert_int_equal(world.detached, 1);
	assert_int_equal(world.warnings, 1);
}

static void test_error_ends_it(void **state)
{
	struct na_source source = {0};

	(void)state;
	world.turn_error = -EPIPE;
	assert_int_equal(na_source_detach(&source), -EPIPE);
	assert_int_equal(world.turns, 1);
	assert_int_equal(world.detached, 1);
}

static void test_without_a_process(void **state)
{
	struct na_source source = {0};

	(void)state;
	world.begin = -EAGAIN;
	assert_int_equal(na_source_detach(&source), 0);
	assert_int_equal(world.turns, 0);
	assert_int_equal(world.detached, 1);
	assert_int_equal(world.warnings, 1);
}

static void test_pinned_stays(void **state)
{
	struct na_source source = {0};

	(void)state;
	world.pinned = true;
	assert_int_equal(na_source_detach(&source), 0);
	assert_int_equal(world.begun + world.turns + world.detached, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reads_until_detached, set_up),
		cmocka_unit_test_setup(test_bound, set_up),
		cmocka_unit_test_setup(test_error_ends_it, set_up),
		cmocka_unit_test_setup(test_without_a_process, set_up),
		cmocka_unit_test_setup(test_pinned_stays, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
