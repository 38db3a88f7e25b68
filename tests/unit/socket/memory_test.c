/* SPDX-License-Identifier: Apache-2.0 */
/* What an open socket costs: at most 256 bytes, with its share of the tables. */
#include <malloc.h>

#include "support.h"

#define SOCKETS 100000

static size_t used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void an_open_socket_costs_256_bytes(void **unused)
{
	struct world *world = world_new_with(&(struct world_options){.max_sockets = SOCKETS + 1});
	size_t before = used(), each;

	(void)unused;
	for (uint64_t i = 1; i <= SOCKETS; i++) {
		connect_asked(world, CLIENT, i, 80, 0);
		state(world, i, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
		na_buffer_clear(&world->lines);
	}
	assert_int_equal(na_sockets_counts(world->sockets).sockets, SOCKETS);
	each = (used() - before) / SOCKETS;
	print_message("%zu bytes for each open socket\n", each);
	assert_true(each <= 256);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(an_open_socket_costs_256_bytes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
