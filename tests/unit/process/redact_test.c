/* SPDX-License-Identifier: Apache-2.0 */
/* Which arguments are hidden, by the redactor alone and in what is stored of an execution. */
#include "process/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support.h"

static const struct na_text patterns[] = {TEXT("--password=*"), TEXT("*token*")};

/* `arguments` ends by NULL; `expected` is the line that may be stored. */
static void check(const char *const *arguments, const char *expected)
{
	struct na_redactor *redactor = na_redactor_new(patterns, 2);
	char line[512] = "";
	bool hide_next = false;

	assert_non_null(redactor);
	for (size_t i = 0; arguments[i]; i++) {
		bool hidden = hide_next;
		size_t keep =
			na_redactor_keep(redactor, arguments[i], strlen(arguments[i]), &hide_next);

		if (i)
			strcat(line, " ");
		strncat(line, arguments[i], keep);
		if (hidden || keep < strlen(arguments[i]))
			strcat(line, NA_REDACTED);
	}
	assert_string_equal(line, expected);
	na_redactor_free(redactor);
}

#define CHECK(expected, ...) check((const char *const[]){__VA_ARGS__, NULL}, expected)

static void test_value_behind_equals(void **state)
{
	(void)state;
	CHECK("mysql --password=[redacted] -u x", "mysql", "--password=geheim", "-u", "x");
	CHECK("curl --token=[redacted]", "curl", "--token=a=b=c");
	CHECK("env my_token=[redacted] x=1", "env", "my_token=1", "x=1");
	CHECK("curl a=[redacted]", "curl", "a=the token");
	CHECK("mysql --password=", "mysql", "--password="); /* nothing to hide */
}

static void test_value_that_follows(void **state)
{
	(void)state;
	CHECK("curl --token [redacted] url", "curl", "--token", "geheim", "url");
	CHECK("curl --token [redacted] url", "curl", "--token", "--token", "url");
	CHECK("curl --token", "curl", "--token");
	CHECK("curl --token [redacted] x", "curl", "--token", "", "x");
}

/* "--password=*" is meant for the option, however its value is given. */
static void test_pattern_with_equals_hides_the_following_too(void **state)
{
	(void)state;
	CHECK("mysql --password [redacted] x", "mysql", "--password", "geheim", "x");
	CHECK("mysql --passwords x", "mysql", "--passwords", "x");
}

static void test_what_does_not_match_stays(void **state)
{
	(void)state;
	CHECK("ls -l /tmp", "ls", "-l", "/tmp");
	CHECK("x --passwort=1 TOKEN=2", "x", "--passwort=1", "TOKEN=2");
	CHECK("x \xff\xfe=1", "x", "\xff\xfe=1");
}

static void test_no_patterns(void **state)
{
	struct na_redactor *redactor = na_redactor_new(NULL, 0);
	bool hide_next = false;

	(void)state;
	assert_int_equal(na_redactor_keep(redactor, "--token=1", 9, &hide_next), 9);
	na_redactor_free(redactor);
	na_redactor_free(NULL);
}

static void check_event(const struct na_event *event)
{
	static const char *const expected[] = {"x", "--password=[redacted]", "--token",
					       "[redacted]", "y"};

	assert_field(*event, PROCESS_COMMAND_LINE, "x --password=[redacted] --token [redacted] y");
	assert_number(*event, PROCESS_ARGS_COUNT, 5);
	assert_int_equal(event->f_PROCESS_ARGS.count, 5);
	for (size_t i = 0; i < 5; i++)
		test_assert_text(true, event->f_PROCESS_ARGS.items[i], expected[i], "process.args");
}

static void test_execution_of_a_record(void **state)
{
	struct na_processes_options options = test_options(10);
	struct na_processes *processes;
	struct na_event event;

	(void)state;
	options.redact = patterns;
	options.redact_count = 2;
	processes = na_processes_new(&options);
	assert_int_equal(
		test_exec(processes,
			  &(struct test_exec){
				  .pid = 5,
				  .start_ns = 50,
				  .time_ns = 60,
				  .arguments = TEXT("x\0--password=1\0--token\0geheim\0y\0")}),
		0);
	event = test_get_event(processes, 5, 50, 60);
	check_event(&event);
	/* The parent's line is the same text. */
	test_fork(processes, 5, 50, 6, 70, 70);
	event = test_get_event(processes, 6, 70, 71);
	assert_field(event, PROCESS_PARENT_COMMAND_LINE,
		     "x --password=[redacted] --token [redacted] y");
	na_processes_free(processes);
}

/* Not even that a value is empty. */
static void test_empty_value(void **state)
{
	struct na_processes_options options = test_options(10);
	struct na_processes *processes;
	struct na_event event;

	(void)state;
	options.redact = patterns;
	options.redact_count = 2;
	processes = na_processes_new(&options);
	test_exec(processes, &(struct test_exec){.pid = 5,
						 .start_ns = 50,
						 .time_ns = 60,
						 .arguments = TEXT("x\0--token\0\0y\0")});
	event = test_get_event(processes, 5, 50, 60);
	assert_field(event, PROCESS_COMMAND_LINE, "x --token [redacted] y");
	na_processes_free(processes);
}

static void test_execution_of_proc(void **state)
{
	char *folder = test_folder_new();
	struct na_processes_options options = test_options(10);
	struct na_processes *processes;
	struct na_event event;

	(void)state;
	options.redact = patterns;
	options.redact_count = 2;
	options.proc = folder;
	test_proc_add(folder, &(struct test_proc){
				      .pid = 5,
				      .parent = 1,
				      .ticks = 3,
				      .comm = "x",
				      .executable = "/bin/x",
				      .arguments = TEXT("x\0--password=1\0--token\0geheim\0y\0")});
	processes = na_processes_new(&options);
	event = test_get_event(processes, 5, 30000001, 40000000);
	check_event(&event);
	na_processes_free(processes);
	test_folder_free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value_behind_equals),
		cmocka_unit_test(test_value_that_follows),
		cmocka_unit_test(test_pattern_with_equals_hides_the_following_too),
		cmocka_unit_test(test_what_does_not_match_stays),
		cmocka_unit_test(test_no_patterns),
		cmocka_unit_test(test_execution_of_a_record),
		cmocka_unit_test(test_empty_value),
		cmocka_unit_test(test_execution_of_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
