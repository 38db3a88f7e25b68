/* SPDX-License-Identifier: Apache-2.0 */
/* The process cache: fork, exec, exit, what is lost or late of them, /proc, and its limits. */
#include "process/process.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support.h"

#define ENTITY(rest) "00c0ffee12345678-" rest
#define TICK UINT64_C(10000000)
#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
	char *folder;
	char passwd[128];
	struct na_processes *processes;
};

static int setup_with(void **state, size_t max)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct na_processes_options options = test_options(max);

	fixture->folder = test_folder_new();
	snprintf(fixture->passwd, sizeof(fixture->passwd), "%s/passwd", fixture->folder);
	test_write(fixture->folder, "passwd", TEXT("root:x:0:0::/:\nweb:x:33:33::/:\n"));
	options.proc = fixture->folder;
	options.passwd = fixture->passwd;
	fixture->processes = na_processes_new(&options);
	*state = fixture;
	return fixture->processes ? 0 : -1;
}

static int setup(void **state)
{
	return setup_with(state, 100);
}

static int setup_small(void **state)
{
	return setup_with(state, 3);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	na_processes_free(fixture->processes);
	test_folder_free(fixture->folder);
	free(fixture);
	return 0;
}

static struct na_processes *processes_of(void **state)
{
	return ((struct fixture *)*state)->processes;
}

static const struct test_exec nginx = {
	.pid = 16,
	.start_ns = 0x100,
	.time_ns = 0x200,
	.executable = BYTES("nginx\0sbin\0usr\0"),
	.directory = BYTES("www\0srv\0"),
	.arguments = BYTES("nginx\0-g\0daemon off\0"),
	.cgroup = BYTES("docker-" CONTAINER ".scope\0system.slice\0"),
	.comm = "nginx",
	.uid = 33,
	.euid = 0,
	.gid = 34,
	.login_uid = 1000,
	.session = 9,
};

static void test_all_fields_of_an_exec(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	assert_int_equal(test_exec(processes, &nginx), 0);
	event = test_get_event(processes, 16, 0x100, 0x300);
	assert_number(event, PROCESS_PID, 16);
	assert_number(event, PROCESS_START, WALL_OFFSET + 0x100);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("10-100-1"));
	assert_field(event, PROCESS_EXECUTABLE, "/usr/sbin/nginx");
	assert_field(event, PROCESS_NAME, "nginx");
	assert_field(event, PROCESS_COMMAND_LINE, "nginx -g daemon off");
	assert_number(event, PROCESS_ARGS_COUNT, 3);
	assert_int_equal(event.f_PROCESS_ARGS.count, 3);
	test_assert_text(true, event.f_PROCESS_ARGS.items[2], "daemon off", "args[2]");
	assert_field(event, PROCESS_WORKING_DIRECTORY, "/srv/www");
	assert_field(event, USER_ID, "33");
	assert_field(event, USER_NAME, "web");
	assert_field(event, USER_EFFECTIVE_ID, "0");
	assert_field(event, USER_EFFECTIVE_NAME, "root");
	assert_field(event, GROUP_ID, "34");
	assert_field(event, CONTAINER_ID, CONTAINER);
	assert_field(event, NA_CGROUP_PATH, "/system.slice/docker-" CONTAINER ".scope");
	assert_number(event, NA_CGROUP_ID, 4711);
	assert_field(event, NA_PROCESS_CAPABILITIES, "1fff");
	assert_field(event, NA_PROCESS_LOGIN_UID, "1000");
	assert_number(event, NA_PROCESS_SESSION, 9);
	assert_number(event, NA_PROCESS_PID_NAMESPACE, 101);
	assert_number(event, NA_PROCESS_NET_NAMESPACE, 102);
	assert_number(event, NA_PROCESS_MOUNT_NAMESPACE, 103);
	assert_number(event, NA_PROCESS_USER_NAMESPACE, 104);
	assert_absent(event, PROCESS_PARENT_PID);
	assert_absent(event, PROCESS_PARENT_ENTITY_ID);
}

static void test_what_is_not_known_is_absent(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec(processes, &(struct test_exec){.pid = 5,
						 .start_ns = 50,
						 .time_ns = 60,
						 .comm = "x",
						 .uid = 7,
						 .euid = 7,
						 .login_uid = UINT32_MAX,
						 .session = UINT32_MAX});
	event = test_get_event(processes, 5, 50, 60);
	assert_absent(event, PROCESS_EXECUTABLE);
	assert_field(event, PROCESS_NAME, "x");
	assert_absent(event, PROCESS_ARGS);
	assert_number(event, PROCESS_ARGS_COUNT, 0);
	assert_absent(event, PROCESS_COMMAND_LINE);
	assert_field(event, USER_ID, "7");
	assert_absent(event, USER_NAME);
	assert_absent(event, USER_EFFECTIVE_ID);
	assert_absent(event, USER_EFFECTIVE_NAME);
	assert_absent(event, NA_PROCESS_LOGIN_UID);
	assert_absent(event, NA_PROCESS_SESSION);
	assert_absent(event, CONTAINER_ID);
}

static void test_cut_arguments_are_not_counted(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct test_exec exec = nginx;
	struct na_event event;

	exec.arguments_total = 100;
	exec.flags = NA_FLAG_TRUNCATED;
	test_exec(processes, &exec);
	event = test_get_event(processes, 16, 0x100, 0x300);
	assert_absent(event, PROCESS_ARGS_COUNT);
	assert_int_equal(event.f_PROCESS_ARGS.count, 3);
}

/* The list is bounded, the count and the line are not. */
static void test_many_arguments(void **state)
{
	struct na_processes *processes = processes_of(state);
	char arguments[2000] = "";
	struct test_exec exec = nginx;
	struct na_event event;

	exec.arguments = (struct na_text){arguments, sizeof(arguments)};
	for (size_t i = 0; i < sizeof(arguments); i += 2)
		arguments[i] = 'a';
	test_exec(processes, &exec);
	event = test_get_event(processes, 16, 0x100, 0x300);
	assert_number(event, PROCESS_ARGS_COUNT, 1000);
	assert_int_equal(event.f_PROCESS_ARGS.count, 512);
	assert_int_equal(event.f_PROCESS_COMMAND_LINE.length, 1999);
}

static void test_fork_is_a_copy(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec(processes, &nginx);
	assert_int_equal(test_fork(processes, 16, 0x100, 17, 0x400, 0x401), 0);
	event = test_get_event(processes, 17, 0x400, 0x500);
	assert_number(event, PROCESS_PID, 17);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("11-400-0"));
	assert_number(event, PROCESS_START, WALL_OFFSET + 0x400);
	assert_field(event, PROCESS_EXECUTABLE, "/usr/sbin/nginx");
	assert_field(event, USER_NAME, "web");
	assert_number(event, PROCESS_PARENT_PID, 16);
	assert_field(event, PROCESS_PARENT_ENTITY_ID, ENTITY("10-100-1"));
	assert_field(event, PROCESS_PARENT_EXECUTABLE, "/usr/sbin/nginx");
	assert_field(event, PROCESS_PARENT_NAME, "nginx");
	assert_field(event, PROCESS_PARENT_COMMAND_LINE, "nginx -g daemon off");
}

static void test_executions_by_time(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec_simple(processes, 1, 1, 2, "sh");
	test_fork(processes, 1, 1, 5, 50, 51);
	test_exec_simple(processes, 5, 50, 60, "env");
	test_exec_simple(processes, 5, 50, 70, "curl");
	event = test_get_event(processes, 5, 50, 59);
	assert_field(event, PROCESS_NAME, "sh");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-0"));
	event = test_get_event(processes, 5, 50, 60);
	assert_field(event, PROCESS_NAME, "env");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-1"));
	event = test_get_event(processes, 5, 50, 69);
	assert_field(event, PROCESS_NAME, "env");
	event = test_get_event(processes, 5, 50, 70);
	assert_field(event, PROCESS_NAME, "curl");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-2"));
	event = test_get_event(processes, 5, 50, UINT64_MAX);
	assert_field(event, PROCESS_NAME, "curl");
	event = test_get_event(processes, 5, 50, 0);
	assert_field(event, PROCESS_NAME, "sh");
}

static void test_parent_of_an_exec(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct test_exec exec = nginx;
	struct na_event event;

	test_exec_simple(processes, 1, 1, 2, "init");
	exec.parent_pid = 1;
	exec.parent_start_ns = 1;
	test_exec(processes, &exec);
	event = test_get_event(processes, 16, 0x100, 0x300);
	assert_number(event, PROCESS_PARENT_PID, 1);
	assert_field(event, PROCESS_PARENT_ENTITY_ID, ENTITY("1-1-1"));
	assert_field(event, PROCESS_PARENT_NAME, "init");

	exec.pid = 18;
	exec.parent_start_ns = 9; /* another process, not known */
	test_exec(processes, &exec);
	event = test_get_event(processes, 18, 0x100, 0x300);
	assert_number(event, PROCESS_PARENT_PID, 1);
	assert_absent(event, PROCESS_PARENT_ENTITY_ID);
	assert_absent(event, PROCESS_PARENT_NAME);
}

/* What it ran before the exec is not known, and must not be given the program that came later. */
static void test_exec_whose_fork_was_lost(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec_simple(processes, 5, 50, 60, "curl");
	event = test_get_event(processes, 5, 50, 60);
	assert_field(event, PROCESS_NAME, "curl");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-1"));
	event = test_get_event(processes, 5, 50, 55);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-0"));
	assert_absent(event, PROCESS_NAME);
}

static void test_fork_of_an_unknown_parent(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	test_fork(fixture->processes, 4, 40, 77, 123 * TICK + 5, 123 * TICK + 9);
	test_proc_add(fixture->folder, &(struct test_proc){.pid = 77,
							   .parent = 4,
							   .ticks = 123,
							   .comm = "x",
							   .executable = "/bin/x",
							   .arguments = TEXT("x\0")});
	event = test_get_event(fixture->processes, 77, 123 * TICK + 5, 124 * TICK);
	assert_field(event, PROCESS_EXECUTABLE, "/bin/x");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("4d-49504f85-0")); /* the exact start */
	assert_number(event, PROCESS_START, WALL_OFFSET + 123 * TICK + 5);
	assert_number(event, PROCESS_PARENT_PID, 4);
	assert_field(event, NA_CGROUP_PATH, "/system.slice/a.service");
	assert_field(event, USER_ID, "1000");
	assert_field(event, USER_EFFECTIVE_NAME, "root");
}

static void test_records_in_another_order(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec_simple(processes, 1, 1, 2, "sh");
	test_exit(processes, 5, 50, 80); /* of nobody */
	test_exec_simple(processes, 5, 50, 70, "curl");
	test_exit(processes, 5, 50, 80);
	test_exec_simple(processes, 5, 50, 60, "env");
	test_fork(processes, 1, 1, 5, 50, 51);
	event = test_get_event(processes, 5, 50, 55);
	assert_field(event, PROCESS_NAME, "sh");
	assert_field(event, PROCESS_PARENT_NAME, "sh");
	event = test_get_event(processes, 5, 50, 65);
	assert_field(event, PROCESS_NAME, "env");
	event = test_get_event(processes, 5, 50, 75);
	assert_field(event, PROCESS_NAME, "curl");
	na_processes_expire(processes, 100);
	assert_int_equal(na_processes_count(processes), 1); /* sh */
}

static void test_late_exec_has_an_id_of_its_own(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec_simple(processes, 5, 50, 70, "b");
	test_exec_simple(processes, 5, 50, 60, "a");
	test_exec_simple(processes, 5, 50, 80, "c");
	event = test_get_event(processes, 5, 50, 60);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-2"));
	event = test_get_event(processes, 5, 50, 70);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-1"));
	event = test_get_event(processes, 5, 50, 80);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-3"));
}

/* The fork tells about the first execution; when that was forgotten, about none. */
static void test_late_fork(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct test_exec exec = nginx;
	struct na_event event;

	test_exec_simple(processes, 1, 1, 2, "sh");
	exec.parent_pid = 3;
	exec.parent_start_ns = 9;
	test_exec(processes, &exec);
	na_processes_expire(processes, 0x300);
	test_fork(processes, 1, 1, 16, 0x100, 0x100);
	event = test_get_event(processes, 16, 0x100, 0x400);
	assert_field(event, PROCESS_NAME, "nginx");
	assert_number(event, PROCESS_PARENT_PID, 3);
	assert_absent(event, PROCESS_PARENT_NAME);
}

static void test_exit_before_exec(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec_simple(processes, 1, 1, 2, "sh");
	test_fork(processes, 1, 1, 5, 50, 51);
	test_exit(processes, 5, 50, 80);
	test_exec_simple(processes, 5, 50, 70, "curl");
	event = test_get_event(processes, 5, 50, 90);
	assert_field(event, PROCESS_NAME, "curl");
	na_processes_expire(processes, 80);
	event = test_get_event(processes, 5, 50, 90);
	assert_field(event, PROCESS_NAME, "curl");
	na_processes_expire(processes, 81);
	event = test_get_event(processes, 5, 50, 90);
	assert_absent(event, PROCESS_NAME);
}

static void test_pid_is_used_again(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec_simple(processes, 5, 50, 60, "old");
	test_exec_simple(processes, 5, 500, 600, "new"); /* the exit of the old one was lost */
	event = test_get_event(processes, 5, 50, 700);
	assert_field(event, PROCESS_NAME, "old");
	event = test_get_event(processes, 5, 500, 700);
	assert_field(event, PROCESS_NAME, "new");
	na_processes_expire(processes, 501);
	event = test_get_event(processes, 5, 500, 700);
	assert_field(event, PROCESS_NAME, "new");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-1f4-1"));
	event = test_get_event(processes, 5, 50, 700);
	assert_absent(event, PROCESS_NAME);
}

static void test_stays_while_referenced(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_process *process;
	struct na_event event;

	test_exec_simple(processes, 5, 50, 60, "curl");
	process = na_process_ref(na_processes_get(processes, 5, 50, 60));
	test_exit(processes, 5, 50, 70);
	na_processes_expire(processes, 1000);
	assert_int_equal(na_processes_count(processes), 1);
	event = test_get_event(processes, 5, 50, 60);
	assert_field(event, PROCESS_NAME, "curl");
	na_process_unref(&process);
	assert_null(process);
	assert_int_equal(na_processes_count(processes), 0);
	na_process_unref(&process);
	assert_null(na_process_ref(NULL));
}

static void test_reference_outlives_the_cache(void **state)
{
	struct na_processes_options options = test_options(10);
	struct na_processes *processes = na_processes_new(&options);
	struct na_process *process;
	struct na_event event;

	(void)state;
	test_exec_simple(processes, 5, 50, 60, "curl");
	test_fork(processes, 5, 50, 6, 70, 71);
	process = na_process_ref(na_processes_get(processes, 6, 70, 80));
	na_processes_free(processes);
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	na_process_fill(process, &event);
	assert_field(event, PROCESS_NAME, "curl");
	na_process_unref(&process);
	na_processes_free(NULL);
}

static void test_parent_outlives_its_end(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec_simple(processes, 1, 1, 2, "a");
	test_fork(processes, 1, 1, 2, 20, 20);
	test_exec_simple(processes, 2, 20, 30, "b");
	test_fork(processes, 2, 20, 3, 40, 40);
	test_exit(processes, 2, 20, 50);
	test_exit(processes, 1, 1, 50);
	na_processes_expire(processes, 100);
	assert_int_equal(na_processes_count(processes), 1);
	event = test_get_event(processes, 3, 40, 110);
	assert_field(event, PROCESS_PARENT_NAME, "b");
	assert_field(event, PROCESS_PARENT_ENTITY_ID, ENTITY("2-14-1"));
}

static bool same_origin(const struct na_event *a, const struct na_event *b)
{
	return memcmp(&a->origin, &b->origin, sizeof(a->origin)) == 0;
}

/* Who finds one again takes all of process.* for the same. */
static void test_origin_is_of_what_is_told(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_process *unknown = na_processes_get(processes, 9, 90, 95);
	struct na_event events[6] = {0};

	na_process_fill(unknown, &events[0]); /* no description */
	test_fork(processes, 4, 40, 5, 50, 50);
	events[1] = test_get_event(processes, 5, 50, 55); /* its parent is not known */
	test_exec_simple(processes, 5, 50, 60, "a");
	events[2] = test_get_event(processes, 5, 50, 65);
	test_exec_simple(processes, 5, 50, 70, "a");
	events[3] = test_get_event(processes, 5, 50, 75);
	test_fork(processes, 5, 50, 6, 80, 80);
	events[4] = test_get_event(processes, 6, 80, 85);
	test_exec_simple(processes, 6, 80, 90, "a");
	events[5] = test_get_event(processes, 6, 80, 95);
	for (size_t i = 0; i < 6; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(same_origin(&events[i], &events[j]));
	for (size_t i = 0; i < 6; i++)
		assert_true(events[i].origin.process);
	assert_int_equal(events[3].user_origin, events[4].user_origin); /* of the fork */
	events[0] = test_get_event(processes, 6, 80, 96);
	assert_true(same_origin(&events[0], &events[5]));
}

static void test_executes_for_ever(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_process *process = NULL;
	struct na_event event;
	char name[16];

	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		assert_int_equal(test_exec_simple(processes, 5, 50, 100 + i, name), 0);
		if (i == 500)
			process = na_process_ref(na_processes_get(processes, 5, 50, 600));
	}
	assert_in_range(na_processes_count(processes), 2, 20);
	event = test_get_event(processes, 5, 50, 2000);
	assert_field(event, PROCESS_NAME, "x999");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("5-32-3e8"));
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	na_process_fill(process, &event);
	assert_field(event, PROCESS_NAME, "x500");
	na_process_unref(&process);
	assert_int_equal(na_processes_dropped(processes), 0);
}

/* An end far in the future must not hold back the others. */
static void test_expire_in_any_order(void **state)
{
	struct na_processes *processes = processes_of(state);

	assert_non_null(
		na_processes_get(processes, 7, 50, UINT64_MAX)); /* not in /proc: over then */
	for (uint32_t pid = 10; pid < 20; pid++) {
		test_fork(processes, 1, 1, pid, 50, 50);
		test_exit(processes, pid, 50, 100 - pid);
	}
	assert_int_equal(na_processes_count(processes), 11);
	na_processes_expire(processes, 86);
	assert_int_equal(na_processes_count(processes), 6);
	test_exit(processes, 12, 50, 60); /* the time is corrected */
	na_processes_expire(processes, 61);
	assert_int_equal(na_processes_count(processes), 5);
	na_processes_expire(processes, UINT64_MAX);
	assert_int_equal(na_processes_count(processes), 1);
}

static void test_full(void **state)
{
	struct na_processes *processes = processes_of(state); /* of 3 */
	struct na_event event;

	for (uint32_t pid = 1; pid <= 3; pid++)
		assert_non_null(na_processes_get(processes, pid, 123 * TICK, 123 * TICK));
	/* None of them is in /proc: they are over, and the oldest makes room. */
	assert_non_null(na_processes_get(processes, 4, 123 * TICK, 123 * TICK));
	assert_int_equal(na_processes_count(processes), 3);
	assert_int_equal(na_processes_dropped(processes), 0);
	test_fork(processes, 9, 9, 10, 10, 10);
	test_fork(processes, 9, 9, 11, 10, 10);
	test_fork(processes, 9, 9, 12, 10, 10);
	assert_int_equal(test_fork(processes, 9, 9, 13, 10, 10), -ENOMEM);
	assert_null(na_processes_get(processes, 13, 10, 10));
	assert_int_equal(na_processes_dropped(processes), 2);
	/* An exec finds room, or the program before would be shown for it. */
	assert_int_equal(test_exec_simple(processes, 10, 10, 20, "a"), 0);
	event = test_get_event(processes, 10, 10, 25);
	assert_field(event, PROCESS_NAME, "a");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("a-a-1"));
	assert_int_equal(na_processes_count(processes), 4);
	assert_int_equal(test_exec_simple(processes, 10, 10, 30, "b"), 0);
	assert_int_equal(na_processes_count(processes), 4);
	assert_int_equal(na_processes_dropped(processes), 2);
}

static void test_proc_is_asked_once(void **state)
{
	struct fixture *fixture = *state;
	struct test_proc process = {.pid = 77,
				    .parent = 4,
				    .ticks = 123,
				    .comm = "x",
				    .executable = "/bin/x",
				    .arguments = TEXT("x\0")};
	struct na_event event;

	event = test_get_event(fixture->processes, 77, 123 * TICK, 124 * TICK);
	assert_number(event, PROCESS_PID, 77);
	assert_number(event, PROCESS_START, WALL_OFFSET + 123 * TICK);
	assert_absent(event, PROCESS_NAME);
	test_proc_add(fixture->folder, &process);
	event = test_get_event(fixture->processes, 77, 123 * TICK, 124 * TICK);
	assert_absent(event, PROCESS_NAME);
	na_processes_expire(fixture->processes, UINT64_MAX);
	event = test_get_event(fixture->processes, 77, 123 * TICK, 124 * TICK);
	assert_field(event, PROCESS_NAME, "x");
}

/* Also when it is not certain that the process is not there. */
static void test_broken_proc_is_asked_once(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	test_write(fixture->folder, "77", TEXT("no folder"));
	event = test_get_event(fixture->processes, 77, 123 * TICK, 124 * TICK);
	assert_absent(event, PROCESS_NAME);
	test_remove(fixture->folder, "77");
	test_proc_add(fixture->folder, &(struct test_proc){.pid = 77, .ticks = 123, .comm = "x"});
	event = test_get_event(fixture->processes, 77, 123 * TICK, 124 * TICK);
	assert_absent(event, PROCESS_NAME);
	na_processes_expire(fixture->processes, UINT64_MAX);
	assert_int_equal(na_processes_count(fixture->processes), 1); /* may run */
}

static void test_proc_has_another_process_with_the_pid(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	test_proc_add(
		fixture->folder,
		&(struct test_proc){
			.pid = 77, .parent = 4, .ticks = 124, .comm = "x", .executable = "/bin/x"});
	event = test_get_event(fixture->processes, 77, 123 * TICK, 124 * TICK);
	assert_absent(event, PROCESS_NAME);
	event = test_get_event(fixture->processes, 77, 124 * TICK + 3, 125 * TICK);
	assert_field(event, PROCESS_NAME, "x");
	assert_absent(event, PROCESS_ARGS_COUNT);
}

static void test_unknown_start(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	event = test_get_event(processes, 5, 0, 40);
	assert_number(event, PROCESS_PID, 5);
	assert_absent(event, PROCESS_START);
	assert_absent(event, PROCESS_ENTITY_ID);
	test_exec_simple(processes, 5, 50, 60, "curl");
	event = test_get_event(processes, 5, 0, 65);
	assert_field(event, PROCESS_NAME, "curl");
	test_exit(processes, 5, 50, 70);
	event = test_get_event(processes, 5, 0, 70);
	assert_field(event, PROCESS_NAME, "curl");
	event = test_get_event(processes, 5, 0, 71); /* somebody else may have the pid by now */
	assert_absent(event, PROCESS_NAME);
	assert_null(na_processes_get(processes, 0, 0, 0));
	assert_null(na_processes_get(processes, 0, 50, 60));
}

static void add_three(const char *folder)
{
	/* A parent with a higher pid than its child. */
	test_proc_add(folder, &(struct test_proc){.pid = 77,
						  .parent = 99,
						  .ticks = 123,
						  .comm = "child",
						  .executable = "/bin/child",
						  .arguments = TEXT("child\0-v\0")});
	test_proc_add(folder, &(struct test_proc){.pid = 99,
						  .parent = 1,
						  .ticks = 100,
						  .comm = "parent",
						  .executable = "/bin/parent",
						  .arguments = TEXT("parent\0")});
	test_proc_add(folder,
		      &(struct test_proc){.pid = 2, .parent = 0, .ticks = 0, .comm = "kthreadd"});
}

static void test_scan(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	add_three(fixture->folder);
	assert_int_equal(na_processes_scan(fixture->processes), 0);
	assert_int_equal(na_processes_count(fixture->processes), 3);
	/* A lookup by the exact start finds what is known by its tick, and adopts the start. */
	event = test_get_event(fixture->processes, 99, 100 * TICK + 1, 200 * TICK);
	assert_field(event, PROCESS_NAME, "parent");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("63-3b9aca01-0"));
	assert_number(event, PROCESS_START, WALL_OFFSET + 100 * TICK + 1);
	event = test_get_event(fixture->processes, 77, 123 * TICK + 2, 200 * TICK);
	assert_field(event, PROCESS_COMMAND_LINE, "child -v");
	assert_field(event, PROCESS_PARENT_NAME, "parent");
	assert_field(event, PROCESS_PARENT_ENTITY_ID, ENTITY("63-3b9aca01-0"));
	event = test_get_event(fixture->processes, 2, 5, 200 * TICK);
	assert_field(event, PROCESS_NAME, "kthreadd");
	assert_absent(event, PROCESS_EXECUTABLE);
	assert_absent(event, PROCESS_ARGS_COUNT);
	assert_int_equal(na_processes_count(fixture->processes), 3);
	/* Another one in the same tick is another process. */
	event = test_get_event(fixture->processes, 99, 100 * TICK + 7, 200 * TICK);
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("63-3b9aca07-0"));
}

/* In whatever order the folder is read, some of the children come before their parents. */
static void test_scan_finds_parents(void **state)
{
	struct fixture *fixture = *state;
	struct test_proc parent = {.parent = 1, .ticks = 100, .comm = "parent"};
	struct test_proc child = {.ticks = 123, .comm = "child"};
	struct na_event event;

	for (uint32_t pid = 1000; pid < 1040; pid += 2) {
		parent.pid = child.parent = pid;
		child.pid = pid + 1;
		test_proc_add(fixture->folder, &parent);
		test_proc_add(fixture->folder, &child);
	}
	parent.pid = child.parent = 500; /* the parent has ended, its pid is used again */
	child.pid = 501;
	parent.ticks = 124;
	test_proc_add(fixture->folder, &child);
	test_proc_add(fixture->folder, &parent);
	na_processes_scan(fixture->processes);
	for (uint32_t pid = 1001; pid < 1040; pid += 2) {
		event = test_get_event(fixture->processes, pid, 123 * TICK, 200 * TICK);
		assert_field(event, PROCESS_PARENT_NAME, "parent");
	}
	event = test_get_event(fixture->processes, 501, 123 * TICK, 200 * TICK);
	assert_absent(event, PROCESS_PARENT_NAME);
}

static void test_exec_of_a_scanned_process(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	add_three(fixture->folder);
	na_processes_scan(fixture->processes);
	test_exec_simple(fixture->processes, 99, 100 * TICK + 1, 300 * TICK, "other");
	event = test_get_event(fixture->processes, 99, 100 * TICK + 1, 200 * TICK);
	assert_field(event, PROCESS_NAME, "parent");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("63-3b9aca01-0"));
	event = test_get_event(fixture->processes, 99, 100 * TICK + 1, 300 * TICK);
	assert_field(event, PROCESS_NAME, "other");
	assert_field(event, PROCESS_ENTITY_ID, ENTITY("63-3b9aca01-1"));
}

static void test_scan_again(void **state)
{
	struct fixture *fixture = *state;
	struct na_event event;

	add_three(fixture->folder);
	na_processes_scan(fixture->processes);
	test_fork(fixture->processes, 99, 100 * TICK, 100, 200 * TICK, 200 * TICK);
	test_remove(fixture->folder, "77"); /* and the record of its exit is lost */
	test_now_ns += NA_NS_PER_SEC;
	test_fork(fixture->processes, 99, 100 * TICK, 101, test_now_ns, test_now_ns);
	na_processes_scan(fixture->processes); /* 101 may have come after its place was read */
	na_processes_expire(fixture->processes, test_now_ns);
	assert_int_equal(na_processes_count(fixture->processes), 5);
	na_processes_expire(fixture->processes, test_now_ns + 1);
	assert_int_equal(na_processes_count(fixture->processes), 3);
	event = test_get_event(fixture->processes, 99, 100 * TICK, test_now_ns);
	assert_field(event, PROCESS_NAME, "parent");
}

static void test_scan_without_proc(void **state)
{
	struct na_processes_options options = test_options(10);
	struct na_processes *processes = na_processes_new(&options);

	(void)state;
	assert_int_equal(na_processes_scan(processes), -ENOENT);
	assert_non_null(na_processes_get(processes, 5, 50, 60));
	na_processes_free(processes);
	options.proc = "/tmp/there is no such folder";
	processes = na_processes_new(&options);
	assert_int_equal(na_processes_scan(processes), -ENOENT);
	assert_non_null(na_processes_get(processes, 5, 50, 60));
	na_processes_free(processes);
}

static void test_malformed_changes_nothing(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_record_forked forked = {
		.header = {.size = sizeof(forked),
			   .type = NA_RECORD_FORKED,
			   .pid = 1,
			   .start_ns = 1},
	};
	struct na_record_exited exited = {
		.header = {.size = sizeof(exited) - 1,
			   .type = NA_RECORD_EXITED,
			   .pid = 1,
			   .start_ns = 1},
	};

	forked.child_start_ns = 5;
	assert_int_equal(na_processes_record(processes, &forked.header), -EBADMSG);
	forked.child_pid = 5;
	forked.child_start_ns = 0;
	assert_int_equal(na_processes_record(processes, &forked.header), -EBADMSG);
	forked.child_start_ns = 5;
	forked.header.size--;
	assert_int_equal(na_processes_record(processes, &forked.header), -EBADMSG);
	assert_int_equal(na_processes_record(processes, &exited.header), -EBADMSG);
	exited.header.size++;
	exited.header.pid = 0;
	assert_int_equal(na_processes_record(processes, &exited.header), -EBADMSG);
	assert_int_equal(na_processes_count(processes), 0);
	exited.header.type = NA_RECORD_FLOW;
	assert_int_equal(na_processes_record(processes, &exited.header), 0);
}

static void test_creator_and_closer(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_event event;

	test_exec(processes, &nginx);
	na_event_init(&event, NA_EVENT_CLOSED, 1);
	na_process_fill(NULL, &event);
	na_process_fill_creator(NULL, &event);
	na_process_fill_closer(NULL, &event);
	assert_absent(event, PROCESS_PID);
	na_process_fill_creator(na_processes_get(processes, 16, 0x100, 0x300), &event);
	na_process_fill_closer(na_processes_get(processes, 16, 0x100, 0x300), &event);
	assert_absent(event, PROCESS_PID);
	assert_number(event, NA_CREATOR_PID, 16);
	assert_field(event, NA_CREATOR_NAME, "nginx");
	assert_field(event, NA_CREATOR_EXECUTABLE, "/usr/sbin/nginx");
	assert_field(event, NA_CREATOR_ENTITY_ID, ENTITY("10-100-1"));
	assert_number(event, NA_CLOSER_PID, 16);
	assert_field(event, NA_CLOSER_NAME, "nginx");
	assert_field(event, NA_CLOSER_EXECUTABLE, "/usr/sbin/nginx");
	assert_field(event, NA_CLOSER_ENTITY_ID, ENTITY("10-100-1"));
}

static void test_same(void **state)
{
	struct na_processes *processes = processes_of(state);
	struct na_process *before, *after;

	test_exec(processes, &nginx);
	before = na_processes_get(processes, 16, 0x100, 0x150);
	after = na_processes_get(processes, 16, 0x100, 0x250);
	assert_true(na_process_same(after, na_processes_get(processes, 16, 0x100, 0x300)));
	assert_false(na_process_same(before, after));
	assert_false(na_process_same(NULL, after));
	assert_false(na_process_same(after, NULL));
	assert_true(na_process_same(NULL, NULL));
	assert_int_equal(na_process_pid(after), 16);
}

/* The goal is 40 MiB. A sanitizer's allocator counts nothing here. */
static void test_memory_of_20000_processes(void **state)
{
	struct na_processes_options options = test_options(40000);
	struct na_processes *processes = na_processes_new(&options);
	size_t before = mallinfo2().uordblks;
	struct test_exec exec = nginx;

	(void)state;
	for (uint32_t pid = 1; pid <= 20000; pid++) {
		exec.pid = pid;
		assert_int_equal(test_exec(processes, &exec), 0);
	}
	assert_true(mallinfo2().uordblks - before < 40 << 20);
	na_processes_free(processes);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_fields_of_an_exec),
		TEST(test_what_is_not_known_is_absent),
		TEST(test_cut_arguments_are_not_counted),
		TEST(test_many_arguments),
		TEST(test_fork_is_a_copy),
		TEST(test_executions_by_time),
		TEST(test_parent_of_an_exec),
		TEST(test_exec_whose_fork_was_lost),
		TEST(test_fork_of_an_unknown_parent),
		TEST(test_records_in_another_order),
		TEST(test_late_exec_has_an_id_of_its_own),
		TEST(test_late_fork),
		TEST(test_exit_before_exec),
		TEST(test_pid_is_used_again),
		TEST(test_stays_while_referenced),
		cmocka_unit_test(test_reference_outlives_the_cache),
		TEST(test_parent_outlives_its_end),
		TEST(test_origin_is_of_what_is_told),
		TEST(test_executes_for_ever),
		TEST(test_expire_in_any_order),
		cmocka_unit_test_setup_teardown(test_full, setup_small, teardown),
		TEST(test_proc_is_asked_once),
		TEST(test_broken_proc_is_asked_once),
		TEST(test_proc_has_another_process_with_the_pid),
		TEST(test_unknown_start),
		TEST(test_scan),
		TEST(test_scan_finds_parents),
		TEST(test_exec_of_a_scanned_process),
		TEST(test_scan_again),
		cmocka_unit_test(test_scan_without_proc),
		TEST(test_malformed_changes_nothing),
		TEST(test_creator_and_closer),
		TEST(test_same),
		cmocka_unit_test(test_memory_of_20000_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
