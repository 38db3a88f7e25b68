/* SPDX-License-Identifier: Apache-2.0 */
/* The programs load, attach, detach and attach again, and report a TCP connection's life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

static void every_wanted_program_is_attached(void **state)
{
	struct na_capture_options options = fixture_options();
	const struct na_program_state *programs;
	struct na_capture *capture;

	(void)state;
	options.families = ~UINT64_C(0);
	options.snapshot = true;
	capture = fixture_open(&options);
	programs = na_capture_programs(capture);
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (programs[id].wanted && !programs[id].attached)
			fail_msg("%s: %s", programs[id].source, programs[id].reason);
	na_capture_close(&capture);
}

/* What one loopback connection must leave, each with its socket's cookie. */
static void check_connection(struct na_capture *capture, int family)
{
	struct collected collected = {0};
	int listener = listener_open(family), client, server;
	uint64_t cookies[3];
	const struct na_record_accepted *accepted;

	pair_connect(listener, family, &client, &server);
	cookies[0] = socket_cookie(listener);
	cookies[1] = socket_cookie(client);
	cookies[2] = socket_cookie(server);
	shutdown(client, SHUT_WR);
	close(server);
	close(client);
	close(listener);
	assert_true(na_capture_drain(capture, collect, &collected) > 0);
	assert_non_null(collected_find(&collected, NA_RECORD_CREATED, cookies[0]));
	assert_non_null(collected_find(&collected, NA_RECORD_BIND, cookies[0]));
	assert_non_null(collected_find(&collected, NA_RECORD_BOUND, cookies[0]));
	assert_non_null(collected_find(&collected, NA_RECORD_STATE, cookies[0]));
	assert_non_null(collected_find(&collected, NA_RECORD_RELEASED, cookies[0]));
	assert_non_null(collected_find(&collected, NA_RECORD_CREATED, cookies[1]));
	assert_non_null(collected_find(&collected, NA_RECORD_CONNECT, cookies[1]));
	assert_non_null(collected_find(&collected, NA_RECORD_STATE, cookies[1]));
	assert_non_null(collected_find(&collected, NA_RECORD_RESULT, cookies[1]));
	assert_non_null(collected_find(&collected, NA_RECORD_ENDED, cookies[1]));
	accepted = collected_find(&collected, NA_RECORD_ACCEPTED, cookies[2]);
	assert_non_null(accepted);
	assert_int_equal(accepted->listener, 0);
	assert_int_equal(accepted->header.pid, getpid());
	assert_non_null(collected_find(&collected, NA_RECORD_ENDED, cookies[2]));
	collected_done(&collected);
}

static void it_attaches_again_without_a_load(void **state)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture = fixture_open(&options);

	(void)state;
	check_connection(capture, AF_INET);
	for (int round = 0; round < 3; round++) {
		struct collected collected = {0};
		int listener = listener_open(AF_INET6), client, server;
		uint64_t before;

		close(listener);
		na_capture_detach(capture);
		na_capture_drain(capture, collect, &collected);
		collected_done(&collected);
		before = na_capture_positions(capture);
		listener = listener_open(AF_INET);
		pair_connect(listener, AF_INET, &client, &server);
		close(client);
		close(server);
		close(listener);
		assert_int_equal(na_capture_positions(capture), before);
		assert_int_equal(na_capture_attach(capture), 0);
		check_connection(capture, AF_INET6);
	}
	na_capture_close(&capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wanted_program_is_attached),
		cmocka_unit_test(it_attaches_again_without_a_load),
	};

	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
