/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With rings of one page and nobody reading, what happened = records + LOST, to the unit, for each
 * program. Others' traffic would be counted too: a window in which the kernel counted no run but
 * ours is waited for.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fixture.h"

#define CONNECTIONS 60
#define PEERS 80
#define WINDOWS 200

static const uint64_t expected[NA_PROGRAM_COUNT] = {
	[NA_PROGRAM_SOCK_CREATE] = CONNECTIONS + 1,
	[NA_PROGRAM_CONNECT4] = CONNECTIONS,
	[NA_PROGRAM_SOCK_RELEASE] = 2 * CONNECTIONS + 1,
	[NA_PROGRAM_SET_STATE] = 3 * CONNECTIONS, /* established, and the end of both */
	[NA_PROGRAM_SYS_EXIT] = CONNECTIONS,      /* accepted */
	[NA_PROGRAM_SEND_LENGTH] = PEERS,         /* a flow each */
};

static void make_traffic(int listener)
{
	int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < CONNECTIONS; i++) {
		int client, server;

		pair_connect(listener, AF_INET, &client, &server);
		close(client);
		close(server);
	}
	for (int i = 0; i < PEERS; i++) {
		struct sockaddr_storage address;
		socklen_t size = loopback_address(AF_INET, (uint16_t)(1 + i), &address);

		assert_int_equal(sendto(sender, "", 1, 0, (struct sockaddr *)&address, size), 1);
	}
	close(sender);
}

/* A connection's ten changes; the last ones may come in a softirq after close returned. */
static bool states_complete(struct na_capture *capture, uint64_t before)
{
	uint64_t deadline_ns = na_clock_boot_ns() + NA_NS_PER_SEC;

	while (na_capture_programs(capture)[NA_PROGRAM_SET_STATE].runs - before < 10 * CONNECTIONS)
		if (sched_yield() < 0 || na_clock_boot_ns() > deadline_ns)
			return false;
	return true;
}

/* True when only we ran, so that all of `expected` is exact. */
static bool quiet(const struct na_program_state *before, const struct na_program_state *after)
{
	static const enum na_program seen[] = {NA_PROGRAM_SOCK_CREATE, NA_PROGRAM_SOCK_RELEASE};

	for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++)
		if (after[seen[i]].runs - before[seen[i]].runs != expected[seen[i]])
			return false;
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		if (after[id].skipped != before[id].skipped)
			return false;
	return after[NA_PROGRAM_SET_STATE].runs - before[NA_PROGRAM_SET_STATE].runs ==
		       10 * CONNECTIONS &&
	       after[NA_PROGRAM_SEND_LENGTH].runs - before[NA_PROGRAM_SEND_LENGTH].runs == PEERS;
}

static bool window_is_exact(struct na_capture *capture, int listener)
{
	struct na_program_state before[NA_PROGRAM_COUNT];
	struct collected collected = {0}, earlier = {0};
	const struct na_program_state *after;
	uint64_t lost = 0;
	bool ours;

	na_capture_drain(capture, collect, &earlier);
	na_capture_losses(capture, na_clock_boot_ns(), collect, &earlier);
	collected_done(&earlier);
	memcpy(before, na_capture_programs(capture), sizeof(before));
	make_traffic(listener);
	if (!states_complete(capture, before[NA_PROGRAM_SET_STATE].runs))
		return false;
	na_capture_drain(capture, collect, &collected);
	na_capture_losses(capture, na_clock_boot_ns(), collect, &collected);
	after = na_capture_programs(capture);
	ours = quiet(before, after);
	for (int id = 0; ours && id < NA_PROGRAM_COUNT; id++) {
		lost += collected.lost[id];
		if (collected.counts[id] + collected.lost[id] != expected[id])
			fail_msg("%s: %lu records, %lu lost, not %lu", after[id].source,
				 collected.counts[id], collected.lost[id], expected[id]);
	}
	if (ours)
		assert_in_range(lost, CONNECTIONS, 8 * CONNECTIONS + PEERS);
	collected_done(&collected);
	return ours;
}

static void records_and_losses_make_up_what_happened(void **state)
{
	struct na_capture_options options = fixture_options();
	struct na_capture *capture;
	bool exact = false;
	int listener;

	(void)state;
	options.rings = 1;
	options.ring_bytes = (size_t)sysconf(_SC_PAGESIZE);
	options.statistics = true;
	options.disable = "tp_btf/sched_process_fork,tp_btf/sched_process_exec,"
			  "tp_btf/sched_process_exit";
	capture = fixture_open(&options);
	listener = listener_open(AF_INET);
	for (int i = 0; i < WINDOWS && !exact; i++)
		exact = window_is_exact(capture, listener);
	if (!exact)
		print_message("the host was never quiet in %d windows\n", WINDOWS);
	assert_true(exact);
	close(listener);
	na_capture_close(&capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_and_losses_make_up_what_happened),
	};

	fixture_require_programs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
