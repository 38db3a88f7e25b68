/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stand-ins. That the kernel skips a program cannot be asked for; but a run that leaves no mark is
 * to its stand-in as one that was skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_works),
		cmocka_unit_test(without_a_mark_the_stand_in_works),
		cmocka_unit_test(one_in_front_is_taken_away),
	};

	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
