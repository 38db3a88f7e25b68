/* SPDX-License-Identifier: Apache-2.0 */
/* Supervision with real processes and the rights there are: starts, ends, restarts, deaths. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "../capture/failing_alloc.h"
#include "guard/backoff.h"
#include "support.h"

#define KILLS 200
#define LONG_NS (60 * NA_NS_PER_SEC)

static struct na_guard_run run;

static struct na_supervisor_event expect_started(uint64_t starts)
{
	struct na_supervisor_event event = na_guard_event(&run);

	assert_int_equal(event.type, NA_SUPERVISOR_STARTED);
	assert_true(event.pid > 0);
	assert_int_equal(event.starts, starts);
	na_guard_report(&run);
	assert_int_equal(atoi(na_guard_line(&run, "self")), event.pid);
	return event;
}

static struct na_supervisor_event expect_ended(int status, int number)
{
	struct na_supervisor_event event = na_guard_event(&run);

	assert_int_equal(event.type, NA_SUPERVISOR_ENDED);
	assert_int_equal(event.status, status);
	assert_int_equal(event.signal, number);
	return event;
}

static void assert_says(const struct na_supervisor_event *event, const char *expected)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};

	na_supervisor_describe(event, "netaudit ship", &text);
	na_buffer_append_char(&text, '\0');
	if (strncmp(text.data, expected, strlen(expected)) != 0)
		assert_string_equal(text.data, expected);
}

/* 32 and 33 are libc's: nobody else may set them, so they stay as whoever started us had them. */
#define LIBC_SIGNALS (UINT64_C(3) << 31)

static void assert_sandboxed(void)
{
	assert_string_equal(na_guard_line(&run, "CapPrm"), "0000000000000000");
	assert_string_equal(na_guard_line(&run, "CapEff"), "0000000000000000");
	assert_string_equal(na_guard_line(&run, "CapInh"), "0000000000000000");
	assert_string_equal(na_guard_line(&run, "CapAmb"), "0000000000000000");
	assert_string_equal(na_guard_line(&run, "NoNewPrivs"), "1");
	assert_string_equal(na_guard_line(&run, "SigBlk"), "0000000000004203"); /* supervisor.h */
	assert_int_equal(strtoull(na_guard_line(&run, "SigIgn"), NULL, 16) & ~LIBC_SIGNALS, 0);
	assert_string_equal(na_guard_line(&run, "umask"), "027");
	assert_string_equal(na_guard_line(&run, "core"), "0");
}

/* Of a helper with a child: stdin to stderr, its socket, the child, what it passes on; ".", "..".
 */
#define HELPER_DESCRIPTORS (6 + 2)

static size_t count_descriptors(pid_t pid)
{
	char path[64];
	size_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* What is open here, ignored or blocked, and the environment, stay here. */
static void test_what_a_child_gets(void **state)
{
	NA_CLOSE int leak = open("/dev/null", O_RDONLY), high = fcntl(leak, F_DUPFD, 300);
	sigset_t term, before;

	(void)state;
	assert_true(high >= 300);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	na_guard_open(&run);
	na_guard_start(&run, "wait", NULL, LONG_NS);
	expect_started(1);
	assert_string_equal(na_guard_line(&run, "descriptors"), "0 1 2 3");
	assert_string_equal(na_guard_line(&run, "environment"), "NETAUDIT_TEST=1");
	assert_string_equal(na_guard_line(&run, "stdin"), "103"); /* /dev/null */
	assert_int_equal(count_descriptors(atoi(na_guard_line(&run, "parent"))),
			 HELPER_DESCRIPTORS);
	assert_sandboxed();
	na_guard_close(&run);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(high);
}

/* As many as there may be, in order, wherever they were here. */
static void test_descriptors(void **state)
{
	int more[NA_SUPERVISOR_DESCRIPTORS_MAX - 1];
	size_t count = sizeof(more) / sizeof(*more);
	char expected[512] = "";

	(void)state;
	na_guard_open(&run);
	for (size_t i = 0; i < count; i++) {
		more[count - 1 - i] = memfd_create("configuration", MFD_CLOEXEC);
		assert_true(more[count - 1 - i] >= 0);
	}
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(expected);
		struct stat status;

		fstat(more[i], &status);
		snprintf(expected + length, sizeof(expected) - length, "%s%lu", i ? " " : "",
			 (unsigned long)status.st_ino);
	}
	run.more = more;
	run.more_count = count;
	na_guard_start(&run, "wait", NULL, LONG_NS);
	expect_started(1);
	assert_string_equal(na_guard_line(&run, "inodes"), expected);
	/* Also those of a restart. */
	assert_int_equal(na_supervisor_signal(run.supervisor, SIGKILL), 0);
	expect_ended(0, SIGKILL);
	expect_started(2);
	assert_string_equal(na_guard_line(&run, "inodes"), expected);
	run.more_count = 0;
	na_guard_close(&run);
	for (size_t i = 0; i < count; i++)
		close(more[i]);
}

/* Capture never waits for a helper that hangs. */
static void test_helper_that_hangs(void **state)
{
	struct na_supervisor_event event;
	pid_t helper;
	int error = 0;

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", NULL, LONG_NS);
	expect_started(1);
	helper = atoi(na_guard_line(&run, "parent"));
	assert_int_equal(kill(helper, SIGSTOP), 0);
	for (int i = 0; i < 10000 && !error; i++)
		error = na_supervisor_signal(run.supervisor, 0);
	assert_int_equal(error, -EAGAIN);
	assert_int_equal(na_supervisor_next(run.supervisor, &event), 0);
	assert_int_equal(kill(helper, SIGCONT), 0);
	do
		error = na_supervisor_stop(run.supervisor, LONG_NS);
	while (error == -EAGAIN);
	expect_ended(0, SIGTERM);
	na_guard_close(&run);
}

static void test_stop_and_start_again(void **state)
{
	struct na_supervisor_event event;

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", NULL, LONG_NS);
	expect_started(1);
	assert_int_equal(na_supervisor_stop(run.supervisor, LONG_NS), 0);
	event = expect_ended(0, SIGTERM);
	assert_true(event.asked);
	assert_false(event.restarts);
	na_guard_start(&run, "wait", NULL, LONG_NS);
	event = expect_started(2);
	assert_says(&event, "netaudit ship runs as process ");
	na_guard_close(&run);
}

static void test_one_that_does_not_listen_is_killed(void **state)
{
	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "stubborn", NULL, LONG_NS);
	expect_started(1);
	na_guard_clock->leaps = true;
	assert_int_equal(na_supervisor_stop(run.supervisor, LONG_NS), 0);
	assert_true(expect_ended(0, SIGKILL).asked);
	na_guard_close(&run);
}

static void test_signal(void **state)
{
	struct na_supervisor_event event;

	(void)state;
	na_guard_open(&run);
	assert_int_equal(na_supervisor_signal(run.supervisor, SIGUSR1), 0); /* nobody there */
	na_guard_start(&run, "wait", NULL, LONG_NS);
	expect_started(1);
	assert_int_equal(na_supervisor_signal(run.supervisor, SIGUSR1), 0);
	event = expect_ended(0, SIGUSR1);
	assert_false(event.asked);
	assert_true(event.restarts);
	assert_says(&event, "netaudit ship was killed by SIGUSR1 after ");
	expect_started(2);
	na_guard_close(&run);
}

/* A new START stops the old one and gives the new one other descriptors; the helper keeps none. */
static void test_replace(void **state)
{
	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", NULL, LONG_NS);
	expect_started(1);
	for (unsigned int i = 0; i < 20; i++) {
		pid_t helper = atoi(na_guard_line(&run, "parent"));
		struct na_supervisor_event event;

		assert_int_equal(count_descriptors(helper), HELPER_DESCRIPTORS);
		na_guard_start(&run, "wait", NULL, LONG_NS);
		event = expect_ended(0, SIGTERM);
		assert_true(event.asked && event.restarts && event.restart_ns == 0);
		expect_started(i + 2);
		assert_string_equal(na_guard_line(&run, "descriptors"), "0 1 2 3");
	}
	na_guard_close(&run);
}

/* Killed 200 times: each time it comes back, later and later, 30 s at most. */
static void test_kills(void **state)
{
	uint64_t expected_ns = NA_BACKOFF_FIRST_NS;

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "wait", NULL, LONG_NS);
	na_guard_clock->leaps = true;
	for (unsigned int i = 0; i < KILLS; i++) {
		pid_t pid = expect_started(i + 1).pid;
		uint64_t before_ns = na_guard_clock->ahead_ns;
		struct na_supervisor_event event;

		assert_int_equal(kill(pid, SIGKILL), 0);
		event = expect_ended(0, SIGKILL);
		assert_false(event.asked);
		assert_true(event.restarts);
		assert_int_equal(event.restart_ns, expected_ns);
		assert_true(na_guard_clock->ahead_ns >= before_ns);
		expected_ns =
			2 * expected_ns < NA_BACKOFF_MOST_NS ? 2 * expected_ns : NA_BACKOFF_MOST_NS;
	}
	expect_started(KILLS + 1);
	assert_true(na_guard_clock->ahead_ns >= (KILLS - 10) * NA_BACKOFF_MOST_NS);

	/* A good life pays off all of it. */
	na_guard_clock->ahead_ns += NA_BACKOFF_GOOD_LIFE_NS;
	kill(atoi(na_guard_line(&run, "self")), SIGKILL);
	assert_int_equal(expect_ended(0, SIGKILL).restart_ns, NA_BACKOFF_FIRST_NS);
	na_guard_close(&run);
}

static void test_status_and_violation(void **state)
{
	struct na_supervisor_event event;

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "exit", NULL, LONG_NS);
	expect_started(1);
	event = expect_ended(42, 0);
	assert_says(&event, "netaudit ship ended with status 42 after ");
	na_guard_start(&run, "violate", NULL, LONG_NS);
	do /* the one before may have been started again */
		event = na_guard_event(&run);
	while (event.type != NA_SUPERVISOR_ENDED || event.status == 42);
	assert_int_equal(event.signal, SIGSYS);
	assert_says(&event, "netaudit ship was killed by its seccomp filter (SIGSYS) after ");
	na_guard_close(&run);
}

static void test_program_that_is_not_there(void **state)
{
	const char *arguments[] = {"/nowhere/netaudit", NULL}, *none[] = {NULL};
	struct na_supervisor_child child = {.arguments = arguments, .environment = none};
	struct na_supervisor_event event;

	(void)state;
	na_guard_open(&run);
	na_sandbox_self(&child.identity);
	assert_int_equal(na_supervisor_start(run.supervisor, &child, 0), 0);
	assert_int_equal(na_guard_event(&run).type, NA_SUPERVISOR_STARTED);
	event = expect_ended(NA_SUPERVISOR_NOT_STARTED, 0);
	assert_true(event.restarts);
	assert_says(&event, "netaudit ship could not be started after ");
	na_guard_close(&run);
}

static void test_too_much(void **state)
{
	static char large[NA_SUPERVISOR_TEXT_MAX + 1];
	const char *arguments[] = {"/bin/true", large, NULL}, *none[] = {NULL};
	struct na_supervisor_child child = {.arguments = arguments, .environment = none};

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	na_guard_open(&run);
	assert_int_equal(na_supervisor_start(run.supervisor, &child, 0), -E2BIG);
	arguments[1] = NULL;
	child.descriptor_count = NA_SUPERVISOR_DESCRIPTORS_MAX + 1;
	assert_int_equal(na_supervisor_start(run.supervisor, &child, 0), -E2BIG);
	na_guard_close(&run);
}

static void test_no_memory(void **state)
{
	struct na_supervisor *supervisor = NULL;

	(void)state;
	na_failing_alloc_arm(1);
	assert_int_equal(na_supervisor_open(&supervisor), -ENOMEM);
	assert_true(na_failing_alloc_disarm());
	assert_null(supervisor);
	na_supervisor_close(&supervisor, 0);
}

/* A process that cannot have the identity asked for does not run as another one. */
static void test_identity_that_cannot_be_had(void **state)
{
	struct na_sandbox_identity other = {.uid = 4242, .gid = 4242};

	(void)state;
	if (geteuid() == 0)
		return; /* privileged_test shows that it can */
	na_guard_open(&run);
	na_guard_start(&run, "wait", &other, LONG_NS);
	assert_int_equal(na_guard_event(&run).type, NA_SUPERVISOR_STARTED);
	expect_ended(NA_SUPERVISOR_NOT_STARTED, 0);
	na_guard_close(&run);
}

/* Which processes a capture has: told by the child's report. */
static void open_family(int *ret_helper, int *ret_child)
{
	*ret_helper = pidfd_open(atoi(na_guard_line(&run, "parent")), 0);
	*ret_child = pidfd_open(atoi(na_guard_line(&run, "self")), 0);
	assert_true(*ret_helper >= 0 && *ret_child >= 0);
}

static void test_death_of_helper(void **state)
{
	struct na_supervisor_event event;
	int helper, child;

	(void)state;
	na_guard_open(&run);
	na_guard_start(&run, "stubborn", NULL, LONG_NS);
	expect_started(1);
	open_family(&helper, &child);
	assert_int_equal(pidfd_send_signal(helper, SIGKILL, NULL, 0), 0);
	na_guard_await_end(helper);
	na_guard_await_end(child);
	assert_int_equal(na_supervisor_next(run.supervisor, &event), -EPIPE);
	assert_int_equal(na_supervisor_stop(run.supervisor, 0), -EPIPE);
	na_guard_close(&run);
	close(helper);
	close(child);
}

/* Keeps what capture had open until the test has seen enough: its death alone must do. */
static void hold_until_closed(const int *hold)
{
	char byte;

	if (fork() != 0)
		return;
	close(hold[1]);
	while (read(hold[0], &byte, 1) > 0)
		;
	_exit(0);
}

/* Another process is capture, and is killed by `number`. */
static void die_as_capture(int number)
{
	int ends[2], hold[2], helper, child;
	pid_t capture;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	capture = fork();
	if (capture == 0) {
		assert_int_equal(na_supervisor_open(&run.supervisor), 0);
		hold_until_closed(hold);
		run.write = ends[1];
		na_guard_start(&run, "stubborn", NULL, LONG_NS);
		for (;;)
			pause();
	}
	run.report = ends[0];
	na_guard_report(&run);
	open_family(&helper, &child);
	assert_int_equal(kill(capture, number), 0);
	assert_int_equal(waitpid(capture, NULL, 0), capture);
	na_guard_await_end(helper);
	na_guard_await_end(child);
	close(helper);
	close(child);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(hold[i]);
	}
}

static void test_death_of_capture(void **state)
{
	(void)state;
	die_as_capture(SIGKILL);
	die_as_capture(SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_child_gets),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_helper_that_hangs),
		cmocka_unit_test(test_stop_and_start_again),
		cmocka_unit_test(test_one_that_does_not_listen_is_killed),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_kills),
		cmocka_unit_test(test_status_and_violation),
		cmocka_unit_test(test_program_that_is_not_there),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_identity_that_cannot_be_had),
		cmocka_unit_test(test_death_of_helper),
		cmocka_unit_test(test_death_of_capture),
	};

	na_guard_clock_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
