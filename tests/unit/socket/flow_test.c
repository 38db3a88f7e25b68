/* SPDX-License-Identifier: Apache-2.0 */
/* Datagram flows: direction, intervals, ends, and sums that are right whatever the table holds. */
#include <stdlib.h>

#include "support.h"

struct message {
	uint32_t pid;
	uint64_t cookie;
	uint16_t port; /* of the peer 10.0.0.1; 0: not known */
	uint64_t sent, received;
	bool received_first;
	bool of_call; /* told by the exit of its system call: one message */
};

static enum na_program program_of(const struct message *message)
{
	if (message->of_call)
		return NA_PROGRAM_SYS_EXIT;
	return message->received_first ? NA_PROGRAM_RECV_LENGTH : NA_PROGRAM_SEND_LENGTH;
}

static void flow(struct world *world, struct message message)
{
	struct na_record_flow record = {
		.header = header(world, sizeof(record), NA_RECORD_FLOW, program_of(&message),
				 message.pid, 0),
		.cookie = message.cookie,
		.inode = message.cookie + 1000,
		.local_port = 53,
		.remote_port = message.port,
		.family = AF_INET,
		.type = SOCK_DGRAM,
		.protocol = IPPROTO_UDP,
		.sent_bytes = message.sent,
		.received_bytes = message.received,
		.sent_packets = message.sent > 0,
		.received_packets = message.received > 0,
	};

	record.first_ns = record.last_ns = record.header.time_ns;
	address_fill(record.local, 2);
	if (message.port)
		address_fill(record.remote, 1);
	take(world, &record);
}

static void release(struct world *world, uint64_t cookie)
{
	struct na_record_released record = {
		.header = header(world, sizeof(record), NA_RECORD_RELEASED, NA_PROGRAM_SOCK_RELEASE,
				 SERVER, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.family = AF_INET,
		.type = SOCK_DGRAM,
		.protocol = IPPROTO_UDP,
	};

	take(world, &record);
}

static void tick(struct world *world, uint64_t seconds)
{
	world->now_ns += seconds * SECONDS;
	assert_int_equal(na_sockets_tick(world->sockets, world->now_ns), 0);
}

static void udp(struct world *world, uint32_t pid, uint64_t cookie)
{
	created_as(world, pid, cookie, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	na_buffer_clear(&world->lines);
}

static void the_first_message_says_who_opened_it(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	udp(world, SERVER, 1);
	flow(world, (struct message){SERVER, 1, 4000, 10, 20, true, false});
	flow(world, (struct message){SERVER, 1, 4001, 1, 2, false, false});
	release(world, 1);
	expect(world, "flow by=server uid=200 from=10.0.0.2:53 to=10.0.0.1:4001 link=2 dir=egress "
		      "out=1 in=2 type=end\n"
		      "flow by=server uid=200 from=10.0.0.1:4000 to=10.0.0.2:53 link=1 dir=ingress "
		      "out=20 in=10 type=end\n");
	world_free(world);
}

static void messages_of_calls_add_up(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	udp(world, SERVER, 1);
	flow(world, (struct message){SERVER, 1, 4000, 0, 20, .of_call = true});
	flow(world, (struct message){SERVER, 1, 4000, 10, 0, .of_call = true});
	flow(world, (struct message){SERVER, 1, 4001, 5, 0, .of_call = true});
	release(world, 1);
	expect(world, "flow by=server uid=200 from=10.0.0.2:53 to=10.0.0.1:4001 link=2 dir=egress "
		      "out=5 in=0 type=end\n"
		      "flow by=server uid=200 from=10.0.0.1:4000 to=10.0.0.2:53 link=1 dir=ingress "
		      "out=20 in=10 type=end\n");
	world_free(world);
}

static void each_process_has_a_flow_of_its_own(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	udp(world, CLIENT, 1);
	flow(world, (struct message){CLIENT, 1, 9, 3, 0, false, false});
	flow(world, (struct message){OTHER, 1, 9, 4, 0, false, false});
	flow(world, (struct message){CLIENT, 1, 9, 3, 0, false, false});
	release(world, 1);
	expect(world,
	       "flow by=other uid=300 creator=client from=10.0.0.2:53 to=10.0.0.1:9 link=2 "
	       "dir=egress out=4 in=0 type=end\n"
	       "flow by=client uid=100 from=10.0.0.2:53 to=10.0.0.1:9 link=1 dir=egress out=6 "
	       "in=0 type=end\n");
	world_free(world);
}

static void an_interval_tells_what_came_since_the_last(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	udp(world, CLIENT, 1);
	flow(world, (struct message){CLIENT, 1, 9, 100, 0, false, false});
	tick(world, 30);
	flow(world, (struct message){CLIENT, 1, 9, 10, 0, false, false});
	tick(world, 31);
	expect(world,
	       "flow by=client uid=100 from=10.0.0.2:53 to=10.0.0.1:9 link=1 dir=egress out=110 "
	       "in=0 type=info\n");
	tick(world, 61); /* nothing came: that was its end */
	expect(world,
	       "flow by=client uid=100 from=10.0.0.2:53 to=10.0.0.1:9 link=1 dir=egress out=0 "
	       "in=0 type=end\n");
	assert_int_equal(na_sockets_counts(world->sockets).flows, 0);
	world_free(world);
}

static void what_is_not_told_is_flushed_at_the_end(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	udp(world, CLIENT, 1);
	flow(world, (struct message){CLIENT, 1, 9, 5, 0, false, false});
	assert_int_equal(na_sockets_flush(world->sockets, world->now_ns), 0);
	assert_int_equal(na_sockets_flush(world->sockets, world->now_ns), 0);
	expect(world,
	       "flow by=client uid=100 from=10.0.0.2:53 to=10.0.0.1:9 link=1 dir=egress out=5 "
	       "in=0 type=info\n");
	world_free(world);
}

static void a_connected_sockets_flow_is_its_connection(void **unused)
{
	struct world *world = world_new();
	struct na_record_result connected = {
		.header = header(world, sizeof(connected), NA_RECORD_RESULT, NA_PROGRAM_SYS_EXIT,
				 CLIENT, 0),
		.cookie = 1,
		.inode = 1001,
		.family = AF_INET,
		.type = SOCK_DGRAM,
		.protocol = IPPROTO_UDP,
		.operation = NA_OPERATION_CONNECT,
		.local_port = 53,
	};
	struct na_record_connect asked = {
		.header = connected.header,
		.cookie = 1,
		.port = 9,
		.family = AF_INET,
		.type = SOCK_DGRAM,
		.protocol = IPPROTO_UDP,
	};

	(void)unused;
	udp(world, CLIENT, 1);
	address_fill(connected.local, 2);
	address_fill(asked.address, 1);
	asked.header.size = sizeof(asked);
	asked.header.type = NA_RECORD_CONNECT;
	take(world, &asked);
	take(world, &connected);
	flow(world, (struct message){CLIENT, 1, 9, 5, 0, false, false});
	flow(world, (struct message){CLIENT, 1, 10, 6, 0, false, false}); /* sendto another peer */
	flow(world,
	     (struct message){OTHER, 1, 9, 7, 0, false, false}); /* the connection, by another */
	release(world, 1);
	expect(world,
	       "connect_attempted by=client tid=101 uid=100 from=10.0.0.2:53 to=10.0.0.1:9 link=1 "
	       "dir=egress\n"
	       "flow by=other uid=300 creator=client from=10.0.0.2:53 to=10.0.0.1:9 link=1 "
	       "dir=egress out=7 in=0 type=end\n"
	       "flow by=client uid=100 from=10.0.0.2:53 to=10.0.0.1:10 link=2 dir=egress out=6 "
	       "in=0 type=end\n"
	       "flow by=client uid=100 from=10.0.0.2:53 to=10.0.0.1:9 link=1 dir=egress out=5 "
	       "in=0 type=end\n");
	world_free(world);
}

/* However many peers, processes and sockets there are, no byte is told twice or not at all. */
static void sums_are_right_whatever_the_table_holds(void **unused)
{
	struct world *world = world_new_with(&(struct world_options){.max_flows = 20});
	uint64_t sent = 0, received = 0;
	unsigned int seed = 1;

	(void)unused;
	for (int i = 0; i < 20000; i++) {
		struct message message = {
			.pid = CLIENT + 100 * (uint32_t)(rand_r(&seed) % 3),
			.cookie = 1 + (uint64_t)(rand_r(&seed) % 5),
			.port = (uint16_t)(rand_r(&seed) % 40),
			.sent = (uint64_t)(rand_r(&seed) % 1000),
			.received = (uint64_t)(rand_r(&seed) % 1000),
			.received_first = rand_r(&seed) % 2,
		};

		sent += message.sent;
		received += message.received;
		flow(world, message);
		if (rand_r(&seed) % 50 == 0)
			release(world, 1 + (uint64_t)(rand_r(&seed) % 5));
		if (rand_r(&seed) % 100 == 0)
			tick(world, (uint64_t)(rand_r(&seed) % 90));
		na_buffer_clear(&world->lines);
	}
	assert_true(na_sockets_counts(world->sockets).flows <= 20 + 5);
	assert_true(na_sockets_counts(world->sockets).flows_other > 0);
	assert_int_equal(na_sockets_flush(world->sockets, world->now_ns), 0);
	assert_int_equal(world->flow_sent_bytes, sent);
	assert_int_equal(world->flow_received_bytes, received);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_message_says_who_opened_it),
		cmocka_unit_test(messages_of_calls_add_up),
		cmocka_unit_test(each_process_has_a_flow_of_its_own),
		cmocka_unit_test(an_interval_tells_what_came_since_the_last),
		cmocka_unit_test(what_is_not_told_is_flushed_at_the_end),
		cmocka_unit_test(a_connected_sockets_flow_is_its_connection),
		cmocka_unit_test(sums_are_right_whatever_the_table_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
