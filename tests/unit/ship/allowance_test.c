/* SPDX-License-Identifier: Apache-2.0 */
/* What bounds the memory of lanes: pieces that are used again, shares, the room that is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ship/allowance.h"
#include "ship/arena.h"
#include "ship/batch.h"
#include "ship/pool.h"

#define MIB (1u << 20)

static void pieces_are_used_again(void **state)
{
	struct na_pool pool;
	void *first, *second;

	(void)state;
	na_pool_init(&pool);
	first = na_pool_take(&pool);
	second = na_pool_take(&pool);
	assert_non_null(first);
	assert_non_null(second);
	memset(first, 'x', NA_POOL_PIECE);
	memset(second, 'y', NA_POOL_PIECE);
	assert_int_equal(pool.pieces, 2);
	na_pool_give(&pool, first);
	assert_int_equal(pool.pieces, 2);
	assert_ptr_equal(na_pool_take(&pool), first);
	na_pool_give(&pool, first);
	na_pool_trim(&pool);
	assert_int_equal(pool.pieces, 1);
	assert_int_equal(((char *)second)[NA_POOL_PIECE - 1], 'y');
	na_pool_give(&pool, second);
	na_pool_done(&pool);
	assert_int_equal(pool.pieces, 0);
}

/* Small ones take no piece, large ones several, and a text of any size has its place. */
static void arenas_take_pieces_when_they_are_large(void **state)
{
	struct na_pool pool;
	struct na_arena arena = {.pool = &pool};
	char *large = calloc(1, 3 * NA_POOL_PIECE);
	struct na_text copy;

	(void)state;
	assert_non_null(large);
	na_pool_init(&pool);
	assert_non_null(na_arena_take(&arena, 100));
	assert_int_equal(pool.pieces, 0);
	for (int i = 0; i < 400; i++)
		memset(na_arena_take(&arena, 1000), 'z', 1000);
	assert_in_range(pool.pieces, 5, 7);
	assert_in_range(arena.bytes, 400000, 500000);
	large[3 * NA_POOL_PIECE - 1] = 'e';
	copy = na_arena_text(&arena, (struct na_text){large, 3 * NA_POOL_PIECE});
	assert_memory_equal(copy.data, large, 3 * NA_POOL_PIECE);
	assert_in_range(arena.bytes, 400000 + 3 * NA_POOL_PIECE, 500000 + 4 * NA_POOL_PIECE);
	na_arena_done(&arena);
	assert_int_equal(arena.bytes, 0);
	assert_ptr_equal(arena.pool, &pool);
	na_pool_done(&pool);
	assert_int_equal(pool.pieces, 0);
	free(large);
}

static void a_settled_batch_gives_events_back(void **state)
{
	const struct na_output_record *added;
	struct na_output_record record = {.id = na_text_of("id"), .body = na_text_of("body")};
	struct na_event event;
	struct na_pool pool;
	struct na_batch *batch;
	size_t before;

	(void)state;
	na_event_init(&event, NA_EVENT_CLOSED, 1);
	record.event = &event;
	na_pool_init(&pool);
	batch = na_batch_new(&pool, NULL);
	assert_non_null(batch);
	for (int i = 0; i < 300; i++)
		assert_int_equal(na_batch_add(batch, &record, NULL, &added), 0);
	before = na_batch_bytes(batch);
	assert_true(before > 300 * sizeof(event));
	na_batch_settle(batch);
	assert_true(na_batch_bytes(batch) < before - 300 * sizeof(event));
	assert_memory_equal(batch->records[299].body.data, "body", 4);
	na_batch_free(batch);
	na_pool_done(&pool);
	assert_int_equal(pool.pieces, 0);
}

/* With what the process has anyhow: 6 MiB, and 2 MiB for each lane. */
static void shares_are_within_the_bound(void **state)
{
	(void)state;
	for (size_t outputs = 1; outputs <= 8; outputs++) {
		struct na_allowance allowance = na_allowance_of(outputs, false);

		assert_true(6 * MIB + outputs * (2 * MIB + allowance.bytes) <=
			    NA_ALLOWANCE_PROCESS_BYTES);
		assert_true(allowance.bytes >= MIB);
		/* One is offered while the next is made, and there are some on their way. */
		assert_true(4 * allowance.batch_bytes <= allowance.bytes);
		assert_true(allowance.batch_bytes <= 4 * MIB);
	}
	assert_int_equal(na_allowance_of(64, false).bytes, MIB);
	assert_true(na_allowance_of(1, true).record_bytes < na_allowance_of(1, false).record_bytes);
}

static void room_is_what_is_left(void **state)
{
	struct na_allowance allowance = {
		.bytes = 1000000, .batch_bytes = 200000, .record_bytes = 100};

	(void)state;
	assert_true(na_allowance_has_room(&allowance, 899999, 1000, true));
	assert_false(na_allowance_has_room(&allowance, 900000, 1000, true));
	/* A batch is begun only where a quarter of it has room. */
	assert_true(na_allowance_has_room(&allowance, 849999, 1000, false));
	assert_false(na_allowance_has_room(&allowance, 850000, 1000, false));
	/* Or else nothing would ever be read. */
	assert_true(na_allowance_has_room(&allowance, 2000000, 0, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_used_again),
		cmocka_unit_test(arenas_take_pieces_when_they_are_large),
		cmocka_unit_test(a_settled_batch_gives_events_back),
		cmocka_unit_test(shares_are_within_the_bound),
		cmocka_unit_test(room_is_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
