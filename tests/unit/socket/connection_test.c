/* SPDX-License-Identifier: Apache-2.0 */
/* The life of connections, as the table tells it. */
#include <limits.h>
#include <stdio.h>

#include "support.h"

static void connect_up(struct world *world)
{
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	state(world, 1, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
}

#define UP                                                                                         \
	"socket_created by=client tid=101 uid=100\n"                                               \
	"connect_attempted by=client tid=101 uid=100 to=10.0.0.2:80 link=1 dir=egress\n"           \
	"established by=client tid=101 uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "          \
	"dir=egress\n"

static void a_client_is_told_from_created_to_closed(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	connect_up(world);
	released(world, CLIENT, 1);
	ended(world, 1, TCP_FIN_WAIT2, 0);
	ended(world, 1, TCP_FIN_WAIT2, 0); /* twice is once */
	expect(world, UP "closed by=client uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
			 "dir=egress out=11 in=22 reason=orderly closed_by=local\n");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	world_free(world);
}

static void an_accepted_connection_belongs_to_the_acceptor(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	accepted(world, SERVER, 2, 0);
	released(world, OTHER, 2); /* passed on, and closed there */
	exited(world, SERVER);
	ended(world, 2, TCP_LAST_ACK, 0);
	expect(world,
	       "accepted by=server tid=201 uid=200 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
	       "dir=ingress\n"
	       "closed by=server uid=200 closer=other from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
	       "dir=ingress out=22 in=11 reason=orderly closed_by=remote\n");
	world_free(world);
}

static void the_creator_is_named_where_another_connects(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, OTHER, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	expect(world,
	       "socket_created by=other tid=301 uid=300\n"
	       "connect_attempted by=client tid=101 uid=100 creator=other to=10.0.0.2:80 link=1 "
	       "dir=egress\n");
	world_free(world);
}

struct ending_case {
	int before, error;
	const char *said;
};

static void every_ending_has_its_reason(void **unused)
{
	static const struct ending_case cases[] = {
		{TCP_FIN_WAIT1, 0, "orderly closed_by=local"},
		{TCP_FIN_WAIT2, 0, "orderly closed_by=local"},
		{TCP_CLOSING, 0, "orderly closed_by=local"},
		{TCP_LAST_ACK, 0, "orderly closed_by=remote"},
		{TCP_ESTABLISHED, 0, "aborted closed_by=local"},
		{TCP_CLOSE_WAIT, 0, "aborted closed_by=remote"},
		{TCP_ESTABLISHED, -ECONNRESET, "reset closed_by=remote"},
		{TCP_CLOSE_WAIT, -EPIPE, "reset closed_by=remote"},
		{TCP_ESTABLISHED, -ETIMEDOUT, "timeout"},
		{TCP_ESTABLISHED, -EHOSTUNREACH, "timeout"},
		{TCP_ESTABLISHED, INT_MIN, "timeout"}, /* a recording may hold anything */
		{TCP_ESTABLISHED, -ECONNABORTED, "aborted closed_by=local"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *world = world_new();
		char line[256];

		connect_up(world);
		na_buffer_clear(&world->lines);
		ended(world, 1, cases[i].before, cases[i].error);
		snprintf(line, sizeof(line),
			 "closed by=client uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
			 "dir=egress "
			 "out=11 in=22 reason=%s\n",
			 cases[i].said);
		expect(world, line);
		world_free(world);
	}
}

static void a_refusal_is_told_once(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 81, 0);
	na_buffer_clear(&world->lines);
	state(world, 1, TCP_SYN_SENT, TCP_CLOSE, -ECONNREFUSED);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -ECONNREFUSED, 0, 0);
	expect(world, "connect_failed by=client tid=101 uid=100 from=10.0.0.1:4000 to=10.0.0.2:81 "
		      "link=1 dir=egress error=ECONNREFUSED\n");
	/* Again on the same socket: a connection of its own. */
	connect_asked(world, CLIENT, 1, 80, 0);
	state(world, 1, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	expect(world,
	       "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:80 link=2 dir=egress\n"
	       "established by=client tid=101 uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=2 "
	       "dir=egress\n");
	released(world, CLIENT, 1);
	ended(world, 1, TCP_FIN_WAIT2, 0);
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	world_free(world);
}

/* No state changes when there is no route: only the call's result tells. */
static void a_missing_route_is_told_by_the_result(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	na_buffer_clear(&world->lines);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -ENETUNREACH, 0, 0);
	released(world, CLIENT, 1);
	expect(world, "connect_failed by=client tid=101 uid=100 to=10.0.0.2:80 link=1 dir=egress "
		      "error=ENETUNREACH\n");
	world_free(world);
}

static void a_prohibiting_route_is_no_denial(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	na_buffer_clear(&world->lines);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EACCES, 0, 0);
	expect(world, "connect_failed by=client tid=101 uid=100 to=10.0.0.2:80 link=1 dir=egress "
		      "error=EACCES\n");
	world_free(world);
}

static void a_denial_ends_the_attempt(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	na_buffer_clear(&world->lines);
	connect_asked(world, CLIENT, 1, 80, -EPERM); /* by a cgroup program */
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EPERM, 0, 0);
	expect(world, "denied by=client tid=101 uid=100 to=10.0.0.2:80 error=EPERM op=connect "
		      "policy=cgroup\n");
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EACCES, 0,
	       0); /* by an LSM: never came here */
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EPERM, 0, BY_SECCOMP);
	expect(world, "denied by=client tid=101 uid=100 error=EACCES op=connect policy=lsm\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=connect policy=seccomp\n");
	world_free(world);
}

/* Of kernels that do not tell whether another cgroup program refused. */
static void connect_unsure(struct world *world, uint64_t cookie, uint16_t port)
{
	struct na_record_connect record = {
		.header = header(world, sizeof(record), NA_RECORD_CONNECT, NA_PROGRAM_CONNECT4,
				 CLIENT, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.port = port,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.flags = NA_FLAG_UNSURE,
	};

	address_fill(record.address, 2);
	take(world, &record);
}

static void an_attempt_that_may_be_refused_is_told_with_what_follows(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	na_buffer_clear(&world->lines);
	connect_unsure(world, 1, 80);
	expect(world, "");
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EPERM, 0, 0);
	expect(world, "denied by=client tid=101 uid=100 to=10.0.0.2:80 error=EPERM op=connect "
		      "policy=cgroup\n");
	connect_unsure(world, 1, 81);
	state(world, 1, TCP_CLOSE, TCP_SYN_SENT, 0);
	expect(world, "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:81 link=1 "
		      "dir=egress\n");
	state(world, 1, TCP_SYN_SENT, TCP_CLOSE, -ECONNREFUSED);
	na_buffer_clear(&world->lines);
	connect_unsure(world, 1, 82);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -ENETUNREACH, 0, 0);
	expect(world, "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:82 link=2 "
		      "dir=egress\n"
		      "connect_failed by=client tid=101 uid=100 to=10.0.0.2:82 link=2 dir=egress "
		      "error=ENETUNREACH\n");
	connect_unsure(world, 1, 83);
	released(world, CLIENT, 1); /* its result was lost */
	expect(world, "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:83 link=3 "
		      "dir=egress\n");
	world_free(world);
}

static void a_deferred_fast_open_is_one_attempt(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	connect_asked(world, CLIENT, 1, 80, 0); /* goes on with the first write */
	expect(world,
	       "socket_created by=client tid=101 uid=100\n"
	       "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:80 link=1 dir=egress\n");
	world_free(world);
}

/* A Fast Open child is accepted in SYN_RECV, before it has a cookie. */
static void a_child_without_cookie_is_found_by_inode(void **unused)
{
	struct world *world = world_new();
	struct na_record_accepted record = {
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER, 0),
		.inode = 1005,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	(void)unused;
	take(world, &record);
	na_buffer_clear(&world->lines);
	state(world, 5, TCP_SYN_RECV, TCP_ESTABLISHED, 0); /* inode 1005: now it has one */
	ended(world, 5, TCP_LAST_ACK, 0);
	expect(world, "closed by=server uid=200 link=1 dir=ingress out=22 in=11 reason=orderly "
		      "closed_by=remote\n");
	world_free(world);
}

/* Two ends that connect at once go through SYN_RECV; so does a socket that connects to itself. */
static void a_self_connect_is_established(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	na_buffer_clear(&world->lines);
	state(world, 1, TCP_SYN_RECV, TCP_ESTABLISHED, 0);
	expect(world,
	       "established by=client tid=101 uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
	       "dir=egress\n");
	world_free(world);
}

/* A bound socket is closed while it still tries to connect. */
static void a_bound_socket_is_closed_after_its_attempt(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	bound(world, CLIENT, 1, 4000);
	connect_asked(world, CLIENT, 1, 80, 0);
	na_buffer_clear(&world->lines);
	released(world, CLIENT, 1);
	state(world, 1, TCP_SYN_SENT, TCP_CLOSE, 0);
	expect(world, "connect_failed by=client tid=101 uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 "
		      "link=1 dir=egress reason=aborted\n"
		      "closed by=client uid=100 to=10.0.0.1:4000 reason=orderly closed_by=local\n");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	world_free(world);
}

static int sink_id(struct na_sink *sink, const struct na_event *event)
{
	struct world *world = (struct world *)sink;

	na_buffer_printf(&world->lines, "%.*s\n", (int)event->f_NA_CONNECTION_ID.length,
			 event->f_NA_CONNECTION_ID.data);
	return 0;
}

static void an_id_stays_when_the_cookie_comes(void **unused)
{
	struct world *world = world_new();
	struct na_record_accepted record = {
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER, 0),
		.inode = 1005,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	(void)unused;
	world->sink.put = sink_id;
	take(world, &record);
	state(world, 5, TCP_SYN_RECV, TCP_ESTABLISHED, 0);
	ended(world, 5, TCP_LAST_ACK, 0);
	expect(world, "0000000000000001-i3ed-1\n0000000000000001-i3ed-1\n");
	world_free(world);
}

static void a_child_that_nobody_accepted_has_no_event(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	ended(world, 77, TCP_ESTABLISHED, -ECONNRESET);
	expect(world, "");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	world_free(world);
}

static struct na_record_accepted accept_mptcp(struct world *world, uint64_t inode, uint16_t port)
{
	struct na_record_accepted record = {
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER, 0),
		.cookie = 9, /* the listener's */
		.inode = inode,
		.listener = 9,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = 262,
		.local_port = 80,
		.remote_port = port,
	};

	address_fill(record.local, 2);
	address_fill(record.remote, 1);
	take(world, &record);
	return record;
}

static void end_mptcp(struct world *world, uint16_t port, uint16_t flags)
{
	struct na_record_ended record = {
		.header =
			header(world, sizeof(record), NA_RECORD_ENDED, NA_PROGRAM_SET_STATE, 0, 0),
		.cookie = 9,
		.family = AF_INET,
		.protocol = 262,
		.flags = flags,
		.before = TCP_LAST_ACK,
		.remote_port = port,
	};

	address_fill(record.remote, 1);
	take(world, &record);
}

/* All children of an MPTCP listener carry its cookie, and at the end nothing but that. */
static void mptcp_children_are_told_apart(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created_as(world, SERVER, 9, AF_INET, SOCK_STREAM, 262);
	accept_mptcp(world, 2001, 5001);
	accept_mptcp(world, 2002, 5002);
	na_buffer_clear(&world->lines);
	end_mptcp(world, 5002, 0);
	end_mptcp(world, 5001, NA_FLAG_NO_TOTALS); /* not counted: not told */
	expect(world,
	       "closed by=server uid=200 from=10.0.0.1:5002 to=10.0.0.2:80 link=1 dir=ingress "
	       "out=0 in=0 reason=orderly closed_by=remote\n"
	       "closed by=server uid=200 from=10.0.0.1:5001 to=10.0.0.2:80 link=1 dir=ingress "
	       "reason=orderly closed_by=remote\n");
	world_free(world);
}

/* Softirq has no process, and a connection that nobody is known to have asked for says so. */
static void a_stranger_is_unattributed(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	state(world, 42, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	expect(world,
	       "established from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=egress unattributed\n");
	assert_int_equal(na_sockets_counts(world->sockets).unattributed, 1);
	world_free(world);
}

static int sink_reason(struct na_sink *sink, const struct na_event *event)
{
	struct world *world = (struct world *)sink;

	assert_false(na_event_has(event, NA_FIELD_PROCESS_PID));
	na_buffer_printf(&world->lines, "%.*s\n", (int)event->f_NA_UNATTRIBUTED.length,
			 event->f_NA_UNATTRIBUTED.data);
	return 0;
}

/* NFS and its like: whoever happened to need the connection did not make it. */
static void a_socket_of_the_kernel_says_so(void **unused)
{
	struct world *world = world_new();
	struct na_record_connect record = {
		.header = header(world, sizeof(record), NA_RECORD_CONNECT, NA_PROGRAM_CONNECT4,
				 OTHER, 0),
		.cookie = 1,
		.port = 80,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.flags = NA_FLAG_KERNEL,
	};

	(void)unused;
	world->sink.put = sink_reason;
	take(world, &record);
	expect(world, "made by the kernel\n");
	world_free(world);
}

static void the_user_is_that_of_the_moment(void **unused)
{
	struct world *world = world_new();
	struct na_record_connect record = {
		.header = header(world, sizeof(record), NA_RECORD_CONNECT, NA_PROGRAM_CONNECT4,
				 CLIENT, 0),
		.cookie = 1,
		.port = 80,
		.family = AF_INET,
		.type = SOCK_STREAM,
	};

	(void)unused;
	created(world, CLIENT, 1);
	na_buffer_clear(&world->lines);
	record.header.credentials = (struct na_credentials){33, 33, 33, 33};
	address_fill(record.address, 2);
	take(world, &record);
	state(world, 1, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	expect(world,
	       "connect_attempted by=client tid=101 uid=33 to=10.0.0.2:80 link=1 dir=egress\n"
	       "established by=client tid=101 uid=33 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
	       "dir=egress\n");
	world_free(world);
}

static void a_full_table_still_tells_what_it_sees(void **unused)
{
	struct world *world = world_new_with(&(struct world_options){.max_sockets = 1});

	(void)unused;
	created(world, CLIENT, 1);
	created(world, OTHER, 2);
	connect_asked(world, OTHER, 2, 80, 0);
	expect(world,
	       "socket_created by=client tid=101 uid=100\n"
	       "socket_created by=other tid=301 uid=300\n"
	       "connect_attempted by=other tid=301 uid=300 to=10.0.0.2:80 link=1 dir=egress\n");
	assert_int_equal(na_sockets_counts(world->sockets).sockets_dropped, 2);
	world_free(world);
}

/* Another socket has the inode: the end of the one before was lost. */
static void a_stale_socket_is_told_as_unseen(void **unused)
{
	struct world *world = world_new();
	struct na_record_created record = {
		.header = header(world, sizeof(record), NA_RECORD_CREATED, NA_PROGRAM_SOCK_CREATE,
				 OTHER, 0),
		.cookie = 50,
		.inode = 1001,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	(void)unused;
	connect_up(world);
	na_buffer_clear(&world->lines);
	record.header.time_ns = world->now_ns;
	take(world, &record);
	expect(world,
	       "closed by=client uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=egress "
	       "unseen\n"
	       "socket_created by=other tid=301 uid=300\n");
	assert_int_equal(na_sockets_counts(world->sockets).ends_unseen, 1);
	world_free(world);
}

static void a_sweep_tells_what_is_gone(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	connect_up(world);
	na_buffer_clear(&world->lines);
	assert_int_equal(na_sockets_sweep(world->sockets, world->now_ns, world->now_ns + 1), 0);
	expect(world,
	       "closed by=client uid=100 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=egress "
	       "unseen\n");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	world_free(world);
}

static void the_sinks_error_comes_back(void **unused)
{
	struct world *world = world_new();
	struct na_record_lost lost = {
		.header = header(world, sizeof(lost), NA_RECORD_LOST, NA_PROGRAM_CONNECT4, 0, 0),
		.count = 5,
		.reason = NA_LOSS_RING_FULL,
	};

	(void)unused;
	world->sink_error = -EIO;
	assert_int_equal(take(world, &lost), -EIO);
	world->sink_error = 0;
	assert_int_equal(take(world, &lost), 0);
	expect(world, "events_lost lost=5 why=ring_full\n");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_told_from_created_to_closed),
		cmocka_unit_test(an_accepted_connection_belongs_to_the_acceptor),
		cmocka_unit_test(the_creator_is_named_where_another_connects),
		cmocka_unit_test(every_ending_has_its_reason),
		cmocka_unit_test(a_refusal_is_told_once),
		cmocka_unit_test(a_missing_route_is_told_by_the_result),
		cmocka_unit_test(a_prohibiting_route_is_no_denial),
		cmocka_unit_test(a_denial_ends_the_attempt),
		cmocka_unit_test(an_attempt_that_may_be_refused_is_told_with_what_follows),
		cmocka_unit_test(a_deferred_fast_open_is_one_attempt),
		cmocka_unit_test(a_child_without_cookie_is_found_by_inode),
		cmocka_unit_test(a_self_connect_is_established),
		cmocka_unit_test(a_bound_socket_is_closed_after_its_attempt),
		cmocka_unit_test(an_id_stays_when_the_cookie_comes),
		cmocka_unit_test(a_child_that_nobody_accepted_has_no_event),
		cmocka_unit_test(mptcp_children_are_told_apart),
		cmocka_unit_test(a_stranger_is_unattributed),
		cmocka_unit_test(a_socket_of_the_kernel_says_so),
		cmocka_unit_test(the_user_is_that_of_the_moment),
		cmocka_unit_test(a_full_table_still_tells_what_it_sees),
		cmocka_unit_test(a_stale_socket_is_told_as_unseen),
		cmocka_unit_test(a_sweep_tells_what_is_gone),
		cmocka_unit_test(the_sinks_error_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
