/* SPDX-License-Identifier: Apache-2.0 */
/* What security hooks allowed, as events of their own; and that the table learns nothing from it.
 */
#include "support.h"

#include "base/hook.h"

/* A hook that was asked by CLIENT about its TCP socket 1, and allowed it. */
static struct na_record_hook allowed(struct world *world, enum na_hook hook)
{
	struct na_record_hook record = {
		.header = header(world, sizeof(record), NA_RECORD_HOOK,
				 (enum na_program)(NA_PROGRAM_FEXIT_SOCKET_CREATE + hook - 1),
				 CLIENT, 0),
		.cookie = 1,
		.inode = 1001,
		.netns = 7,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.hook = (uint16_t)hook,
	};

	return record;
}

static struct world *world_with_socket(void)
{
	struct world *world = world_new();

	created(world, CLIENT, 1);
	na_buffer_clear(&world->lines);
	return world;
}

static void its_arguments_are_told(void **unused)
{
	struct world *world = world_with_socket();
	struct na_record_hook record = allowed(world, NA_HOOK_SOCKET_SETSOCKOPT);

	(void)unused;
	record.first = 1;
	record.second = 9;
	take(world, &record);
	expect(world, "hook.socket_setsockopt by=client tid=101 uid=100 hook=socket_setsockopt "
		      "level=1 option=9\n");
	record = allowed(world, NA_HOOK_SOCKET_LISTEN);
	record.first = UINT32_MAX;
	record.local_port = 80;
	address_fill(record.local, 1);
	take(world, &record);
	expect(world, "hook.socket_listen by=client tid=101 uid=100 to=10.0.0.1:80 "
		      "hook=socket_listen backlog=-1\n");
	record = allowed(world, NA_HOOK_SOCKET_SHUTDOWN);
	record.first = 1;
	take(world, &record);
	expect(world, "hook.socket_shutdown by=client tid=101 uid=100 hook=socket_shutdown "
		      "how=write\n");
	record.first = 9;
	take(world, &record);
	expect(world, "hook.socket_shutdown by=client tid=101 uid=100 hook=socket_shutdown\n");
	record = allowed(world, NA_HOOK_SOCKET_RECVMSG);
	record.first = 4096;
	record.second = 2;
	record.sample = 100;
	take(world, &record);
	expect(world, "hook.socket_recvmsg by=client tid=101 uid=100 hook=socket_recvmsg size=4096 "
		      "flags=2 sample=100\n");
	record = allowed(world, NA_HOOK_SECMARK_RELABEL_PACKET);
	record.cookie = record.inode = record.netns = 0;
	record.family = record.type = record.protocol = 0;
	record.first = 77;
	take(world, &record);
	expect(world, "hook.secmark_relabel_packet by=client tid=101 uid=100 "
		      "hook=secmark_relabel_packet secid=77\n");
	world_free(world);
}

static void an_address_that_is_given_is_where_it_goes(void **unused)
{
	struct world *world = world_with_socket();
	struct na_record_hook record = allowed(world, NA_HOOK_SOCKET_CONNECT);

	(void)unused;
	address_fill(record.remote, 2);
	record.remote_port = 80;
	take(world, &record);
	expect(world, "hook.socket_connect by=client tid=101 uid=100 to=10.0.0.2:80 dir=egress "
		      "hook=socket_connect\n");
	record = allowed(world, NA_HOOK_SOCKET_BIND);
	address_fill(record.remote, 1);
	record.remote_port = 8080;
	take(world, &record);
	expect(world, "hook.socket_bind by=client tid=101 uid=100 to=10.0.0.1:8080 "
		      "hook=socket_bind\n");
	record.header.error = -EACCES;
	take(world, &record);
	expect(world, "denied by=client tid=101 uid=100 to=10.0.0.1:8080 error=EACCES op=bind "
		      "policy=lsm hook=socket_bind\n");
	world_free(world);
}

/* It is permission: the connection begins with connect's own record, and once. */
static void the_lifecycle_goes_on_as_without_it(void **unused)
{
	struct world *world = world_with_socket();
	struct na_record_hook record = allowed(world, NA_HOOK_SOCKET_CONNECT);

	(void)unused;
	take(world, &record);
	na_buffer_clear(&world->lines);
	connect_asked(world, CLIENT, 1, 80, 0);
	expect(world, "connect_attempted by=client tid=101 uid=100 to=10.0.0.2:80 link=1 "
		      "dir=egress\n");
	world_free(world);
}

/* The result does not know the address, so that it is told by what the hook's program said. */
static void an_excluded_refusal_is_left_out_with_its_result(void **unused)
{
	struct world *world = world_with_socket();
	struct na_record_hook record = allowed(world, NA_HOOK_SOCKET_CONNECT);

	(void)unused;
	address_fill(record.remote, 2);
	record.remote_port = 80;
	record.header.error = -EACCES;
	record.flags = NA_FLAG_EXCLUDED;
	take(world, &record);
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EACCES, 0, 0);
	expect(world, "");
	/* The next call is another one. */
	result(world, CLIENT, 1, NA_OPERATION_CONNECT, -EACCES, 0, 0);
	expect(world, "denied by=client tid=101 uid=100 error=EACCES op=connect policy=lsm\n");
	world_free(world);
}

/* Of one that nobody told of, what the record says; it is not remembered. */
static void an_unknown_socket_stays_unknown(void **unused)
{
	struct world *world = world_new();
	struct na_record_hook record = allowed(world, NA_HOOK_SOCKET_GETSOCKNAME);
	size_t before = na_sockets_counts(world->sockets).sockets;

	(void)unused;
	address_fill(record.local, 1);
	address_fill(record.remote, 2);
	record.local_port = 4000;
	record.remote_port = 80;
	take(world, &record);
	expect(world, "hook.socket_getsockname by=client tid=101 uid=100 from=10.0.0.1:4000 "
		      "to=10.0.0.2:80 dir=egress hook=socket_getsockname\n");
	assert_int_equal(na_sockets_counts(world->sockets).sockets, before);
	world_free(world);
}

/* In a softirq `current` is a stranger: it is the socket's owner, or nobody. */
static void without_a_process_it_is_the_owners(void **unused)
{
	struct world *world = world_with_socket();
	struct na_record_hook record = allowed(world, NA_HOOK_INET_CONN_REQUEST);

	(void)unused;
	record.header.pid = record.header.tid = 0;
	record.header.start_ns = 0;
	take(world, &record);
	expect(world, "hook.inet_conn_request by=client uid=100 hook=inet_conn_request\n");
	record.cookie = 5;
	record.inode = 1005;
	take(world, &record);
	expect(world, "hook.inet_conn_request hook=inet_conn_request unattributed\n");
	world_free(world);
}

static void a_socket_of_the_kernel_is_nobodys(void **unused)
{
	struct world *world = world_new();
	struct na_record_hook record = allowed(world, NA_HOOK_SOCKET_CREATE);

	(void)unused;
	record.cookie = record.inode = 0;
	record.type = record.protocol = 0;
	record.first = SOCK_DGRAM | SOCK_CLOEXEC;
	record.second = IPPROTO_UDP;
	take(world, &record);
	expect(world, "hook.socket_create by=client tid=101 uid=100 hook=socket_create\n");
	record.flags = NA_FLAG_KERNEL;
	take(world, &record);
	expect(world, "hook.socket_create hook=socket_create unattributed\n");
	record.header.error = -EACCES;
	take(world, &record);
	expect(world, "denied error=EACCES op=socket policy=lsm hook=socket_create unattributed\n");
	world_free(world);
}

/* Only EPERM and EACCES refuse: what asks for a label where there is none is answered so. */
static void another_error_is_no_refusal(void **unused)
{
	struct world *world = world_with_socket();
	struct na_record_hook record = allowed(world, NA_HOOK_SOCKET_GETPEERSEC_STREAM);

	(void)unused;
	record.header.error = -ENOPROTOOPT;
	take(world, &record);
	expect(world, "hook.socket_getpeersec_stream by=client tid=101 uid=100 error=ENOPROTOOPT "
		      "hook=socket_getpeersec_stream\n");
	world_free(world);
}

/* Every row has its event, which no other has; numbers of none are no event. */
static void every_hook_has_an_event(void **unused)
{
	struct world *world = world_with_socket();
	struct na_record_hook record;
	struct na_buffer line = {0};

	(void)unused;
	for (int hook = 1; hook < NA_HOOK_COUNT; hook++) {
		record = allowed(world, (enum na_hook)hook);
		take(world, &record);
		na_buffer_clear(&line);
		na_buffer_printf(&line, "hook.%s ", na_hook_rows[hook].name.data);
		assert_memory_equal(world->lines.data, line.data, line.length);
		na_buffer_clear(&world->lines);
	}
	record.hook = NA_HOOK_COUNT;
	take(world, &record);
	record.hook = NA_HOOK_NONE;
	take(world, &record);
	expect(world, "");
	na_buffer_done(&line);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_arguments_are_told),
		cmocka_unit_test(an_address_that_is_given_is_where_it_goes),
		cmocka_unit_test(the_lifecycle_goes_on_as_without_it),
		cmocka_unit_test(an_excluded_refusal_is_left_out_with_its_result),
		cmocka_unit_test(an_unknown_socket_stays_unknown),
		cmocka_unit_test(without_a_process_it_is_the_owners),
		cmocka_unit_test(a_socket_of_the_kernel_is_nobodys),
		cmocka_unit_test(another_error_is_no_refusal),
		cmocka_unit_test(every_hook_has_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
