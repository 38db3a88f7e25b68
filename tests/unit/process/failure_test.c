/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One life of the cache with the n-th allocation failing, for every n: nothing is lost but
 * knowledge, and nothing wrong is said.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support.h"

#define TICK UINT64_C(10000000)

static size_t allocations, failing; /* 0: none fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strndup(const char *text, size_t length);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strndup(const char *text, size_t length);

static bool fails(void)
{
	return ++allocations == failing;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return fails() ? NULL : __real_realloc(block, size);
}

char *__wrap_strndup(const char *text, size_t length)
{
	return fails() ? NULL : __real_strndup(text, length);
}

static void arm(size_t n)
{
	allocations = 0;
	failing = n;
}

/* The name, or nothing, but never another. */
static void check_name(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
		       uint64_t time_ns, const char *expected)
{
	struct na_event event = test_get_event(processes, pid, start_ns, time_ns);

	if (na_event_has(&event, NA_FIELD_PROCESS_NAME))
		assert_field(event, PROCESS_NAME, expected);
}

static void check_result(int result)
{
	assert_true(result == 0 || result == -ENOMEM);
}

static struct na_processes *make(const char *folder, const char *passwd)
{
	static const struct na_text patterns[] = {TEXT("--password=*"), TEXT("*token*")};
	struct na_processes_options options = test_options(100);

	options.proc = folder;
	options.passwd = passwd;
	options.redact = patterns;
	options.redact_count = 2;
	return na_processes_new(&options);
}

static char long_argument[5000];

/* No lookup between the execs: what was lost must not be covered by what was before. */
static void live_without_lookups(struct na_processes *processes)
{
	check_result(test_exec_simple(processes, 9, 5, 10, "a"));
	check_result(test_exec_simple(processes, 9, 5, 20, "b"));
	check_result(test_fork(processes, 9, 5, 10, 25, 25));
	check_result(test_exec_simple(processes, 9, 5, 30, "c"));
	check_name(processes, 9, 5, 15, "a");
	check_name(processes, 9, 5, 26, "b");
	check_name(processes, 9, 5, 35, "c");
	check_name(processes, 10, 25, 35, "b");

	check_result(test_exec_simple(processes, 11, 5, 10, "a"));
	check_result(test_exec_simple(processes, 11, 5, 20, "b"));
	check_result(test_exit(processes, 11, 5, 40));
	check_name(processes, 11, 5, 15, "a");
	check_name(processes, 11, 5, 35, "b");

	check_result(test_exec_simple(processes, 12, 5, 10, "a"));
	check_result(test_exit(processes, 12, 5, 40)); /* read before the exec */
	check_result(test_exec_simple(processes, 12, 5, 20, "b"));
	check_name(processes, 12, 5, 15, "a");
	check_name(processes, 12, 5, 30, "b");
}

/* What an earlier agent told of the last two. */
static void live_after_another(struct na_processes *processes)
{
	struct na_event event, creator;

	check_result(test_exec_simple(processes, 20, 5, 10, "parent"));
	check_result(test_fork(processes, 20, 5, 21, 30, 30));
	check_result(test_exec_simple(processes, 21, 30, 40, "child"));
	event = test_get_event(processes, 21, 30, 50);
	na_event_init(&creator, NA_EVENT_ACCEPTED, 50);
	NA_SET_TEXT(&creator, NA_CREATOR_ENTITY_ID, "00c0ffee12345678-17-5-1");
	NA_SET_TEXT(&creator, NA_CREATOR_NAME, "creator");
	if (na_event_has(&event, NA_FIELD_PROCESS_ENTITY_ID))
		NA_SET_TEXT(&event, PROCESS_ENTITY_ID, "00c0ffee12345678-16-5-1");
	if (na_event_has(&event, NA_FIELD_PROCESS_PARENT_ENTITY_ID))
		NA_SET_TEXT(&event, PROCESS_PARENT_ENTITY_ID, "00c0ffee12345678-18-5-1");
	na_processes_restore(processes, &event, false);
	na_processes_restore(processes, &creator, true);
	check_name(processes, 22, 5, 60, "child");
	check_name(processes, 23, 5, 60, "creator");
	check_name(processes, 24, 5, 60, "parent");
}

static void live(struct na_processes *processes)
{
	struct na_process *process;

	live_after_another(processes);
	check_result(na_processes_scan(processes));
	check_name(processes, 77, 123 * TICK + 1, 200 * TICK, "scanned");
	check_result(test_exec_simple(processes, 5, 50, 60, "shell"));
	check_result(test_fork(processes, 5, 50, 6, 70, 71));
	check_name(processes, 6, 70, 75, "shell");
	check_result(test_exec(
		processes,
		&(struct test_exec){.pid = 6,
				    .start_ns = 70,
				    .time_ns = 80,
				    .executable = TEXT("curl\0"),
				    .arguments = {long_argument, sizeof(long_argument)}}));
	process = na_process_ref(na_processes_get(processes, 6, 70, 75));
	check_name(processes, 6, 70, 75, "shell");
	check_name(processes, 6, 70, 85, "curl");
	check_name(processes, 6, 70, 85, "curl"); /* also when it was looked up before */
	check_result(test_exec_simple(processes, 6, 70, 90, "third"));
	check_name(processes, 6, 70, 75, "shell");
	check_name(processes, 6, 70, 85, "curl");
	check_name(processes, 6, 70, 95, "third");
	check_result(test_fork(processes, 6, 70, 7, 92, 92));
	check_name(processes, 7, 92, 99, "third");
	check_result(test_exit(processes, 6, 70, 100));
	check_name(processes, 6, 70, 110, "third");
	na_process_unref(&process);
	live_without_lookups(processes);
	na_processes_expire(processes, UINT64_MAX);
}

/* All that was counted when nothing fails must be had once: then the end is reached. */
static void test_every_allocation(void **state)
{
	char *folder = test_folder_new(), passwd[128];
	struct na_processes *processes;
	size_t n;

	(void)state;
	memset(long_argument, 'x', sizeof(long_argument) - 1);
	snprintf(passwd, sizeof(passwd), "%s/passwd", folder);
	test_write(folder, "passwd", TEXT("root:x:0:0::/:\nweb:x:1000:33::/:\n"));
	test_proc_add(folder, &(struct test_proc){.pid = 77,
						  .parent = 1,
						  .ticks = 123,
						  .comm = "scanned",
						  .executable = "/bin/scanned",
						  .arguments = TEXT("scanned\0")});
	for (n = 1;; n++) {
		arm(n);
		processes = make(folder, passwd);
		if (processes)
			live(processes);
		if (allocations < failing)
			break;
		failing = 0;
		if (processes) { /* and works again */
			assert_int_equal(test_exec_simple(processes, 8, 200, 210, "after"), 0);
			check_name(processes, 8, 200, 220, "after");
		}
		na_processes_free(processes);
		test_now_ns += NA_NS_PER_SEC;
	}
	failing = 0;
	na_processes_free(processes);
	assert_in_range(n, 20, 1000);
	printf("%zu allocations failed, one at a time\n", n - 1);
	test_folder_free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
