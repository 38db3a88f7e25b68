/* SPDX-License-Identifier: Apache-2.0 */
/* Until when the writer before saw all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/last.h"
#include "made.h"

#define SECOND UINT64_C(1000000000)

static struct made made;
static const uint8_t boot[16];

static int setup(void **state)
{
	(void)state;
	made_init(&made);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_done(&made);
	return 0;
}

static void set_boot_ns(uint64_t boot_ns)
{
	made.wall_ns = MADE_WALL_NS + boot_ns - SECOND; /* made_event adds one */
}

static uint64_t last(void)
{
	uint64_t ret_ns = 0;

	made_show(&made);
	assert_int_equal(na_journal_last(made.folder, made.tail_path, boot, &ret_ns), 0);
	return ret_ns;
}

static void its_newest_event(void **state)
{
	(void)state;
	made_tail(&made, 64 * NA_TAIL_PAGE);
	made_begin(&made);
	set_boot_ns(30 * SECOND);
	made_event(&made, NA_EVENT_CLOSED);
	assert_int_equal(last(), 30 * SECOND);
	set_boot_ns(20 * SECOND);
	made_event(&made, NA_EVENT_CLOSED);
	assert_int_equal(last(), 30 * SECOND);
}

/* Its events of 30 s came while programs were detached: others of that time did not. */
static void the_begin_of_its_stop(void **state)
{
	(void)state;
	made_tail(&made, 64 * NA_TAIL_PAGE);
	made_begin(&made);
	set_boot_ns(30 * SECOND);
	made_event(&made, NA_EVENT_CLOSED);
	set_boot_ns(20 * SECOND);
	made_event(&made, NA_EVENT_AGENT_STOPPING);
	assert_int_equal(last(), 20 * SECOND);
	set_boot_ns(40 * SECOND);
	made_event(&made, NA_EVENT_AGENT_STARTED); /* another one */
	assert_int_equal(last(), 40 * SECOND);
}

static void of_another_boot(void **state)
{
	const uint8_t other[16] = {1};
	uint64_t ret_ns = 7;

	(void)state;
	assert_int_equal(na_journal_last(made.folder, made.tail_path, boot, &ret_ns), -ENOENT);
	made_tail(&made, 64 * NA_TAIL_PAGE);
	assert_int_equal(na_journal_last(made.folder, made.tail_path, boot, &ret_ns), -ENOENT);
	made_begin(&made);
	made_event(&made, NA_EVENT_CLOSED);
	made_show(&made);
	assert_int_equal(na_journal_last(made.folder, made.tail_path, other, &ret_ns), -ENOENT);
	assert_int_equal(ret_ns, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_newest_event, setup, teardown),
		cmocka_unit_test_setup_teardown(the_begin_of_its_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(of_another_boot, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
