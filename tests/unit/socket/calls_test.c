/* SPDX-License-Identifier: Apache-2.0 */
/* bind, listen, shutdown, close, refusals, and sockets of other families. */
#include "support.h"

static void a_server_is_told_from_bound_to_closed(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, SERVER, 1);
	bind_asked(world, SERVER, 1, 80, 0);
	bound(world, SERVER, 1, 80);
	result(world, SERVER, 1, NA_OPERATION_BIND, 0, 0, 0);
	state(world, 1, TCP_CLOSE, TCP_LISTEN, 0);
	result(world, SERVER, 1, NA_OPERATION_LISTEN, 0, 128, 0);
	released(world, OTHER, 1);
	expect(world, "socket_created by=server tid=201 uid=200\n"
		      "bound by=server tid=201 uid=200 to=10.0.0.2:80\n"
		      "listening by=server tid=201 uid=200 to=10.0.0.2:80 backlog=128\n"
		      "closed by=server uid=200 closer=other to=10.0.0.2:80 reason=orderly "
		      "closed_by=local\n");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	world_free(world);
}

/* The kernel makes the state before it looks for conflicts. */
static void a_listen_that_fails_is_not_told_as_listening(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, SERVER, 1);
	na_buffer_clear(&world->lines);
	state(world, 1, TCP_CLOSE, TCP_LISTEN, 0);
	result(world, SERVER, 1, NA_OPERATION_LISTEN, -EADDRINUSE, 1, 0);
	expect(world, "listening by=server tid=201 uid=200 to=10.0.0.2:80 error=EADDRINUSE\n");
	world_free(world);
}

static void without_results_the_state_tells(void **unused)
{
	struct world *world = world_new_with(&(struct world_options){.no_call_results = true});

	(void)unused;
	created(world, SERVER, 1);
	na_buffer_clear(&world->lines);
	state(world, 1, TCP_CLOSE, TCP_LISTEN, 0);
	expect(world, "listening by=server tid=201 uid=200 to=10.0.0.2:80\n");
	world_free(world);
}

static void a_failed_bind_tells_what_was_asked_for(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, SERVER, 1);
	na_buffer_clear(&world->lines);
	bind_asked(world, SERVER, 1, 8080, 0);
	result(world, SERVER, 1, NA_OPERATION_BIND, -EADDRINUSE, 0, 0);
	expect(world, "bound by=server tid=201 uid=200 to=10.0.0.2:8080 error=EADDRINUSE\n");
	released(world, SERVER, 1);
	expect(world, ""); /* it never was bound */
	world_free(world);
}

static void who_refused_a_bind_follows_from_how_far_it_came(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, SERVER, 1);
	na_buffer_clear(&world->lines);
	bind_asked(world, SERVER, 1, 80, 0); /* seen, so it was no LSM: a privileged port */
	result(world, SERVER, 1, NA_OPERATION_BIND, -EACCES, 0, 0);
	bind_asked(world, SERVER, 1, 8080, -EPERM); /* refused by a cgroup program */
	result(world, SERVER, 1, NA_OPERATION_BIND, -EPERM, 0, 0);
	bind_asked(world, SERVER, 1, 8081, 0); /* refused by one behind the bind */
	result(world, SERVER, 1, NA_OPERATION_BIND, -EPERM, 0, 0);
	result(world, SERVER, 1, NA_OPERATION_BIND, -EACCES, 0, 0); /* never seen */
	result(world, SERVER, 1, NA_OPERATION_BIND, -EPERM, 0, BY_SECCOMP);
	result(world, SERVER, 1, NA_OPERATION_BIND, -EPERM, 0, NA_FLAG_SECCOMP); /* or an LSM */
	result(world, SERVER, 1, NA_OPERATION_BIND, -EPERM, 0, NA_FLAG_NO_LSM);
	expect(world, "denied by=server tid=201 uid=200 to=10.0.0.2:80 error=EACCES op=bind "
		      "policy=capability\n"
		      "denied by=server tid=201 uid=200 to=10.0.0.2:8080 error=EPERM op=bind "
		      "policy=cgroup\n"
		      "denied by=server tid=201 uid=200 to=10.0.0.2:8081 error=EPERM op=bind "
		      "policy=cgroup\n"
		      "denied by=server tid=201 uid=200 error=EACCES op=bind policy=lsm\n"
		      "denied by=server tid=201 uid=200 error=EPERM op=bind policy=seccomp\n"
		      "denied by=server tid=201 uid=200 error=EPERM op=bind policy=unknown\n"
		      "denied by=server tid=201 uid=200 error=EPERM op=bind policy=unknown\n");
	world_free(world);
}

static void a_socket_that_cannot_be_made_is_a_failure_or_a_denial(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_STREAM, -EPROTONOSUPPORT, 0);
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_RAW, -EPERM, 0);
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_STREAM, -EPERM, BY_SECCOMP);
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_STREAM, -EPERM, NA_FLAG_SECCOMP);
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_RAW, -EPERM, BY_SECCOMP);
	/* A cgroup program's refusal is seen by the program and at the call's end. */
	create_failed(world, CLIENT, NA_PROGRAM_SOCK_CREATE, SOCK_STREAM, -EPERM, 0);
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_STREAM, -EPERM, 0);
	/* So is an LSM's, on the tier lsm; elsewhere the errno says so of some. */
	create_failed(world, CLIENT, NA_PROGRAM_CALL_CREATE, SOCK_STREAM, -EPERM, 0);
	create_failed(world, CLIENT, NA_PROGRAM_CALL_SOCKET, SOCK_STREAM, -EPERM, 0);
	hook_asked(world, CLIENT, 0, NA_HOOK_SOCKET_CREATE, -EPERM);
	create_failed(world, CLIENT, NA_PROGRAM_CALL_CREATE, SOCK_STREAM, -EPERM, 0);
	create_failed(world, CLIENT, NA_PROGRAM_CALL_SOCKET, SOCK_STREAM, -EPERM, 0);
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_DGRAM, -EACCES, 0);
	create_failed(world, CLIENT, NA_PROGRAM_SYS_EXIT, SOCK_DGRAM, -EPERM, 0);
	/* Where no call's end is seen, each refusal is one. */
	create_failed(world, CLIENT, NA_PROGRAM_SOCK_CREATE, SOCK_STREAM, -EPERM, 0);
	create_failed(world, CLIENT, NA_PROGRAM_SOCK_CREATE, SOCK_STREAM, -EPERM, 0);
	expect(world, "socket_created by=client tid=101 uid=100 error=EPROTONOSUPPORT\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=capability\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=seccomp\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=unknown\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=unknown\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=cgroup\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=lsm\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=lsm "
		      "hook=socket_create\n"
		      "denied by=client tid=101 uid=100 error=EACCES op=socket policy=lsm\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=unknown\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=cgroup\n"
		      "denied by=client tid=101 uid=100 error=EPERM op=socket policy=cgroup\n");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, 0);
	world_free(world);
}

static void shutdown_is_told_with_its_direction(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	accepted(world, SERVER, 2, 0);
	na_buffer_clear(&world->lines);
	result(world, OTHER, 2, NA_OPERATION_SHUTDOWN, 0, SHUT_WR, 0);
	ended(world, 2, TCP_LAST_ACK, 0);
	na_buffer_clear(&world->lines);
	result(world, OTHER, 2, NA_OPERATION_SHUTDOWN, 0, SHUT_WR, 0);
	result(world, OTHER, 2, NA_OPERATION_SHUTDOWN, -ENOTCONN, SHUT_RDWR, 0);
	expect(world, "shutdown by=other tid=301 uid=300 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
		      "dir=ingress how=write\n"
		      "shutdown by=other tid=301 uid=300 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
		      "dir=ingress error=ENOTCONN how=both\n");
	world_free(world);
}

static void unix_name_of(struct world *world, uint32_t pid, uint64_t cookie, int type,
			 enum na_operation operation, const char *name, size_t length, int error)
{
	struct na_record_unix record = {
		.header = header(world, sizeof(record), NA_RECORD_UNIX, NA_PROGRAM_CONNECT_UNIX,
				 pid, error),
		.cookie = cookie,
		.inode = cookie + 1000,
		.operation = operation,
		.type = (uint16_t)type,
		.length = (uint16_t)length,
	};

	memcpy(record.path, name, length);
	take(world, &record);
}

static void unix_name(struct world *world, uint32_t pid, uint64_t cookie,
		      enum na_operation operation, const char *name, size_t length)
{
	unix_name_of(world, pid, cookie, SOCK_STREAM, operation, name, length, 0);
}

static void accept_unix(struct world *world, uint64_t inode, uint64_t listener)
{
	struct na_record_accepted record = {
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER, 0),
		.inode = inode,
		.listener = listener,
		.listener_inode = listener + 1000,
		.family = AF_UNIX,
		.type = SOCK_STREAM,
	};

	take(world, &record);
}

static void local_traffic(struct world *world, uint64_t inode)
{
	struct na_record_flow record = {
		.header = header(world, sizeof(record), NA_RECORD_FLOW, NA_PROGRAM_FILE_FREE,
				 SERVER, 0),
		.inode = inode,
		.sent_bytes = 5,
		.received_bytes = 6,
		.sent_packets = 1,
		.received_packets = 1,
	};

	take(world, &record);
}

static void a_unix_connection_has_the_names_of_its_ends(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created_as(world, SERVER, 1, AF_UNIX, SOCK_STREAM, 0);
	unix_name(world, SERVER, 1, NA_OPERATION_BIND, "/run/x.sock", 12); /* with its NUL */
	result(world, SERVER, 1, NA_OPERATION_BIND, 0, 0, 0);
	result(world, SERVER, 1, NA_OPERATION_LISTEN, 0, 5, 0);
	created_as(world, CLIENT, 2, AF_UNIX, SOCK_STREAM, 0);
	unix_name(world, CLIENT, 2, NA_OPERATION_CONNECT, "/run/x.sock", 12);
	result(world, CLIENT, 2, NA_OPERATION_CONNECT, 0, 0, 0);
	accept_unix(world, 1003, 1);
	local_traffic(world, 1003);
	released(world, SERVER, 3); /* known by its inode only */
	released(world, CLIENT, 2);
	expect(world,
	       "socket_created by=server tid=201 uid=200\n"
	       "bound by=server tid=201 uid=200 to=/run/x.sock\n"
	       "listening by=server tid=201 uid=200 to=/run/x.sock backlog=5\n"
	       "socket_created by=client tid=101 uid=100\n"
	       "connect_attempted by=client tid=101 uid=100 to=/run/x.sock link=1 dir=egress\n"
	       "established by=client tid=101 uid=100 to=/run/x.sock link=1 dir=egress\n"
	       "accepted by=server tid=201 uid=200 to=/run/x.sock link=1 dir=ingress\n"
	       "closed by=server uid=200 to=/run/x.sock link=1 dir=ingress out=6 in=5 "
	       "reason=orderly\n"
	       "closed by=client uid=100 to=/run/x.sock link=1 dir=egress out=0 in=0 "
	       "reason=orderly\n");
	world_free(world);
}

static void an_abstract_name_shows_its_first_nul_as_at(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created_as(world, SERVER, 1, AF_UNIX, SOCK_STREAM, 0);
	na_buffer_clear(&world->lines);
	unix_name(world, SERVER, 1, NA_OPERATION_BIND, "\0name", 5);
	result(world, SERVER, 1, NA_OPERATION_BIND, 0, 0, 0);
	expect(world, "bound by=server tid=201 uid=200 to=@name\n");
	world_free(world);
}

/* No records of such a socket may make trouble, wherever it came from. */
static void records_of_unknown_sockets_are_told_or_ignored(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	released(world, CLIENT, 5);
	ended(world, 6, TCP_LAST_ACK, 0);
	result(world, CLIENT, 7, NA_OPERATION_SHUTDOWN, 0, SHUT_RD, 0);
	expect(world, "shutdown by=client tid=101 uid=100 how=read\n");
	world_free(world);
}

/* A hook's program tells it, and so does the exit of the function: one event, and nothing failed.
 */
static void a_refusal_by_a_hook_is_told_once(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	na_buffer_clear(&world->lines);
	hook_asked(world, CLIENT, 1, NA_HOOK_SOCKET_BIND, -EACCES);
	result(world, CLIENT, 1, NA_OPERATION_BIND, -EACCES, 0, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EACCES op=bind policy=lsm "
		      "hook=socket_bind\n");
	hook_asked(world, CLIENT, 1, NA_HOOK_SOCKET_CONNECT, -EPERM);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EPERM, 0, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EPERM op=connect policy=lsm "
		      "hook=socket_connect\n");
	hook_asked(world, CLIENT, 1, NA_HOOK_SOCKET_LISTEN, -EACCES);
	result(world, CLIENT, 1, NA_OPERATION_LISTEN, -EACCES, 5, 0);
	expect(world, "denied by=client tid=101 uid=100 to=:: error=EACCES op=listen policy=lsm "
		      "hook=socket_listen backlog=0\n");
	hook_asked(world, CLIENT, 1, NA_HOOK_SOCKET_SHUTDOWN, -EACCES);
	result(world, CLIENT, 1, NA_OPERATION_SHUTDOWN, -EACCES, 2, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EACCES op=shutdown policy=lsm "
		      "hook=socket_shutdown how=read\n");
	hook_asked(world, CLIENT, 0, NA_HOOK_SOCKET_CREATE, -EACCES);
	create_failed(world, CLIENT, NA_PROGRAM_CALL_SOCKET, SOCK_STREAM, -EACCES, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EACCES op=socket policy=lsm "
		      "hook=socket_create\n");
	world_free(world);
}

/* One that the hook allowed may be refused behind it; the refusal before is another call's. */
static void a_refusal_of_another_call_is_told_for_itself(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	hook_asked(world, CLIENT, 1, NA_HOOK_SOCKET_BIND, -EACCES);
	na_buffer_clear(&world->lines);
	hook_asked(world, CLIENT, 1, NA_HOOK_SOCKET_LISTEN, 0);
	na_buffer_clear(&world->lines);
	result(world, CLIENT, 1, NA_OPERATION_LISTEN, -EACCES, 5, 0);
	expect(world, "denied by=client tid=101 uid=100 to=:: error=EACCES op=listen policy=lsm\n");
	result(world, SERVER, 1, NA_OPERATION_BIND, -EACCES, 0, 0);
	expect(world,
	       "denied by=server tid=201 uid=200 creator=client error=EACCES op=bind policy=lsm\n");
	world_free(world);
}

#define REFUSED(world, cookie, error, flags)                                                       \
	result(world, CLIENT, cookie, NA_OPERATION_CONNECT, error, 0, flags)

/* Before 6.7 the name comes with the result, whatever it is. */
static void a_refused_unix_connect_is_one_denial(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created_as(world, CLIENT, 1, AF_UNIX, SOCK_STREAM, 0);
	na_buffer_clear(&world->lines);
	hook_asked(world, CLIENT, 1, NA_HOOK_SOCKET_CONNECT, -EACCES);
	unix_name_of(world, CLIENT, 1, SOCK_STREAM, NA_OPERATION_CONNECT, "/run/x", 7, -EACCES);
	REFUSED(world, 1, -EACCES, NA_FLAG_NO_LSM);
	expect(world, "denied by=client tid=101 uid=100 error=EACCES op=connect policy=lsm "
		      "hook=socket_connect\n");
	/* Without hooks the file's permissions may have done it, which an abstract name has not. */
	unix_name_of(world, CLIENT, 1, SOCK_STREAM, NA_OPERATION_CONNECT, "/run/x", 7, -EACCES);
	REFUSED(world, 1, -EACCES, 0);
	unix_name_of(world, CLIENT, 1, SOCK_STREAM, NA_OPERATION_CONNECT, "\0x", 2, -EACCES);
	REFUSED(world, 1, -EACCES, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EACCES op=connect policy=unknown\n"
		      "denied by=client tid=101 uid=100 error=EACCES op=connect policy=lsm\n");
	/* With hooks it was they. */
	unix_name_of(world, CLIENT, 1, SOCK_STREAM, NA_OPERATION_CONNECT, "/run/x", 7, -EACCES);
	REFUSED(world, 1, -EACCES, NA_FLAG_NO_LSM);
	expect(world, "connect_attempted by=client tid=101 uid=100 to=/run/x link=1 dir=egress\n"
		      "connect_failed by=client tid=101 uid=100 to=/run/x link=1 dir=egress "
		      "error=EACCES\n");
	world_free(world);
}

/* From 6.7 on a cgroup program sees the call: after one hook, and before the others. */
static void a_unix_connect_may_be_refused_behind_its_attempt(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created_as(world, CLIENT, 1, AF_UNIX, SOCK_STREAM, 0);
	unix_name(world, CLIENT, 1, NA_OPERATION_CONNECT, "\0x", 2);
	na_buffer_clear(&world->lines);
	REFUSED(world, 1, -EPERM, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EPERM op=connect policy=lsm\n");
	unix_name(world, CLIENT, 1, NA_OPERATION_CONNECT, "/run/x", 7);
	na_buffer_clear(&world->lines);
	REFUSED(world, 1, -EACCES, NA_FLAG_SECCOMP);
	expect(world, "connect_failed by=client tid=101 uid=100 to=/run/x link=2 dir=egress "
		      "error=EACCES\n");
	world_free(world);
}

/* One hook is asked for connect and for send: what it refused is one of them, and once. */
static void a_datagram_refused_a_peer_is_one_denial(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created_as(world, CLIENT, 1, AF_UNIX, SOCK_DGRAM, 0);
	na_buffer_clear(&world->lines);
	hook_asked(world, CLIENT, 1, NA_HOOK_UNIX_MAY_SEND, -EPERM);
	unix_name_of(world, CLIENT, 1, SOCK_DGRAM, NA_OPERATION_CONNECT, "/run/x", 7, -EPERM);
	REFUSED(world, 1, -EPERM, NA_FLAG_NO_LSM);
	expect(world, "denied by=client tid=101 uid=100 dir=egress error=EPERM op=send policy=lsm "
		      "hook=unix_may_send\n");
	unix_name_of(world, CLIENT, 1, SOCK_DGRAM, NA_OPERATION_CONNECT, "/run/x", 7, 0);
	hook_asked(world, CLIENT, 1, NA_HOOK_UNIX_MAY_SEND, -EPERM);
	REFUSED(world, 1, -EPERM, NA_FLAG_NO_LSM);
	expect(world, "denied by=client tid=101 uid=100 error=EPERM op=connect policy=lsm "
		      "hook=unix_may_send\n");
	unix_name_of(world, CLIENT, 1, SOCK_DGRAM, NA_OPERATION_CONNECT, "/run/x", 7, 0);
	REFUSED(world, 1, -EPERM, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EPERM op=connect policy=unknown\n");
	world_free(world);
}

/* Its moment is a softirq: it is the listener's, and nobody's call has to be kept quiet. */
static void a_hook_without_a_process_refuses_too(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	hook_asked(world, 0, 1, NA_HOOK_INET_CONN_REQUEST, -EACCES);
	expect(world, "denied error=EACCES op=unknown policy=lsm hook=inet_conn_request "
		      "unattributed\n");
	created(world, SERVER, 2);
	na_buffer_clear(&world->lines);
	hook_asked(world, 0, 2, NA_HOOK_INET_CONN_REQUEST, -EACCES);
	expect(world, "denied by=server uid=200 error=EACCES op=unknown policy=lsm "
		      "hook=inet_conn_request\n");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_told_from_bound_to_closed),
		cmocka_unit_test(a_listen_that_fails_is_not_told_as_listening),
		cmocka_unit_test(without_results_the_state_tells),
		cmocka_unit_test(a_failed_bind_tells_what_was_asked_for),
		cmocka_unit_test(who_refused_a_bind_follows_from_how_far_it_came),
		cmocka_unit_test(a_socket_that_cannot_be_made_is_a_failure_or_a_denial),
		cmocka_unit_test(a_refusal_by_a_hook_is_told_once),
		cmocka_unit_test(a_refused_unix_connect_is_one_denial),
		cmocka_unit_test(a_unix_connect_may_be_refused_behind_its_attempt),
		cmocka_unit_test(a_datagram_refused_a_peer_is_one_denial),
		cmocka_unit_test(a_refusal_of_another_call_is_told_for_itself),
		cmocka_unit_test(a_hook_without_a_process_refuses_too),
		cmocka_unit_test(shutdown_is_told_with_its_direction),
		cmocka_unit_test(a_unix_connection_has_the_names_of_its_ends),
		cmocka_unit_test(an_abstract_name_shows_its_first_nul_as_at),
		cmocka_unit_test(records_of_unknown_sockets_are_told_or_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
