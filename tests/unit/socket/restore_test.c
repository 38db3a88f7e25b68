/* SPDX-License-Identifier: Apache-2.0 */
/* Each thing that the next agent must know of a socket, and what it finds otherwise. */
#include <stdlib.h>

#include "support.h"

#define IPPROTO_MPTCP_NUMBER 262
#define HOUR (3600 * SECONDS)
#define CLIENTS "by=client uid=100 "
#define TUPLE "from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=egress "

struct agents {
	struct world *world;
	struct history history;
};

static struct agents *begin_with(const struct world_options *options)
{
	struct agents *agents = test_calloc(1, sizeof(*agents));

	agents->world = world_new_with(options);
	history_keep(agents->world, &agents->history);
	return agents;
}

static struct agents *begin(void)
{
	return begin_with(&(struct world_options){0});
}

static void end(struct agents *agents)
{
	history_free(&agents->history);
	world_free(agents->world);
	test_free(agents);
}

/* The next one starts; lines so far are forgotten. */
static void restart(struct agents *agents, bool gap)
{
	world_restart(agents->world, gap, true);
	na_buffer_clear(&agents->world->lines);
	agents->world->now_ns += NA_NS_PER_MS;
}

static struct na_record_found found_record(struct world *world, uint32_t pid, uint64_t cookie,
					   int tcp_state)
{
	struct na_record_found record = found_socket(world, pid, cookie, tcp_state);

	if (tcp_state != TCP_LISTEN && tcp_state != TCP_CLOSE) {
		address_fill(record.local, 1);
		address_fill(record.remote, 2);
		record.local_port = 4000;
		record.remote_port = 80;
	} else if (tcp_state == TCP_LISTEN) {
		address_fill(record.local, 2);
		record.local_port = 80;
	}
	return record;
}

static void found(struct world *world, uint32_t pid, uint64_t cookie, int tcp_state)
{
	struct na_record_found record = found_record(world, pid, cookie, tcp_state);

	assert_int_equal(take(world, &record), 0);
}

/* Of a snapshot that began before the last FOUND records. */
static void found_all(struct world *world)
{
	assert_int_equal(na_sockets_found_all(world->sockets), 0);
	assert_int_equal(
		na_sockets_sweep(world->sockets, world->now_ns - NA_NS_PER_MS / 2, world->now_ns),
		0);
}

static void connected(struct world *world, uint64_t cookie)
{
	created(world, CLIENT, cookie);
	connect_asked(world, CLIENT, cookie, 80, 0);
	state(world, cookie, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
}

static size_t sockets_of(const struct world *world)
{
	return na_sockets_counts(world->sockets).sockets;
}

/* ---- nobody was missing ---- */

static void an_owner_that_has_ended_is_known(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	connected(world, 1);
	world_restart(world, false, false);
	na_processes_expire(world->processes, UINT64_MAX); /* as the scan did not find it */
	na_buffer_clear(&world->lines);
	ended(world, 1, TCP_LAST_ACK, 0);
	expect(world, "closed " CLIENTS TUPLE "out=11 in=22 reason=orderly closed_by=remote\n");
	end(agents);
}

static void a_connection_that_nobody_holds_ends_by_its_record(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	connected(world, 1);
	released(world, CLIENT, 1);
	restart(agents, false);
	found_all(world);
	expect(world, "");
	ended(world, 1, TCP_FIN_WAIT2, 0);
	expect(world, "closed " CLIENTS TUPLE "out=11 in=22 reason=orderly closed_by=local\n");
	assert_int_equal(sockets_of(world), 0);
	end(agents);
}

/* A socket without an address goes without an event. */
static void what_is_gone_is_forgotten(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	created(world, CLIENT, 1);
	created_as(world, CLIENT, 2, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	connected(world, 3);
	ended(world, 3, TCP_ESTABLISHED, -ECONNRESET);
	restart(agents, false);
	assert_int_equal(sockets_of(world), 3);
	found_all(world);
	expect(world, "");
	assert_int_equal(sockets_of(world), 0);
	assert_int_equal(na_sockets_counts(world->sockets).ends_unseen, 0);
	end(agents);
}

static void what_was_there_before_both_is_told_once(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	found(world, SERVER, 2, TCP_LISTEN);
	found_all(world);
	restart(agents, false);
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	found(world, SERVER, 2, TCP_LISTEN);
	found_all(world);
	expect(world, "");
	ended(world, 1, TCP_LAST_ACK, 0);
	released(world, SERVER, 2);
	expect(world, "closed " CLIENTS TUPLE "out=11 in=22 reason=orderly closed_by=remote\n"
		      "closed by=server uid=200 to=10.0.0.2:80 reason=orderly closed_by=local\n");
	/* When it began nobody saw. */
	assert_false(na_event_has(&agents->history.events[agents->history.event_count - 2],
				  NA_FIELD_EVENT_START));
	end(agents);
}

/* A newcomer's side is known by the listener, also where that is told already. */
static void a_known_listener_tells_the_direction(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;
	struct na_record_found record;

	(void)unused;
	found(world, SERVER, 2, TCP_LISTEN);
	found_all(world);
	restart(agents, true);
	found(world, SERVER, 2, TCP_LISTEN);
	record = found_record(world, SERVER, 5, TCP_ESTABLISHED);
	record.local_port = 80;
	record.remote_port = 4000;
	take(world, &record);
	found_all(world);
	expect(world, "existing by=server uid=200 from=10.0.0.2:4000 to=10.0.0.1:80 link=1 "
		      "dir=ingress state=established\n");
	end(agents);
}

static void intervals_go_on(void **unused)
{
	struct agents *agents = begin_with(&(struct world_options){.connection_interval_ns = HOUR});
	struct world *world = agents->world;
	uint64_t began_ns;

	(void)unused;
	connected(world, 1);
	began_ns = world->now_ns;
	world->now_ns = began_ns + HOUR + HOUR / 2;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	restart(agents, false);
	world->now_ns = began_ns + 2 * HOUR - SECONDS;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	expect(world, "");
	world->now_ns = began_ns + 2 * HOUR;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	expect(world, "connection " CLIENTS TUPLE "out=0 in=0 state=established type=info age=7200 "
		      "packets_out=0 packets_in=0 rtt=0 again=0\n");
	end(agents);
}

/* The beginning is not in the journal any more: intervals tell it. */
static void an_interval_is_enough(void **unused)
{
	struct agents *agents = begin_with(&(struct world_options){.connection_interval_ns = HOUR});
	struct world *world = agents->world;
	uint64_t began_ns;

	(void)unused;
	began_ns = world->now_ns + NA_NS_PER_US;
	connected(world, 1);
	world->now_ns += HOUR;
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	for (size_t i = 0; i + 1 < agents->history.event_count; i++)
		agents->history.events[i].type = NA_EVENT_HEARTBEAT;
	restart(agents, false);
	ended(world, 1, TCP_LAST_ACK, 0);
	expect(world, "closed " CLIENTS TUPLE "out=11 in=22 reason=orderly closed_by=remote\n");
	assert_int_equal(agents->history.events[agents->history.event_count - 1].f_EVENT_START,
			 began_ns);
	end(agents);
}

static void a_call_under_way_is_told_once(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, -EPERM);
	restart(agents, false);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EPERM, 0, 0);
	connect_asked(world, CLIENT, 1, 80, 0);
	state(world, 1, TCP_SYN_SENT, TCP_CLOSE, -ECONNREFUSED);
	expect(world, "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:80 link=1 "
		      "dir=egress\n"
		      "connect_failed by=client tid=101 uid=100 " TUPLE "error=ECONNREFUSED\n");
	restart(agents, false);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -ECONNREFUSED, 0, 0);
	expect(world, "");
	end(agents);
}

/* ---- other families ---- */

static void unix_name(struct world *world, uint32_t pid, uint64_t cookie, const char *path,
		      size_t length, enum na_operation operation)
{
	struct na_record_unix record = {
		.header =
			header(world, sizeof(record), NA_RECORD_UNIX, NA_PROGRAM_SYS_EXIT, pid, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.operation = operation,
		.type = SOCK_STREAM,
		.length = (uint16_t)length,
	};

	memcpy(record.path, path, length);
	take(world, &record);
}

static void unix_result(struct world *world, uint32_t pid, uint64_t cookie,
			enum na_operation operation)
{
	struct na_record_result record = {
		.header = header(world, sizeof(record), NA_RECORD_RESULT, NA_PROGRAM_SYS_EXIT, pid,
				 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.family = AF_UNIX,
		.type = SOCK_STREAM,
		.operation = operation,
		.value = 5,
	};

	take(world, &record);
}

static void unix_released(struct world *world, uint32_t pid, uint64_t cookie)
{
	struct na_record_released record = {
		.header = header(world, sizeof(record), NA_RECORD_RELEASED, NA_PROGRAM_FILE_FREE,
				 pid, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.family = AF_UNIX,
		.type = SOCK_STREAM,
	};

	take(world, &record);
}

static void names_of_unix_sockets(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	created_as(world, SERVER, 1, AF_UNIX, SOCK_STREAM, 0);
	unix_name(world, SERVER, 1, "\0hidden", 7, NA_OPERATION_BIND);
	unix_result(world, SERVER, 1, NA_OPERATION_BIND);
	unix_result(world, SERVER, 1, NA_OPERATION_LISTEN);
	created_as(world, CLIENT, 2, AF_UNIX, SOCK_STREAM, 0);
	unix_name(world, CLIENT, 2, "\0hidden", 7, NA_OPERATION_CONNECT);
	unix_result(world, CLIENT, 2, NA_OPERATION_CONNECT);
	restart(agents, false);
	unix_released(world, CLIENT, 2);
	unix_released(world, SERVER, 1);
	expect(world, "closed by=client uid=100 to=@hidden link=1 dir=egress out=0 in=0 "
		      "reason=orderly\n"
		      "closed by=server uid=200 to=@hidden reason=orderly closed_by=local\n");
	end(agents);
}

static void mptcp(struct world *world, uint64_t inode, uint16_t port)
{
	struct na_record_accepted record = {
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER, 0),
		.cookie = 9, /* the listener's */
		.inode = inode,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_MPTCP_NUMBER,
		.local_port = 80,
		.remote_port = port,
	};

	address_fill(record.local, 2);
	address_fill(record.remote, 1);
	take(world, &record);
}

static void mptcp_ended(struct world *world, uint16_t port)
{
	struct na_record_ended record = {
		.header =
			header(world, sizeof(record), NA_RECORD_ENDED, NA_PROGRAM_SET_STATE, 0, 0),
		.cookie = 9,
		.family = AF_INET,
		.protocol = IPPROTO_MPTCP_NUMBER,
		.flags = NA_FLAG_NO_TOTALS,
		.before = TCP_LAST_ACK,
		.remote_port = port,
	};

	address_fill(record.remote, 1);
	take(world, &record);
}

static void children_with_the_cookie_of_their_listener(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	created_as(world, SERVER, 9, AF_INET, SOCK_STREAM, IPPROTO_MPTCP_NUMBER);
	mptcp(world, 2001, 5001);
	mptcp(world, 2002, 5002);
	restart(agents, false);
	mptcp_ended(world, 5002);
	mptcp_ended(world, 5001);
	expect(world,
	       "closed by=server uid=200 from=10.0.0.1:5002 to=10.0.0.2:80 link=1 dir=ingress "
	       "reason=orderly closed_by=remote\n"
	       "closed by=server uid=200 from=10.0.0.1:5001 to=10.0.0.2:80 link=1 dir=ingress "
	       "reason=orderly closed_by=remote\n");
	end(agents);
}

/* A child of Fast Open is accepted before it has a cookie, and keeps its id when it gets one. */
static void a_socket_that_gets_its_cookie_later(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;
	struct na_record_accepted record;
	struct na_text id;

	(void)unused;
	record = (struct na_record_accepted){
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER, 0),
		.inode = 1001,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.local_port = 80,
		.remote_port = 4000,
	};
	take(world, &record);
	restart(agents, false);
	result(world, SERVER, 1, NA_OPERATION_SHUTDOWN, 0, SHUT_WR, 0); /* cookie 1, inode 1001 */
	ended(world, 1, TCP_LAST_ACK, 0);
	id = agents->history.events[agents->history.event_count - 1].f_NA_CONNECTION_ID;
	assert_int_equal(agents->history.event_count, 3);
	assert_int_equal(id.length, 16 + 1 + 4 + 2);
	assert_memory_equal(id.data + 16, "-i3e9-1", 7);
	end(agents);
}

static void created_without_cookie(struct world *world, uint32_t pid)
{
	struct na_record_created record = {
		.header = header(world, sizeof(record), NA_RECORD_CREATED, NA_PROGRAM_CALL_FILE,
				 pid, 0),
		.inode = 1077,
		.family = AF_UNIX,
		.type = SOCK_STREAM,
	};

	take(world, &record);
}

static void an_inode_is_used_again(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	created_without_cookie(world, CLIENT);
	unix_result(world, CLIENT, 77, NA_OPERATION_CONNECT); /* it gets its cookie */
	unix_released(world, CLIENT, 77);
	created_without_cookie(world, SERVER);
	restart(agents, false);
	assert_int_equal(sockets_of(world), 1);
	unix_result(world, OTHER, 77, NA_OPERATION_LISTEN);
	expect(world, "listening by=other tid=301 uid=300 creator=server backlog=5\n");
	end(agents);
}

/* ---- a gap ---- */

static void it_ended_in_the_gap(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	connected(world, 1); /* its process let go of it */
	connected(world, 2); /* its process holds what is no connection any more */
	restart(agents, true);
	found(world, CLIENT, 2, TCP_CLOSE);
	expect(world, "closed " CLIENTS TUPLE "unseen\n");
	found_all(world);
	expect(world, "closed " CLIENTS TUPLE "unseen\n");
	assert_int_equal(sockets_of(world), 1);
	connect_asked(world, CLIENT, 2, 80, 0);
	expect(world, "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:80 link=2 "
		      "dir=egress\n");
	end(agents);
}

static void another_connection_in_the_gap(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;
	struct na_record_found record;

	(void)unused;
	connected(world, 1);
	restart(agents, true);
	record = found_record(world, CLIENT, 1, TCP_ESTABLISHED);
	record.local_port = 4001;
	record.remote_port = 443;
	take(world, &record);
	found_all(world);
	expect(world, "closed " CLIENTS TUPLE "unseen\n"
		      "existing " CLIENTS "from=10.0.0.1:4001 to=10.0.0.2:443 link=2 dir=egress "
		      "state=established\n");
	end(agents);
}

static void answered_in_the_gap(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	created(world, SERVER, 2);
	bound(world, SERVER, 2, 80);
	created(world, CLIENT, 3);
	restart(agents, true);
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	found(world, SERVER, 2, TCP_LISTEN);
	found(world, CLIENT, 3, TCP_CLOSE);
	found_all(world);
	expect(world, "existing by=server uid=200 to=10.0.0.2:80 state=listen\n"
		      "existing " CLIENTS TUPLE "state=established\n");
	end(agents);
}

/* Sockets of a pair are connected when they are made, and no event tells that. */
static void a_pair_is_no_change(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;
	struct na_record_found record;

	(void)unused;
	created_as(world, SERVER, 1, AF_UNIX, SOCK_STREAM, 0);
	restart(agents, true);
	record = found_record(world, SERVER, 1, TCP_ESTABLISHED);
	record.family = AF_UNIX;
	record.protocol = 0;
	take(world, &record);
	found_all(world);
	expect(world, "");
	end(agents);
}

/* No descriptor leads to it, also while it is open. */
static void what_the_kernel_has_is_not_looked_for(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;
	struct na_record_connect record = {
		.header = header(world, sizeof(record), NA_RECORD_CONNECT, NA_PROGRAM_CONNECT4,
				 OTHER, 0),
		.cookie = 1,
		.inode = 1001,
		.port = 80,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.flags = NA_FLAG_KERNEL,
	};

	(void)unused;
	address_fill(record.address, 2);
	take(world, &record);
	state(world, 1, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	restart(agents, true);
	found_all(world);
	ended(world, 1, TCP_LAST_ACK, 0);
	expect(world,
	       "closed " TUPLE "out=11 in=22 reason=orderly closed_by=remote unattributed\n");
	end(agents);
}

/* The same without a gap: the records of it are on their way. */
static void without_a_gap_records_tell(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	restart(agents, false);
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	state(world, 1, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	found_all(world);
	expect(world, "established by=client tid=101 uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 "
		      "link=1 dir=egress\n");
	end(agents);
}

/* ---- limits ---- */

static void what_is_open_survives_a_thousand_that_are_not(void **unused)
{
	struct agents *agents = begin_with(&(struct world_options){.max_sockets = 64});
	struct world *world = agents->world;

	(void)unused;
	connected(world, 1);
	for (uint64_t i = 10; i < 1000; i++) {
		connected(world, i);
		released(world, CLIENT, i);
		ended(world, i, TCP_FIN_WAIT2, 0);
	}
	restart(agents, false);
	assert_true(sockets_of(world) < 32);
	assert_int_equal(na_sockets_counts(world->sockets).sockets_dropped, 0);
	found(world, CLIENT, 1, TCP_ESTABLISHED);
	found_all(world);
	expect(world, "");
	assert_int_equal(sockets_of(world), 1);
	end(agents);
}

static void more_is_open_than_has_room(void **unused)
{
	struct agents *agents = begin_with(&(struct world_options){.max_sockets = 64});
	struct world *world = agents->world;

	(void)unused;
	for (uint64_t i = 1; i <= 64; i++)
		connected(world, i);
	world->options.max_sockets = 8;
	restart(agents, false);
	assert_int_equal(sockets_of(world), 8);
	end(agents);
}

static void of_another_boot(void **unused)
{
	struct agents *agents = begin();
	struct world *world = agents->world;

	(void)unused;
	connected(world, 1);
	for (size_t i = 0; i < agents->history.event_count; i++)
		((char *)agents->history.events[i].f_PROCESS_ENTITY_ID.data)[0] = 'f';
	restart(agents, false);
	ended(world, 1, TCP_LAST_ACK, 0);
	expect(world,
	       "closed " TUPLE "out=11 in=22 reason=orderly closed_by=remote unattributed\n");
	end(agents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_that_has_ended_is_known),
		cmocka_unit_test(a_connection_that_nobody_holds_ends_by_its_record),
		cmocka_unit_test(what_is_gone_is_forgotten),
		cmocka_unit_test(what_was_there_before_both_is_told_once),
		cmocka_unit_test(a_known_listener_tells_the_direction),
		cmocka_unit_test(intervals_go_on),
		cmocka_unit_test(an_interval_is_enough),
		cmocka_unit_test(a_call_under_way_is_told_once),
		cmocka_unit_test(names_of_unix_sockets),
		cmocka_unit_test(children_with_the_cookie_of_their_listener),
		cmocka_unit_test(a_socket_that_gets_its_cookie_later),
		cmocka_unit_test(an_inode_is_used_again),
		cmocka_unit_test(it_ended_in_the_gap),
		cmocka_unit_test(another_connection_in_the_gap),
		cmocka_unit_test(answered_in_the_gap),
		cmocka_unit_test(a_pair_is_no_change),
		cmocka_unit_test(what_the_kernel_has_is_not_looked_for),
		cmocka_unit_test(without_a_gap_records_tell),
		cmocka_unit_test(what_is_open_survives_a_thousand_that_are_not),
		cmocka_unit_test(more_is_open_than_has_room),
		cmocka_unit_test(of_another_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
