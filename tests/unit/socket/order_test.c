/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings give records in any order within a window, the merge puts them right: the same
 * connections, however their records were dealt to rings, give the same events.
 */
#include <stdlib.h>

#include "capture/merge.h"
#include "support.h"

#define CONNECTIONS 40
#define RECORDS_MAX (CONNECTIONS * 8)
#define RINGS 4

union any_record {
	struct na_record_header header;
	struct na_record_created created;
	struct na_record_connect connect;
	struct na_record_state state;
	struct na_record_accepted accepted;
	struct na_record_released released;
	struct na_record_ended ended;
};

static union any_record records[RECORDS_MAX];
static size_t record_count;

static union any_record *add(enum na_record_type type, size_t size, uint32_t pid, uint64_t time_ns)
{
	union any_record *record = &records[record_count++];

	*record = (union any_record){0};
	record->header.size = (uint16_t)size;
	record->header.type = (uint8_t)type;
	record->header.program = NA_PROGRAM_SOCK_CREATE;
	record->header.time_ns = time_ns;
	record->header.pid = pid;
	record->header.tid = pid ? pid + 1 : 0;
	record->header.start_ns = pid * 1000000;
	return record;
}

#define ADD(id, member, pid, time_ns)                                                              \
	(&add(NA_RECORD_##id, sizeof(struct na_record_##member), pid, time_ns)->member)

/* A connection of both ends; its records are 10 µs apart, its neighbours begin in between. */
static void add_connection(uint64_t number)
{
	uint64_t at = SECONDS + number * 25 * NA_NS_PER_US, step = 10 * NA_NS_PER_US;
	uint64_t client = 100 + number, server = 5000 + number;
	struct na_record_created *created = ADD(CREATED, created, CLIENT, at);
	struct na_record_connect *connect = ADD(CONNECT, connect, CLIENT, at + step);
	struct na_record_state *state = ADD(STATE, state, 0, at + 2 * step);
	struct na_record_accepted *accepted = ADD(ACCEPTED, accepted, SERVER, at + 3 * step);
	struct na_record_released *released = ADD(RELEASED, released, CLIENT, at + 4 * step);
	struct na_record_ended *ended = ADD(ENDED, ended, 0, at + 5 * step);
	struct na_record_ended *other_end = ADD(ENDED, ended, 0, at + 6 * step);

	created->cookie = connect->cookie = state->cookie = released->cookie = ended->cookie =
		client;
	accepted->cookie = other_end->cookie = server;
	created->family = connect->family = state->family = accepted->family = AF_INET;
	released->family = ended->family = other_end->family = AF_INET;
	created->type = connect->type = accepted->type = released->type = SOCK_STREAM;
	address_fill(connect->address, 2);
	connect->port = 80;
	address_fill(state->local, 1);
	state->local_port = (uint16_t)(4000 + number);
	state->before = TCP_SYN_SENT;
	state->now = TCP_ESTABLISHED;
	accepted->remote_port = (uint16_t)(4000 + number);
	ended->before = TCP_FIN_WAIT2;
	other_end->before = TCP_LAST_ACK;
}

/* Deals the records to rings and shuffles those that are less than a window apart within a ring. */
static void deal(unsigned int *seed, const struct na_record_header *rings[RINGS][RECORDS_MAX],
		 size_t counts[RINGS])
{
	memset(counts, 0, RINGS * sizeof(*counts));
	for (size_t i = 0; i < record_count; i++) {
		size_t ring = (size_t)rand_r(seed) % RINGS;

		rings[ring][counts[ring]++] = &records[i].header;
	}
	for (size_t ring = 0; ring < RINGS; ring++)
		for (size_t i = 1; i < counts[ring]; i++) {
			size_t with = (size_t)rand_r(seed) % (i + 1);
			const struct na_record_header *other = rings[ring][with];

			rings[ring][with] = rings[ring][i];
			rings[ring][i] = other;
		}
}

/* All lie within one window, so all are there before any is due. */
static void run(struct world *world, unsigned int seed)
{
	static const struct na_record_header *rings[RINGS][RECORDS_MAX];
	struct na_merge *merge = na_merge_new(RINGS);
	const struct na_record_header *record;
	size_t counts[RINGS], ring;

	assert_non_null(merge);
	deal(&seed, rings, counts);
	for (ring = 0; ring < RINGS; ring++)
		for (size_t i = 0; i < counts[ring]; i++) {
			struct na_merge_entry entry = {rings[ring][i], i};

			assert_int_equal(na_merge_add(merge, ring, &entry), 0);
		}
	while (na_merge_take(merge, UINT64_MAX, &ring, &record))
		assert_int_equal(take(world, record), 0);
	na_merge_free(merge);
}

static void any_order_gives_the_same_events(void **unused)
{
	struct world *first = world_new();

	(void)unused;
	record_count = 0;
	for (uint64_t i = 0; i < CONNECTIONS; i++)
		add_connection(i);
	run(first, 0);
	assert_true(first->lines.length > 0);
	assert_int_equal(na_sockets_counts(first->sockets).unattributed, 0);
	for (unsigned int seed = 1; seed <= 200; seed++) {
		struct world *world = world_new();

		run(world, seed);
		assert_int_equal(world->lines.length, first->lines.length);
		assert_memory_equal(world->lines.data, first->lines.data, first->lines.length);
		world_free(world);
	}
	world_free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(any_order_gives_the_same_events)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
