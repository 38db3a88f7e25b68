/* SPDX-License-Identifier: Apache-2.0 */
/* Whichever allocation fails: nothing crashes or leaks, and the events come all the same. */
#include "../capture/failing_alloc.h"
#include "support.h"

static void live(struct world *world)
{
	created(world, SERVER, 1);
	bind_asked(world, SERVER, 1, 80, 0);
	bound(world, SERVER, 1, 80);
	result(world, SERVER, 1, NA_OPERATION_LISTEN, 0, 5, 0);
	for (uint64_t i = 0; i < 400; i++) { /* the tables grow */
		created(world, CLIENT, 10 + i);
		connect_asked(world, CLIENT, 10 + i, 80, 0);
		state(world, 10 + i, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
		accepted(world, SERVER, 5000 + i, 1);
	}
	for (uint64_t i = 0; i < 400; i++) {
		released(world, CLIENT, 10 + i);
		ended(world, 10 + i, TCP_FIN_WAIT2, 0);
		ended(world, 5000 + i, TCP_LAST_ACK, 0);
		released(world, SERVER, 5000 + i);
	}
	released(world, SERVER, 1);
}

static size_t count_lines(const struct world *world)
{
	size_t count = 0;

	for (size_t i = 0; i < world->lines.length; i++)
		count += world->lines.data[i] == '\n';
	return count;
}

/* 3 of the server's socket, 4 of each connection's begin; ends only of what could be remembered. */
#define BEGINS (3 + 4 * 400)
#define EVENTS (BEGINS + 2 * 400 + 1)

static void the_nth_allocation_fails(void **unused)
{
	bool failed = true;

	(void)unused;
	for (size_t n = 1; failed; n += 1 + n / 8) {
		struct world *world = world_new();
		struct na_sockets_counts counts;
		size_t lines;

		/* The lines are the test's own. */
		assert_int_equal(na_buffer_reserve(&world->lines, 1 << 20), 0);
		na_failing_alloc_arm(n);
		live(world);
		failed = na_failing_alloc_disarm();
		counts = na_sockets_counts(world->sockets);
		lines = count_lines(world);
		assert_true(lines >= BEGINS && lines <= EVENTS);
		assert_true(lines == EVENTS || failed);
		assert_true(lines == EVENTS || counts.sockets_dropped > 0);
		world_free(world);
	}
}

/* What cannot be restored is found as new, or not known: never told twice. */
static void the_nth_allocation_of_a_restart_fails(void **unused)
{
	struct world *first = world_new();
	struct history history;
	bool failed = true;

	(void)unused;
	history_keep(first, &history);
	created(first, SERVER, 1);
	bound(first, SERVER, 1, 80);
	for (uint64_t i = 10; i < 310; i++) { /* the tables grow */
		created(first, CLIENT, i);
		connect_asked(first, CLIENT, i, 80, 0);
		state(first, i, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
	}
	for (size_t n = 1; failed; n += 1 + n / 8) {
		struct world *world = world_new();
		size_t known, lines;

		assert_int_equal(na_buffer_reserve(&world->lines, 1 << 20), 0);
		na_failing_alloc_arm(n);
		history_restore(world, &history, history.event_count, false);
		failed = na_failing_alloc_disarm();
		known = na_sockets_counts(world->sockets).sockets;
		assert_true(known == 301 || (failed && known >= 300));
		world->now_ns = first->now_ns;
		for (uint64_t i = 10; i < 310; i++)
			ended(world, i, TCP_LAST_ACK, 0);
		released(world, SERVER, 1);
		lines = count_lines(world);
		assert_true(lines == 301 || (failed && lines >= 300));
		world_free(world);
	}
	history_free(&history);
	world_free(first);
}

static void a_table_that_cannot_be_made_is_none(void **unused)
{
	struct world *world = NULL;

	(void)unused;
	for (size_t n = 1; !world; n++) {
		na_failing_alloc_arm(n);
		world = world_try(&(struct world_options){0});
		na_failing_alloc_disarm();
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nth_allocation_fails),
		cmocka_unit_test(the_nth_allocation_of_a_restart_fails),
		cmocka_unit_test(a_table_that_cannot_be_made_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
