/* SPDX-License-Identifier: Apache-2.0 */
/* Executions from the events of an earlier agent of this boot. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "same_event.h"
#include "support.h"

#define ENTITY(rest) "00c0ffee12345678-" rest
#define TICK UINT64_C(10000000)
#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
	char *folder;
	char passwd[128];
	struct na_processes *first, *second; /* one agent after the other */
};

static struct na_processes *new_cache(const struct fixture *fixture)
{
	struct na_processes_options options = test_options(100);
	struct na_processes *processes;

	options.proc = fixture->folder;
	options.passwd = fixture->passwd;
	processes = na_processes_new(&options);
	assert_non_null(processes);
	return processes;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->folder = test_folder_new();
	snprintf(fixture->passwd, sizeof(fixture->passwd), "%s/passwd", fixture->folder);
	test_write(fixture->folder, "passwd", TEXT("root:x:0:0::/:\nweb:x:33:33::/:\n"));
	fixture->first = new_cache(fixture);
	fixture->second = new_cache(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	na_processes_free(fixture->first);
	na_processes_free(fixture->second);
	test_folder_free(fixture->folder);
	free(fixture);
	return 0;
}

static const struct test_exec nginx = {
	.pid = 16,
	.start_ns = 0x100,
	.time_ns = 0x200,
	.executable = BYTES("nginx\0sbin\0usr\0"),
	.directory = BYTES("www\0srv\0"),
	.arguments = BYTES("nginx\0\0-g\0daemon off\0"),
	.cgroup = BYTES("docker-" CONTAINER ".scope\0system.slice\0"),
	.comm = "nginx",
	.parent_pid = 15,
	.parent_start_ns = 0x50,
	.uid = 33,
	.euid = 0,
	.gid = 34,
	.login_uid = 1000,
	.session = 9,
};

/* As process 40, since the fourth tick. */
static void runs(const struct fixture *fixture, const char *executable)
{
	test_proc_add(fixture->folder, &(struct test_proc){.pid = 40,
							   .parent = 1,
							   .ticks = 4,
							   .comm = "comm",
							   .state = 'S',
							   .threads = 1,
							   .executable = executable,
							   .arguments = TEXT("x\0")});
}

static void everything_comes_back(void **state)
{
	struct fixture *fixture = *state;
	struct na_event told, again;
	struct na_process *process;

	assert_int_equal(test_exec_simple(fixture->first, 15, 0x50, 0x60, "parent"), 0);
	assert_int_equal(test_exec(fixture->first, &nginx), 0);
	told = test_get_event(fixture->first, 16, 0x100, 0x300);
	assert_field(told, PROCESS_PARENT_ENTITY_ID, ENTITY("f-50-1"));
	process = na_processes_restore(fixture->second, &told, false);
	assert_non_null(process);
	na_event_init(&again, NA_EVENT_ESTABLISHED, 0x300);
	na_process_fill(process, &again);
	assert_ptr_equal(na_events_differ(&again, &told), NULL);
	again = test_get_event(fixture->second, 16, 0x100, 0x400);
	told.boot_ns = 0x400;
	assert_ptr_equal(na_events_differ(&again, &told), NULL);
}

static void what_is_not_known_stays_so(void **state)
{
	struct fixture *fixture = *state;
	struct na_event told = test_get_event(fixture->first, 99, 7, 8), again;

	assert_field(told, PROCESS_ENTITY_ID, ENTITY("63-7-0"));
	na_event_init(&again, NA_EVENT_ESTABLISHED, 8);
	na_process_fill(na_processes_restore(fixture->second, &told, false), &again);
	assert_ptr_equal(na_events_differ(&again, &told), NULL);
}

static void a_scan_finds_what_still_runs(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	runs(fixture, "/usr/bin/lives");
	assert_int_equal(test_exec_simple(fixture->first, 40, 4 * TICK + 1, 5 * TICK, "lives"), 0);
	assert_int_equal(test_exec_simple(fixture->first, 41, 4 * TICK + 1, 5 * TICK, "ended"), 0);
	for (uint32_t pid = 40; pid <= 41; pid++) {
		event = test_get_event(fixture->first, pid, 4 * TICK + 1, 6 * TICK);
		na_processes_restore(fixture->second, &event, false);
	}
	na_processes_restored(fixture->second, false);
	assert_int_equal(na_processes_scan(fixture->second), 0);
	na_processes_expire(fixture->second, UINT64_MAX);
	assert_int_equal(na_processes_count(fixture->second), 1);
	event = test_get_event(fixture->second, 40, 4 * TICK + 1, 2000 * NA_NS_PER_SEC);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("28-2625a01-1"));
	assert_field(event, PROCESS_EXECUTABLE, "/usr/bin/lives");
}

/* Who ended stays known as long as somebody refers to it: a socket that its child has. */
static void an_ended_one_stays_with_its_reference(void **state)
{
	struct fixture *fixture = *state;
	struct na_process *process;
	struct na_event told, again;

	assert_int_equal(test_exec(fixture->first, &nginx), 0);
	told = test_get_event(fixture->first, 16, 0x100, 0x300);
	process = na_process_ref(na_processes_restore(fixture->second, &told, false));
	assert_int_equal(na_processes_scan(fixture->second), 0);
	na_processes_expire(fixture->second, UINT64_MAX);
	na_event_init(&again, NA_EVENT_ESTABLISHED, 0x300);
	na_process_fill(process, &again);
	assert_ptr_equal(na_events_differ(&again, &told), NULL);
	na_process_unref(&process);
	assert_int_equal(na_processes_count(fixture->second), 0);
}

/* While nobody watched it executed another program: only /proc tells. */
static void another_program_after_a_gap(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	runs(fixture, "/usr/bin/other");
	assert_int_equal(test_exec_simple(fixture->first, 40, 4 * TICK + 1, 5 * TICK, "one"), 0);
	event = test_get_event(fixture->first, 40, 4 * TICK + 1, 6 * TICK);
	na_processes_restore(fixture->second, &event, false);
	na_processes_restored(fixture->second, true);
	assert_int_equal(na_processes_scan(fixture->second), 0);
	event = test_get_event(fixture->second, 40, 4 * TICK + 1, test_now_ns + 1);
	assert_field(event, PROCESS_EXECUTABLE, "/usr/bin/other");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("28-2625a01-2"));
	event = test_get_event(fixture->second, 40, 4 * TICK + 1, 6 * TICK);
	assert_field(event, PROCESS_EXECUTABLE, "/usr/bin/one");
}

static void records_that_are_read_again_count_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	assert_int_equal(test_exec_simple(fixture->first, 9, 5, 10, "one"), 0);
	event = test_get_event(fixture->first, 9, 5, 15);
	na_processes_restore(fixture->second, &event, false);
	assert_int_equal(test_exec_simple(fixture->second, 9, 5, 10, "one"), 0);
	event = test_get_event(fixture->second, 9, 5, 16);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("9-5-1"));
	/* One that the first did not come to tell of. */
	assert_int_equal(test_exec_simple(fixture->second, 9, 5, 20, "two"), 0);
	event = test_get_event(fixture->second, 9, 5, 30);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("9-5-2"));
	assert_field(event, PROCESS_NAME, "two");
	event = test_get_event(fixture->second, 9, 5, 16);
	assert_field(event, PROCESS_NAME, "one");
}

static void executions_in_any_order(void **state)
{
	struct fixture *fixture = *state;
	struct na_event one, two, event;

	assert_int_equal(test_exec_simple(fixture->first, 9, 5, 10, "one"), 0);
	assert_int_equal(test_exec_simple(fixture->first, 9, 5, 20, "two"), 0);
	one = test_get_event(fixture->first, 9, 5, 15);
	two = test_get_event(fixture->first, 9, 5, 25);
	na_processes_restore(fixture->second, &two, false);
	one.boot_ns = 40; /* the first was the creator of a socket that is told of later */
	na_processes_restore(fixture->second, &one, false);
	event = test_get_event(fixture->second, 9, 5, 50);
	assert_field(event, PROCESS_NAME, "two");
	assert_int_equal(test_exec_simple(fixture->second, 9, 5, 60, "three"), 0);
	event = test_get_event(fixture->second, 9, 5, 70);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("9-5-3"));
}

static void a_creator_is_known_better_by_its_own_event(void **state)
{
	struct fixture *fixture = *state;
	struct na_event creator, told, again;

	assert_int_equal(test_exec(fixture->first, &nginx), 0);
	told = test_get_event(fixture->first, 16, 0x100, 0x300);
	na_event_init(&creator, NA_EVENT_ACCEPTED, 0x250);
	na_process_fill_creator(na_processes_get(fixture->first, 16, 0x100, 0x300), &creator);
	assert_non_null(na_processes_restore(fixture->second, &creator, true));
	assert_null(na_processes_restore(fixture->second, &creator, false));
	again = test_get_event(fixture->second, 16, 0x100, 0x300);
	assert_field(again, PROCESS_NAME, "nginx");
	assert_absent(again, PROCESS_ARGS);
	na_processes_restore(fixture->second, &told, false);
	again = test_get_event(fixture->second, 16, 0x100, 0x300);
	assert_ptr_equal(na_events_differ(&again, &told), NULL);
}

static void ids_that_make_no_sense(void **state)
{
	static const char *const ids[] = {
		"",
		ENTITY(""),
		ENTITY("10-100"),
		ENTITY("10-100-"),
		ENTITY("10-100-1-1"),
		ENTITY("10-1g0-1"),
		ENTITY("0-100-1"),
		ENTITY("100000000-100-1"),
		ENTITY("10-11111111111111111-1"),
		"00c0ffee12345679-10-100-1", /* of another boot */
	};
	struct fixture *fixture = *state;
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, 5);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		NA_SET_TEXT(&event, PROCESS_ENTITY_ID, ids[i]);
		assert_null(na_processes_restore(fixture->second, &event, false));
	}
	assert_int_equal(na_processes_count(fixture->second), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_known_stays_so, setup, teardown),
		cmocka_unit_test_setup_teardown(a_scan_finds_what_still_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(an_ended_one_stays_with_its_reference, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_program_after_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(records_that_are_read_again_count_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(executions_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_creator_is_known_better_by_its_own_event, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ids_that_make_no_sense, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
