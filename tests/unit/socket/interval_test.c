/* SPDX-License-Identifier: Apache-2.0 */
/* Open connections are reported at intervals. */
#include "support.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define HOUR (3600 * SECONDS)
#define BY_CLIENT                                                                                  \
	"connection by=client uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=egress "

static struct world *hourly_world(void)
{
	return world_new_with(&(struct world_options){.connection_interval_ns = HOUR});
}

static struct na_record_found found_record(struct world *world, uint32_t pid, uint64_t cookie,
					   int tcp_state)
{
	struct na_record_found record = found_socket(world, pid, cookie, tcp_state);

	record.local_port = 4000;
	record.remote_port = 80;
	record.sent_bytes = 5000000000;
	record.received_bytes = 70;
	record.sent_packets = 6;
	record.received_packets = 5;
	record.rtt_us = 1500;
	record.retransmits = 2;
	address_fill(record.local, 1);
	address_fill(record.remote, 2);
	return record;
}

static void found(struct world *world, uint32_t pid, uint64_t cookie, int tcp_state)
{
	struct na_record_found record = found_record(world, pid, cookie, tcp_state);

	assert_int_equal(take(world, &record), 0);
}

/* The look is over. */
static void found_all(struct world *world)
{
	assert_int_equal(na_sockets_found_all(world->sockets), 0);
}

/* An established connection of the client, after start. */
static void connected(struct world *world, uint64_t cookie)
{
	found_all(world);
	connect_asked(world, CLIENT, cookie, 80, 0);
	state(world, cookie, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	na_buffer_clear(&world->lines);
}

/* The server accepted a connection of another family or protocol, an hour ago. */
static void accepted_as(struct world *world, int family, int type, int protocol)
{
	struct na_record_accepted record = {
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER, 0),
		.cookie = 2,
		.inode = 1002,
		.netns = 7,
		.local_port = 80,
		.remote_port = 4000,
		.family = (uint16_t)family,
		.type = (uint16_t)type,
		.protocol = (uint16_t)protocol,
	};

	address_fill(record.local, 2);
	address_fill(record.remote, 1);
	take(world, &record);
	na_buffer_clear(&world->lines);
	world->now_ns += HOUR;
}

static void it_is_reported_when_it_is_older_than_the_interval(void **unused)
{
	struct world *world = hourly_world();

	(void)unused;
	connected(world, 1);
	world->now_ns += HOUR - SECONDS;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	expect(world, "");
	world->now_ns += SECONDS;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	expect(world, BY_CLIENT "out=5000000000 in=70 state=established type=info age=3600 "
				"packets_out=6 packets_in=5 rtt=1500 again=2\n");
	ended(world, 1, TCP_FIN_WAIT2, 0);
	expect(world,
	       "closed by=client uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=egress "
	       "out=11 in=22 reason=orderly closed_by=local\n");
	world_free(world);
}

/* Each look reports it once: although two processes hold it, and although the look comes to it a
 * little sooner than the one before. */
static void it_is_reported_once_in_each_interval(void **unused)
{
	struct world *world = hourly_world();

	(void)unused;
	connected(world, 1);
	world->now_ns += HOUR + HOUR / 2;
	for (int look = 1; look <= 10; look++) {
		found(world, CLIENT, 1, TCP_ESTABLISHED);
		assert_true(world->lines.length > 0);
		na_buffer_clear(&world->lines);
		found(world, CLIENT, 1, TCP_ESTABLISHED);
		found(world, OTHER, 1, TCP_ESTABLISHED);
		found_all(world);
		expect(world, "");
		world->now_ns += HOUR - (look & 1 ? SECONDS : 0);
	}
	world_free(world);
}

static void a_look_in_between_reports_nothing(void **unused)
{
	struct world *world = hourly_world();

	(void)unused;
	connected(world, 1);
	world->now_ns += HOUR;
	found(world, CLIENT, 1, TCP_CLOSE_WAIT);
	expect(world, BY_CLIENT "out=5000000000 in=70 state=close_wait type=info age=3600 "
				"packets_out=6 packets_in=5 rtt=1500 again=2\n");
	world->now_ns += HOUR / 2;
	found(world, CLIENT, 1, TCP_CLOSE_WAIT);
	expect(world, "");
	world_free(world);
}

static void the_peer_is_the_source_of_what_was_accepted(void **unused)
{
	struct world *world = hourly_world();
	struct na_record_found record;

	(void)unused;
	found_all(world);
	accepted(world, SERVER, 2, 0);
	na_buffer_clear(&world->lines);
	world->now_ns += 2 * HOUR;
	record = found_record(world, SERVER, 2, TCP_ESTABLISHED);
	take(world, &record);
	expect(world, "connection by=server uid=200 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
		      "dir=ingress out=70 in=5000000000 state=established type=info age=7200 "
		      "packets_out=5 packets_in=6 rtt=1500 again=2\n");
	world_free(world);
}

/* Of a connection that was there at start the beginning is not known. */
static void an_old_one_has_no_start(void **unused)
{
	struct world *world = hourly_world();

	(void)unused;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	found_all(world);
	na_buffer_clear(&world->lines);
	world->now_ns += HOUR;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	expect(world, BY_CLIENT "out=5000000000 in=70 state=established type=info packets_out=6 "
				"packets_in=5 rtt=1500 again=2\n");
	world_free(world);
}

/* MPTCP counts bytes, and has no packets or round-trip time of its own. */
static void mptcp_tells_bytes_only(void **unused)
{
	struct world *world = hourly_world();
	struct na_record_found record;

	(void)unused;
	found_all(world);
	accepted_as(world, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	record = found_record(world, SERVER, 2, TCP_ESTABLISHED);
	record.protocol = IPPROTO_MPTCP;
	take(world, &record);
	expect(world, "connection by=server uid=200 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
		      "dir=ingress out=70 in=5000000000 state=established type=info age=3600\n");
	world_free(world);
}

static void a_local_connection_has_no_tcp(void **unused)
{
	struct world *world = hourly_world();
	struct na_record_found record;

	(void)unused;
	found_all(world);
	accepted_as(world, AF_UNIX, SOCK_SEQPACKET, 0);
	record = found_record(world, SERVER, 2, TCP_ESTABLISHED);
	record.family = AF_UNIX;
	record.type = SOCK_SEQPACKET;
	record.protocol = 0;
	take(world, &record);
	expect(world, "connection by=server uid=200 link=1 dir=ingress out=70 in=5000000000 "
		      "state=established type=info age=3600 packets_out=5 packets_in=6\n");
	world_free(world);
}

static void what_is_not_open_is_not_reported(void **unused)
{
	struct world *world = hourly_world();

	(void)unused;
	connected(world, 1);
	created(world, CLIENT, 2);
	connect_asked(world, CLIENT, 3, 80, 0); /* no answer yet */
	bound(world, SERVER, 4, 80);
	na_buffer_clear(&world->lines);
	world->now_ns += HOUR;
	found(world, CLIENT, 1, TCP_CLOSE); /* its end is on its way */
	found(world, CLIENT, 2, TCP_CLOSE);
	found(world, CLIENT, 3, TCP_SYN_SENT);
	found(world, SERVER, 4, TCP_LISTEN);
	expect(world, "");
	world_free(world);
}

/* The next connection of the same socket is young. */
static void each_connection_of_a_socket_has_its_own_age(void **unused)
{
	struct world *world = hourly_world();

	(void)unused;
	connected(world, 1);
	world->now_ns += HOUR;
	ended(world, 1, TCP_FIN_WAIT2, 0);
	connected(world, 1);
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	expect(world, "");
	world_free(world);
}

static void without_an_interval_nothing_is_reported(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	connected(world, 1);
	world->now_ns += 1000 * HOUR;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	expect(world, "");
	world_free(world);
}

static void lost(struct world *world)
{
	struct na_record_lost record = {
		.header = header(world, sizeof(record), NA_RECORD_LOST, NA_PROGRAM_CONNECT4, 0, 0),
		.count = 1};

	take(world, &record);
	na_buffer_clear(&world->lines);
}

#define FOUND_1                                                                                    \
	"existing by=client uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=egress "          \
	"state=established\n"

/* What the table does not know after start is excluded, or had no room: each look would bring it
 * again. After losses it may be news, until a look that began after them is over. */
static void a_stranger_is_taken_up_after_losses_only(void **unused)
{
	struct world *world = hourly_world();
	uint64_t began_ns;

	(void)unused;
	found_all(world);
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	found_all(world);
	expect(world, "");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	began_ns = world->now_ns;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	lost(world); /* too late for this look, so the next one counts */
	found_all(world);
	assert_int_equal(na_sockets_sweep(world->sockets, began_ns, world->now_ns), 0);
	expect(world, "");
	began_ns = world->now_ns;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	found_all(world);
	assert_int_equal(na_sockets_sweep(world->sockets, began_ns, world->now_ns), 0);
	expect(world, FOUND_1);
	found(world, CLIENT, 2, TCP_ESTABLISHED);
	found_all(world);
	expect(world, "");
	world_free(world);
}

static void the_sinks_error_comes_back(void **unused)
{
	struct world *world = hourly_world();
	struct na_record_found record;

	(void)unused;
	connected(world, 1);
	world->now_ns += HOUR;
	record = found_record(world, CLIENT, 1, TCP_ESTABLISHED);
	world->sink_error = -EPIPE;
	assert_int_equal(take(world, &record), -EPIPE);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_reported_when_it_is_older_than_the_interval),
		cmocka_unit_test(it_is_reported_once_in_each_interval),
		cmocka_unit_test(a_look_in_between_reports_nothing),
		cmocka_unit_test(the_peer_is_the_source_of_what_was_accepted),
		cmocka_unit_test(an_old_one_has_no_start),
		cmocka_unit_test(mptcp_tells_bytes_only),
		cmocka_unit_test(a_local_connection_has_no_tcp),
		cmocka_unit_test(what_is_not_open_is_not_reported),
		cmocka_unit_test(each_connection_of_a_socket_has_its_own_age),
		cmocka_unit_test(without_an_interval_nothing_is_reported),
		cmocka_unit_test(a_stranger_is_taken_up_after_losses_only),
		cmocka_unit_test(the_sinks_error_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
