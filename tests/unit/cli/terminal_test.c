/* SPDX-License-Identifier: Apache-2.0 */
/* A journal followed to stdout, which is a pipe here. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/command.h"
#include "cli/terminal.h"
#include "made.h"

static struct made made;
static struct na_terminal *terminal;
static int reading, own_stdout;

int na_command_out_of_memory(void)
{
	return NA_EXIT_TRY_AGAIN;
}

static int setup(void **state)
{
	int ends[2];

	(void)state;
	made_init(&made);
	assert_int_equal(pipe(ends), 0);
	fflush(stdout);
	own_stdout = dup(STDOUT_FILENO);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	reading = ends[0];
	return 0;
}

/* What is said of a test goes to the real stdout again. */
static void give_back_stdout(void)
{
	fflush(stdout);
	if (own_stdout < 0)
		return;
	dup2(own_stdout, STDOUT_FILENO);
	close(own_stdout);
	own_stdout = -1;
}

static int teardown(void **state)
{
	(void)state;
	give_back_stdout();
	na_terminal_stop(&terminal);
	if (reading >= 0)
		close(reading);
	made_done(&made);
	return 0;
}

static int start(bool from_end)
{
	const struct na_terminal_options options = {
		.path = made.folder, .from_end = from_end, .print.json = true};

	return na_terminal_start(&options, &terminal);
}

/* All that was printed; less than a pipe holds. */
static const char *printed(void)
{
	static char text[65536];
	size_t length = 0;
	ssize_t count;

	give_back_stdout();
	while ((count = read(reading, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)count;
	text[length] = '\0';
	return text;
}

static unsigned int count_of(const char *text, const char *part)
{
	unsigned int count = 0;

	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

static void test_prints_all_before_it_ends(void **state)
{
	(void)state;
	made_segment(&made, 20);
	made_segment(&made, 10);
	assert_int_equal(start(false), NA_EXIT_DONE);
	assert_int_equal(na_terminal_stop(&terminal), 0);
	assert_null(terminal);
	assert_int_equal(count_of(printed(), "\n"), 30);
}

static void test_constants_are_the_segments(void **state)
{
	struct na_event first, second;
	const char *text;

	(void)state;
	na_event_init(&first, NA_EVENT_ESTABLISHED, 0);
	na_event_init(&second, NA_EVENT_ESTABLISHED, 0);
	NA_SET_TEXT(&first, HOST_NAME, "before");
	NA_SET_TEXT(&second, HOST_NAME, "after");
	made.constants = &first;
	made_segment(&made, 3);
	made.constants = &second;
	made_segment(&made, 4);
	assert_int_equal(start(false), NA_EXIT_DONE);
	assert_int_equal(na_terminal_stop(&terminal), 0);
	text = printed();
	assert_int_equal(count_of(text, "\"before\""), 3);
	assert_int_equal(count_of(text, "\"after\""), 4);
	assert_true(strstr(text, "\"before\"") < strstr(text, "\"after\""));
}

static void test_nothing_old_from_the_end(void **state)
{
	(void)state;
	made_segment(&made, 20);
	assert_int_equal(start(true), NA_EXIT_DONE);
	assert_int_equal(na_terminal_stop(&terminal), 0);
	assert_string_equal(printed(), "");
}

static void test_ends_when_nobody_reads(void **state)
{
	struct pollfd ended;

	(void)state;
	close(reading);
	reading = -1;
	made_segment(&made, 20);
	assert_int_equal(start(false), NA_EXIT_DONE);
	ended = (struct pollfd){na_terminal_fd(terminal), POLLIN, 0};
	assert_int_equal(poll(&ended, 1, 60000), 1);
	assert_int_equal(na_terminal_stop(&terminal), -EPIPE);
}

static void test_no_journal(void **state)
{
	const struct na_terminal_options options = {.path = "/nowhere/at/all"};

	(void)state;
	assert_int_equal(na_terminal_start(&options, &terminal), NA_EXIT_DATA);
	assert_null(terminal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_prints_all_before_it_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_constants_are_the_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_old_from_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends_when_nobody_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_journal, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
