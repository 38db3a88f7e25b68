/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stand-ins, and whether they are wanted. That the kernel skips a program cannot be asked for; but
 * a run that leaves no mark is to its stand-in as one that was skipped.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/capture_internal.h"
#include "fixture.h"

/* How many records of the program say that the socket listens. */
static size_t count_listening(struct na_capture *capture, enum na_program program, uint64_t cookie)
{
	struct collected collected = {0};
	size_t count = 0;

	na_capture_detach(capture);
	assert_true(na_capture_drain(capture, collect, &collected) >= 0);
	for (size_t i = 0; i < collected.count; i++) {
		const struct na_record_state *record = (void *)collected.records[i];

		count += record->header.type == NA_RECORD_STATE && record->cookie == cookie &&
			 record->header.program == program;
	}
	collected_done(&collected);
	return count;
}

static void one_works(void **state)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture = fixture_open(&options);
	int listener = listener_open(AF_INET);
	struct na_buffer why = {0};

	(void)state;
	assert_true(na_capture_programs(capture)[NA_PROGRAM_AGAIN_SET_STATE].attached);
	assert_int_equal(na_stand_in_worked(capture, NA_PROGRAM_SET_STATE), 0);
	assert_int_equal(na_stand_ins_check(capture, &why), 0);
	assert_int_equal(count_listening(capture, NA_PROGRAM_SET_STATE, socket_cookie(listener)),
			 1);
	close(listener);
	na_capture_close(&capture);
}

static void without_a_mark_the_stand_in_works(void **state)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture = fixture_open(&options);
	int listener;

	(void)state;
	capture->bpf->data_stand_ins->stand_ins.attached[NA_PROGRAM_SET_STATE] = false;
	listener = listener_open(AF_INET);
	assert_true(na_stand_in_worked(capture, NA_PROGRAM_SET_STATE) >= 1);
	assert_int_equal(count_listening(capture, NA_PROGRAM_SET_STATE, socket_cookie(listener)),
			 2);
	close(listener);
	na_capture_close(&capture);
}

static void one_in_front_is_taken_away(void **state)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture = fixture_open(&options);
	struct na_buffer why = {0};
	const struct na_program_state *stand_in;

	(void)state;
	capture->bpf->data_stand_ins->stand_ins.attached[NA_PROGRAM_SET_STATE] = false;
	close(listener_open(AF_INET));
	assert_int_equal(na_stand_ins_check(capture, &why), -ENOTSUP);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, "stand-in/inet_sock_set_state"));
	stand_in = &na_capture_programs(capture)[NA_PROGRAM_AGAIN_SET_STATE];
	assert_false(stand_in->attached);
	assert_non_null(strstr(stand_in->reason, "in front of"));
	na_buffer_done(&why);
	na_capture_close(&capture);
}

/* In a child with mounts of its own, in which the kernel's symbols are those of `lines`. */
static bool wants_behind_trampolines(const char *lines)
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct na_capture capture = {.options = fixture_options()};
		char path[] = "/tmp/kallsyms.XXXXXX";
		int fd = mkstemp(path);

		if (fd < 0 || dprintf(fd, "%s", lines) < 0 || unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(path, "/proc/kallsyms", NULL, MS_BIND, NULL) < 0 || unlink(path) < 0)
			_exit(2);
		na_hooks_init(&capture);
		na_programs_init(&capture);
		na_stand_ins_want_behind_trampolines(&capture);
		_exit(capture.states[NA_PROGRAM_AGAIN_CALL_BIND].wanted);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status);
}

/* The mode is a variable, of which kernels may keep no symbol either. */
static void whether_trampolines_are_preempted(void **state)
{
	struct utsname kernel;

	(void)state;
	assert_false(wants_behind_trampolines("ffffffff82000000 T schedule\n"));
	assert_true(wants_behind_trampolines("ffffffff82000000 T schedule\n"
					     "ffffffff82000100 T preempt_schedule\n"));
	assert_int_equal(uname(&kernel), 0);
	assert_int_equal(wants_behind_trampolines("0000000000000000 T schedule\n"
						  "0000000000000000 T preempt_schedule\n"),
			 strstr(kernel.version, "PREEMPT") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_works),
		cmocka_unit_test(without_a_mark_the_stand_in_works),
		cmocka_unit_test(one_in_front_is_taken_away),
		cmocka_unit_test(whether_trampolines_are_preempted),
	};

	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
