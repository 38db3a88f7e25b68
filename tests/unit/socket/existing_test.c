/* SPDX-License-Identifier: Apache-2.0 */
/* What was there at start. */
#include "support.h"

static void found(struct world *world, uint32_t pid, uint64_t cookie, int tcp_state,
		  uint16_t local_port, uint16_t remote_port)
{
	struct na_record_found record = found_socket(world, pid, cookie, tcp_state);

	record.local_port = local_port;
	record.remote_port = remote_port;
	address_fill(record.local, 2);
	if (remote_port)
		address_fill(record.remote, 1);
	take(world, &record);
}

static void listeners_come_first_and_tell_the_direction(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	found(world, SERVER, 1, TCP_ESTABLISHED, 80, 4000);
	found(world, CLIENT, 2, TCP_ESTABLISHED, 4001, 443);
	found(world, OTHER, 3, TCP_LISTEN, 80, 0);
	found(world, CLIENT, 4, TCP_CLOSE, 0, 0);   /* a socket, and no more */
	found(world, CLIENT, 3, TCP_LISTEN, 80, 0); /* by another descriptor */
	expect(world, "");
	assert_int_equal(na_sockets_found_all(world->sockets), 0);
	expect(world,
	       "existing by=other uid=300 to=10.0.0.2:80 state=listen\n"
	       "existing by=server uid=200 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 dir=ingress "
	       "state=established\n"
	       "existing by=client uid=100 from=10.0.0.2:4001 to=10.0.0.1:443 link=1 dir=egress "
	       "state=established\n");
	assert_int_equal(na_sockets_found_all(world->sockets), 0);
	expect(world, "");
	world_free(world);
}

static void it_is_told_before_anything_else_of_that_socket(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	found(world, SERVER, 1, TCP_LISTEN, 80, 0);
	found(world, CLIENT, 2, TCP_ESTABLISHED, 4001, 443);
	ended(world, 2, TCP_LAST_ACK, 0);
	released(world, CLIENT, 2);
	expect(world,
	       "existing by=client uid=100 from=10.0.0.2:4001 to=10.0.0.1:443 link=1 dir=egress "
	       "state=established\n"
	       "closed by=client uid=100 from=10.0.0.2:4001 to=10.0.0.1:443 link=1 dir=egress "
	       "out=11 in=22 reason=orderly closed_by=remote\n");
	assert_int_equal(na_sockets_found_all(world->sockets), 0);
	expect(world, "existing by=server uid=200 to=10.0.0.2:80 state=listen\n");
	released(world, SERVER, 1);
	expect(world, "closed by=server uid=200 to=10.0.0.2:80 reason=orderly closed_by=local\n");
	world_free(world);
}

static void a_socket_made_meanwhile_is_no_old_one(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	created(world, CLIENT, 1);
	connect_asked(world, CLIENT, 1, 80, 0);
	state(world, 1, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	na_buffer_clear(&world->lines);
	found(world, CLIENT, 1, TCP_ESTABLISHED, 4000, 80);
	assert_int_equal(na_sockets_found_all(world->sockets), 0);
	expect(world, "");
	world_free(world);
}

/* accept(2) was waiting when the agent came. */
static void an_old_listener_accepts(void **unused)
{
	struct world *world = world_new();

	(void)unused;
	found(world, SERVER, 1, TCP_LISTEN, 80, 0);
	assert_int_equal(na_sockets_found_all(world->sockets), 0);
	na_buffer_clear(&world->lines);
	accepted(world, SERVER, 2, 1);
	expect(world, "accepted by=server tid=201 uid=200 from=10.0.0.1:4000 to=10.0.0.2:80 link=1 "
		      "dir=ingress\n");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listeners_come_first_and_tell_the_direction),
		cmocka_unit_test(it_is_told_before_anything_else_of_that_socket),
		cmocka_unit_test(a_socket_made_meanwhile_is_no_old_one),
		cmocka_unit_test(an_old_listener_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
