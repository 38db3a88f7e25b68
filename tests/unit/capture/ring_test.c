/* SPDX-License-Identifier: Apache-2.0 */
/* Rings in memory of ours: order, space, BUSY, limits, the doorbell, and threads that produce. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/merge.h"
#include "capture/ring_internal.h"
#include "failing_alloc.h"
#include "random_record.h"
#include "sim_ring.h"

#define RINGS_MAX 4
#define PAGE 4096
#define START_NS (100 * NA_MERGE_WINDOW_NS)

/* The clock of all: replaces that of the library. Reading may move it, see `clock_step_ns`. */
static uint64_t clock_ns, clock_step_ns;

uint64_t na_clock_boot_ns(void)
{
	return __atomic_fetch_add(&clock_ns, clock_step_ns, __ATOMIC_SEQ_CST);
}

/* What ppoll was asked and what happens meanwhile; with a `hook` it does not really sleep. */
static struct {
	int calls, ready;
	uint64_t timeouts_ns[8];
	bool with_bell[8];
	void (*hook)(int call);
} polled;

int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals);

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals)
{
	const struct timespec none = {0};
	int call = __atomic_add_fetch(&polled.calls, 1, __ATOMIC_SEQ_CST);

	if (call <= 8) {
		polled.timeouts_ns[call - 1] =
			(uint64_t)timeout->tv_sec * NA_NS_PER_SEC + (uint64_t)timeout->tv_nsec;
		polled.with_bell[call - 1] = fds[0].fd >= 0;
	}
	if (polled.hook)
		polled.hook(call);
	polled.ready = __real_ppoll(fds, count, polled.hook ? &none : timeout, signals);
	return polled.ready;
}

/* Rings, what was put into them, and what came out. */
struct bench {
	struct na_sim_ring sims[RINGS_MAX];
	size_t count;
	struct na_doorbell doorbell;
	struct na_rings *rings;
	const struct na_record_header *last; /* copy in last_bytes */
	uint8_t last_bytes[NA_RANDOM_RECORD_MAX];
	uint64_t passed;
	uint8_t *seen[RINGS_MAX]; /* by number: how often */
	int stop_with;            /* what the taker returns, once */
};

static struct bench bench;

static void setup(size_t count, size_t size)
{
	struct na_ring_memory memory[RINGS_MAX];

	memset(&bench, 0, sizeof(bench));
	memset(&polled, 0, sizeof(polled));
	clock_ns = START_NS;
	clock_step_ns = 0;
	bench.count = count;
	for (size_t i = 0; i < count; i++) {
		na_sim_ring_init(&bench.sims[i], size);
		memory[i] = na_sim_ring_memory(&bench.sims[i]);
	}
	assert_int_equal(na_rings_new(memory, count, &bench.doorbell, &bench.rings), 0);
}

static void teardown(void)
{
	na_rings_close(&bench.rings);
	assert_null(bench.rings);
	for (size_t i = 0; i < bench.count; i++) {
		na_sim_ring_done(&bench.sims[i]);
		free(bench.seen[i]);
	}
}

/* Checks the order, and notes who came. */
static int take(void *context, const struct na_record_header *record)
{
	struct bench *to = context;

	if (to->last)
		assert_true(na_record_compare(&to->last, &record) <= 0);
	memcpy(to->last_bytes, record, record->size);
	to->last = (const struct na_record_header *)to->last_bytes;
	to->passed++;
	if (to->seen[record->tid])
		to->seen[record->tid][record->start_ns]++;
	return NA_TAKE(to->stop_with, 0);
}

static int read_rings(size_t limit)
{
	return na_rings_read(bench.rings, limit, take, &bench);
}

/* A record of a given time, reserved only. */
static struct na_record_exited *reserve(size_t ring, uint64_t time_ns)
{
	struct na_record_exited *record = na_sim_ring_reserve(&bench.sims[ring], sizeof(*record));

	assert_non_null(record);
	*record = (struct na_record_exited){
		.header = {.size = sizeof(*record),
			   .type = NA_RECORD_EXITED,
			   .program = NA_PROGRAM_EXIT,
			   .tid = (uint32_t)ring,
			   .time_ns = time_ns},
	};
	return record;
}

static void put(size_t ring, uint64_t time_ns)
{
	na_sim_ring_submit(reserve(ring, time_ns), false);
}

static bool all_given_back(size_t ring)
{
	return bench.sims[ring].consumer == bench.sims[ring].producer;
}

static void a_record_waits_for_its_window(void **state)
{
	(void)state;
	setup(2, PAGE);
	put(0, START_NS);
	put(1, START_NS - 5);
	assert_int_equal(read_rings(10), 0);
	assert_false(all_given_back(0));
	clock_ns = START_NS + NA_MERGE_WINDOW_NS - 1;
	assert_int_equal(read_rings(10), 1);
	assert_true(all_given_back(1));
	assert_false(all_given_back(0));
	clock_ns++;
	assert_int_equal(read_rings(10), 1);
	assert_true(all_given_back(0));
	teardown();
}

static void a_busy_record_holds_back_what_is_later(void **state)
{
	struct na_record_exited *busy;

	(void)state;
	setup(2, PAGE);
	put(0, START_NS + 1);
	busy = reserve(0, START_NS + 2);
	put(0, START_NS + 3);
	put(1, START_NS + 4);
	put(1, START_NS + 2 * NA_MERGE_WINDOW_NS);
	clock_ns += 10 * NA_MERGE_WINDOW_NS;
	assert_int_equal(read_rings(10), 0);
	na_sim_ring_submit(busy, false);
	assert_int_equal(read_rings(10), 5);
	assert_true(all_given_back(0) && all_given_back(1));
	teardown();
}

/* The bound of a ring whose scan met a BUSY record at once is that of its last whole scan. */
static void a_busy_record_holds_back_nothing_that_is_earlier(void **state)
{
	struct na_record_exited *busy;

	(void)state;
	setup(2, PAGE);
	assert_int_equal(read_rings(10), 0);
	put(1, START_NS - NA_MERGE_WINDOW_NS);
	put(1, START_NS + 5);
	clock_ns += 10 * NA_MERGE_WINDOW_NS;
	busy = reserve(0, START_NS);
	assert_int_equal(read_rings(10), 1);
	na_sim_ring_submit(busy, true);
	assert_int_equal(read_rings(10), 1);
	assert_true(all_given_back(0) && all_given_back(1));
	teardown();
}

static void discarded_records_are_skipped(void **state)
{
	(void)state;
	setup(1, PAGE);
	na_sim_ring_submit(reserve(0, START_NS), true);
	put(0, START_NS);
	na_sim_ring_submit(reserve(0, START_NS), true);
	assert_int_equal(read_rings(10), 0);
	clock_ns += 2 * NA_MERGE_WINDOW_NS;
	assert_int_equal(read_rings(10), 1);
	assert_true(all_given_back(0));
	assert_int_equal(na_rings_malformed(bench.rings), 0);
	teardown();
}

static void put_bytes(size_t size, const struct na_record_header *header)
{
	uint8_t *to = na_sim_ring_reserve(&bench.sims[0], size);

	assert_non_null(to);
	memset(to, 0, size);
	memcpy(to, header, size < sizeof(*header) ? size : sizeof(*header));
	na_sim_ring_submit(to, false);
}

static void malformed_records_are_counted_and_skipped(void **state)
{
	struct na_record_header good = {.size = sizeof(struct na_record_exited),
					.type = NA_RECORD_EXITED,
					.program = NA_PROGRAM_EXIT,
					.time_ns = START_NS};
	struct na_record_header unknown = good, future = good;

	(void)state;
	setup(1, PAGE);
	unknown.type = NA_RECORD_COUNT;
	future.time_ns = START_NS + 3600 * NA_NS_PER_SEC;
	put_bytes(0, &good);
	put_bytes(7, &good);
	put_bytes(sizeof(struct na_record_exited) - 1, &good);
	put_bytes(sizeof(struct na_record_exited), &unknown);
	put_bytes(sizeof(struct na_record_exited), &future);
	put_bytes(sizeof(struct na_record_exited), &good);
	clock_ns += 2 * NA_MERGE_WINDOW_NS;
	assert_int_equal(read_rings(10), 1);
	assert_int_equal(na_rings_malformed(bench.rings), 5);
	assert_true(all_given_back(0));
	teardown();
}

static void a_length_that_leads_out_of_the_ring_ends_it_there(void **state)
{
	struct na_record_exited *record;

	(void)state;
	setup(1, PAGE);
	record = reserve(0, START_NS);
	*(uint32_t *)((uint8_t *)record - 8) = 0x3fffffff;
	put(0, START_NS);
	assert_int_equal(read_rings(10), 0);
	assert_int_equal(na_rings_malformed(bench.rings), 1);
	assert_true(all_given_back(0));
	put(0, START_NS + 1);
	clock_ns += 2 * NA_MERGE_WINDOW_NS;
	assert_int_equal(read_rings(10), 1);
	teardown();
}

static void the_taker_can_stop(void **state)
{
	(void)state;
	setup(2, PAGE);
	for (uint64_t i = 0; i < 6; i++)
		put(i % 2, START_NS + i);
	clock_ns += 2 * NA_MERGE_WINDOW_NS;
	bench.stop_with = -ECANCELED;
	assert_int_equal(read_rings(10), -ECANCELED);
	assert_int_equal(bench.passed, 1);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 0);
	assert_int_equal(read_rings(2), 2);
	assert_int_equal(read_rings(10), 3);
	bench.stop_with = -ECANCELED;
	put(0, START_NS + 6);
	assert_int_equal(na_rings_drain(bench.rings, take, &bench), -ECANCELED);
	assert_true(all_given_back(0) && all_given_back(1));
	teardown();
}

static void draining_takes_all_that_is_whole(void **state)
{
	struct na_record_exited *busy;

	(void)state;
	setup(2, PAGE);
	put(0, START_NS + 2);
	put(1, START_NS + 1);
	busy = reserve(1, START_NS + 3);
	put(1, START_NS + 4);
	assert_int_equal(na_rings_drain(bench.rings, take, &bench), 2);
	assert_int_equal(na_rings_drain(bench.rings, take, &bench), 0);
	assert_true(all_given_back(0));
	assert_false(all_given_back(1));
	na_sim_ring_submit(busy, false);
	assert_int_equal(na_rings_drain(bench.rings, take, &bench), 2);
	assert_true(all_given_back(1));
	teardown();
}

static void a_failed_allocation_loses_nothing(void **state)
{
	struct na_ring_memory memory;
	struct na_rings *rings = NULL;
	int passed;

	(void)state;
	setup(1, 64 * PAGE);
	memory = na_sim_ring_memory(&bench.sims[0]);
	for (size_t n = 1; !rings; n++) {
		int error;

		na_failing_alloc_arm(n);
		error = na_rings_new(&memory, 1, &bench.doorbell, &rings);
		assert_int_equal(error, na_failing_alloc_disarm() ? -ENOMEM : 0);
	}
	na_rings_close(&rings);
	for (uint64_t i = 0; i < 2000; i++)
		put(0, START_NS + i);
	na_failing_alloc_arm(1);
	assert_int_equal(read_rings(5000), -ENOMEM);
	assert_true(na_failing_alloc_disarm());
	clock_ns += 2 * NA_MERGE_WINDOW_NS;
	na_failing_alloc_arm(1);
	passed = read_rings(5000);
	assert_true(na_failing_alloc_disarm());
	assert_true(passed == -ENOMEM);
	passed = read_rings(5000);
	assert_int_equal(passed, 2000);
	assert_true(all_given_back(0));
	teardown();
}

/* Draining frees room in the merge as it goes, so that it gets by without more memory. */
static void draining_without_memory_takes_all(void **state)
{
	(void)state;
	setup(1, 64 * PAGE);
	for (uint64_t i = 0; i < 700; i++)
		put(0, START_NS + i);
	na_failing_alloc_arm(1);
	assert_int_equal(na_rings_drain(bench.rings, take, &bench), 700);
	assert_true(na_failing_alloc_disarm());
	teardown();
}

/* Any calls in any order, one thread: what comes out is sorted, whole and only once. */
#define OPERATIONS 30000
#define OPEN_MAX 3

struct open_record {
	void *record;
	bool discard;
};

struct chaos {
	struct na_random random;
	struct open_record open[RINGS_MAX][OPEN_MAX];
	uint64_t numbers[RINGS_MAX];
	uint64_t submitted;
};

static void chaos_close(struct chaos *chaos, size_t ring)
{
	struct open_record *open = &chaos->open[ring][na_random_below(&chaos->random, OPEN_MAX)];

	if (!open->record)
		return;
	na_sim_ring_submit(open->record, open->discard);
	chaos->submitted += !open->discard;
	open->record = NULL;
}

static void chaos_open(struct chaos *chaos, size_t ring)
{
	struct open_record *open = &chaos->open[ring][na_random_below(&chaos->random, OPEN_MAX)];
	_Alignas(8) uint8_t bytes[NA_RANDOM_RECORD_MAX];
	struct na_record_header *record = (struct na_record_header *)bytes;

	chaos_close(chaos, ring);
	if (open->record)
		return;
	na_random_record(&chaos->random, (uint32_t)ring, chaos->numbers[ring], record);
	open->record = na_sim_ring_reserve(&bench.sims[ring], record->size);
	if (!open->record)
		return;
	/* A stamp that is a little older than others before it, and often that of another. */
	record->time_ns = clock_ns - na_random_below(&chaos->random, 100);
	memcpy(open->record, record, record->size);
	open->discard = na_random_below(&chaos->random, 10) == 0;
	chaos->numbers[ring] += !open->discard;
}

static void chaos_step(struct chaos *chaos)
{
	size_t ring = na_random_below(&chaos->random, bench.count);
	uint64_t what = na_random_below(&chaos->random, 16);

	if (what < 9)
		chaos_open(chaos, ring);
	else if (what < 12)
		chaos_close(chaos, ring);
	else if (what < 15)
		clock_ns += na_random_below(&chaos->random, NA_MERGE_WINDOW_NS / 5);
	else
		assert_true(read_rings(1 + na_random_below(&chaos->random, 40)) >= 0);
}

static void chaos_finish(struct chaos *chaos)
{
	for (size_t ring = 0; ring < bench.count; ring++)
		for (size_t i = 0; i < OPEN_MAX; i++)
			while (chaos->open[ring][i].record)
				chaos_close(chaos, ring);
	clock_ns += 2 * NA_MERGE_WINDOW_NS;
	while (read_rings(7) > 0)
		;
	assert_int_equal(bench.passed, chaos->submitted);
	for (size_t ring = 0; ring < bench.count; ring++) {
		assert_true(all_given_back(ring));
		for (uint64_t i = 0; i < chaos->numbers[ring]; i++)
			assert_int_equal(bench.seen[ring][i], 1);
	}
}

static void any_order_of_calls_keeps_order_and_records(void **state)
{
	struct chaos chaos;

	(void)state;
	for (size_t rings = 1; rings <= RINGS_MAX; rings++) {
		setup(rings, PAGE * 2);
		memset(&chaos, 0, sizeof(chaos));
		chaos.random = na_random_new("any order");
		for (size_t i = 0; i < rings; i++)
			bench.seen[i] = calloc(OPERATIONS, 1);
		for (size_t i = 0; i < OPERATIONS; i++)
			chaos_step(&chaos);
		chaos_finish(&chaos);
		assert_int_equal(na_rings_malformed(bench.rings), 0);
		teardown();
	}
}

/* Threads, one for each ring, that nest as a softirq does, fill the ring, discard and wrap. */
#define NUMBERS 20000

struct producer {
	pthread_t thread;
	size_t ring;
	struct na_random random;
	uint64_t next;
};

static void *reserve_or_spin(struct producer *producer, size_t size)
{
	void *room;

	while (!(room = na_sim_ring_reserve(&bench.sims[producer->ring], size)))
		sched_yield();
	return room;
}

/* A stamp is taken between reservation and submit; two of them leave a place for the nested one. */
static uint64_t stamp(struct producer *producer)
{
	return __atomic_fetch_add(&clock_ns, 2 + na_random_below(&producer->random, 2000),
				  __ATOMIC_SEQ_CST);
}

static void produce(struct producer *producer)
{
	_Alignas(8) uint8_t bytes[NA_RANDOM_RECORD_MAX];
	struct na_record_header *record = (struct na_record_header *)bytes;
	bool nest = na_random_below(&producer->random, 4) == 0;
	void *to, *nested = NULL;

	if (na_random_below(&producer->random, 10) == 0)
		na_sim_ring_submit(reserve_or_spin(producer, 500), true);
	na_random_record(&producer->random, (uint32_t)producer->ring, producer->next++, record);
	to = reserve_or_spin(producer, record->size);
	if (nest) /* never spins: the reader would wait for the record around it */
		nested = na_sim_ring_reserve(&bench.sims[producer->ring],
					     sizeof(struct na_record_exited));
	record->time_ns = stamp(producer) + 1;
	memcpy(to, record, record->size);
	if (nested) {
		struct na_record_exited inner = {
			.header = {.size = sizeof(inner),
				   .type = NA_RECORD_EXITED,
				   .program = NA_PROGRAM_EXIT,
				   .tid = (uint32_t)producer->ring,
				   .time_ns = record->time_ns - 1,
				   .start_ns = producer->next++},
		};

		memcpy(nested, &inner, sizeof(inner));
		na_sim_ring_submit(nested, false);
	}
	na_sim_ring_submit(to, false);
	na_sim_ring_bell(&bench.sims[producer->ring], &bench.doorbell);
}

static void *run_producer(void *context)
{
	struct producer *producer = context;

	while (producer->next < NUMBERS)
		produce(producer);
	return NULL;
}

static void threads_lose_nothing_and_keep_order(void **state)
{
	struct producer producers[RINGS_MAX];
	struct na_random random = na_random_new("threads");
	uint64_t expected = 0;

	(void)state;
	setup(RINGS_MAX, PAGE * 4);
	clock_step_ns = NA_MERGE_WINDOW_NS / 5; /* who is blocked by a full ring stamps nothing */
	for (size_t i = 0; i < RINGS_MAX; i++) {
		bench.seen[i] = calloc(NUMBERS + 2, 1);
		producers[i] = (struct producer){.ring = i, .random = {random.state + i}};
		pthread_create(&producers[i].thread, NULL, run_producer, &producers[i]);
	}
	while (bench.passed < NUMBERS * RINGS_MAX)
		if (read_rings(1 + na_random_below(&random, 2000)) == 0)
			assert_int_equal(na_rings_wait(bench.rings, -1, 10 * NA_NS_PER_US), 0);
	for (size_t i = 0; i < RINGS_MAX; i++)
		pthread_join(producers[i].thread, NULL);
	na_rings_drain(bench.rings, take, &bench);
	for (size_t i = 0; i < RINGS_MAX; i++) {
		expected += producers[i].next;
		assert_true(all_given_back(i));
		for (uint64_t k = 0; k < producers[i].next; k++)
			assert_int_equal(bench.seen[i][k], 1);
	}
	assert_int_equal(bench.passed, expected);
	assert_int_equal(na_rings_malformed(bench.rings), 0);
	teardown();
}

static void nothing_happens(int call)
{
	(void)call;
}

static void records_in_their_window_are_waited_for_without_a_bell(void **state)
{
	(void)state;
	setup(1, PAGE);
	polled.hook = nothing_happens;
	put(0, START_NS);
	assert_int_equal(read_rings(10), 0);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 1);
	assert_false(polled.with_bell[0]);
	assert_int_equal(polled.timeouts_ns[0], NA_MERGE_WINDOW_NS);
	assert_int_equal(bench.doorbell.sleeping, 0);
	teardown();
}

static void expect_flag(int call)
{
	(void)call;
	assert_int_equal(bench.doorbell.sleeping, 1);
}

static void idle_sleeps_once_short_and_then_long(void **state)
{
	(void)state;
	setup(2, PAGE);
	polled.hook = expect_flag;
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 2);
	assert_true(polled.with_bell[0] && polled.with_bell[1]);
	assert_int_equal(polled.timeouts_ns[0] + polled.timeouts_ns[1],
			 NA_RINGS_SLEEP_MS * NA_NS_PER_MS);
	assert_int_equal(bench.doorbell.sleeping, 0);
	polled.calls = 0;
	assert_int_equal(na_rings_wait(bench.rings, -1, NA_NS_PER_MS / 2), 0);
	assert_int_equal(polled.calls, 1);
	assert_int_equal(polled.timeouts_ns[0], NA_NS_PER_MS / 2);
	teardown();
}

static void put_without_bell(int call)
{
	if (call == 1)
		put(1, START_NS);
}

static void a_record_that_missed_the_flag_is_seen_at_the_second_look(void **state)
{
	(void)state;
	setup(2, PAGE);
	polled.hook = put_without_bell;
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 1);
	teardown();
}

static void ring_the_bell(int call)
{
	(void)call;
	put(1, START_NS);
	na_sim_ring_bell(&bench.sims[1], &bench.doorbell);
}

static void the_bell_wakes_and_an_unread_record_does_not(void **state)
{
	(void)state;
	setup(2, PAGE);
	polled.hook = ring_the_bell;
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 1);
	assert_int_equal(polled.ready, 1);
	assert_int_equal(na_rings_drain(bench.rings, take, &bench), 1);
	/* The event descriptor is still readable, as a ring is that was not given back. */
	polled.hook = nothing_happens;
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 3);
	assert_int_equal(polled.ready, 0);
	polled.calls = 0;
	polled.hook = ring_the_bell;
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 1);
	assert_int_equal(polled.ready, 1);
	teardown();
}

static void what_came_before_the_flag_is_not_slept_over(void **state)
{
	(void)state;
	setup(2, PAGE);
	polled.hook = nothing_happens;
	put(1, START_NS);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 0);
	assert_int_equal(bench.doorbell.sleeping, 0);
	teardown();
}

/* Whoever submits it has perhaps looked at the flag already. */
static void a_busy_record_is_waited_for_shortly(void **state)
{
	struct na_record_exited *busy;

	(void)state;
	setup(2, PAGE);
	polled.hook = nothing_happens;
	busy = reserve(1, START_NS);
	assert_int_equal(read_rings(10), 0);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 1);
	assert_int_equal(polled.timeouts_ns[0], NA_MERGE_WINDOW_NS);
	na_sim_ring_submit(busy, false);
	teardown();
}

static void what_the_limit_left_is_not_slept_over(void **state)
{
	(void)state;
	setup(1, PAGE);
	polled.hook = nothing_happens;
	for (uint64_t i = 0; i < 10; i++)
		put(0, START_NS + i);
	clock_ns += 2 * NA_MERGE_WINDOW_NS;
	assert_int_equal(read_rings(4), 4);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(read_rings(4), 4);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 0);
	assert_int_equal(read_rings(4), 2);
	teardown();
}

/* What is pending waits for records that were not looked at yet. */
static void what_the_scan_left_is_not_slept_over(void **state)
{
	(void)state;
	setup(1, PAGE);
	polled.hook = nothing_happens;
	for (uint64_t i = 0; i < 12; i++)
		put(0, START_NS + i / 4 * 5 * NA_MERGE_WINDOW_NS);
	clock_ns += 20 * NA_MERGE_WINDOW_NS;
	assert_int_equal(read_rings(4), 4);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 0);
	assert_int_equal(read_rings(100), 8);
	teardown();
}

static void another_descriptor_wakes_too(void **state)
{
	int wake_fd = eventfd(1, EFD_CLOEXEC);

	(void)state;
	setup(1, PAGE);
	polled.hook = nothing_happens;
	assert_int_equal(na_rings_wait(bench.rings, wake_fd, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 1);
	put(0, START_NS);
	assert_int_equal(read_rings(1), 0);
	assert_int_equal(na_rings_wait(bench.rings, wake_fd, UINT64_MAX), 0);
	assert_int_equal(polled.calls, 2);
	assert_int_equal(polled.ready, 1);
	close(wake_fd);
	teardown();
}

/* In earnest: the producer waits until the reader is in its long sleep. */
static void *ring_when_asleep(void *context)
{
	(void)context;
	while (__atomic_load_n(&polled.calls, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
	put(0, START_NS);
	na_sim_ring_bell(&bench.sims[0], &bench.doorbell);
	return NULL;
}

static void a_sleeping_reader_wakes(void **state)
{
	pthread_t thread;

	(void)state;
	setup(1, PAGE);
	pthread_create(&thread, NULL, ring_when_asleep, NULL);
	assert_int_equal(na_rings_wait(bench.rings, -1, UINT64_MAX), 0);
	pthread_join(thread, NULL);
	assert_int_equal(polled.calls, 2);
	assert_int_equal(polled.ready, 1);
	assert_int_equal(na_rings_drain(bench.rings, take, &bench), 1);
	teardown();
}

static void sizes_that_cannot_be_are_refused(void **state)
{
	struct na_rings *rings = NULL;
	int fd = eventfd(0, EFD_CLOEXEC);

	(void)state;
	assert_int_equal(na_rings_open(&fd, 0, PAGE, fd, &rings), -EINVAL);
	assert_int_equal(na_rings_open(&fd, 1, PAGE / 2, fd, &rings), -EINVAL);
	assert_int_equal(na_rings_open(&fd, 1, 3 * PAGE, fd, &rings), -EINVAL);
	assert_true(na_rings_open(&fd, 1, PAGE, fd, &rings) < 0);
	assert_null(rings);
	na_rings_close(&rings);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_waits_for_its_window),
		cmocka_unit_test(a_busy_record_holds_back_what_is_later),
		cmocka_unit_test(a_busy_record_holds_back_nothing_that_is_earlier),
		cmocka_unit_test(discarded_records_are_skipped),
		cmocka_unit_test(malformed_records_are_counted_and_skipped),
		cmocka_unit_test(a_length_that_leads_out_of_the_ring_ends_it_there),
		cmocka_unit_test(the_taker_can_stop),
		cmocka_unit_test(draining_takes_all_that_is_whole),
		cmocka_unit_test(a_failed_allocation_loses_nothing),
		cmocka_unit_test(draining_without_memory_takes_all),
		cmocka_unit_test(any_order_of_calls_keeps_order_and_records),
		cmocka_unit_test(threads_lose_nothing_and_keep_order),
		cmocka_unit_test(records_in_their_window_are_waited_for_without_a_bell),
		cmocka_unit_test(idle_sleeps_once_short_and_then_long),
		cmocka_unit_test(a_record_that_missed_the_flag_is_seen_at_the_second_look),
		cmocka_unit_test(the_bell_wakes_and_an_unread_record_does_not),
		cmocka_unit_test(what_came_before_the_flag_is_not_slept_over),
		cmocka_unit_test(a_busy_record_is_waited_for_shortly),
		cmocka_unit_test(what_the_limit_left_is_not_slept_over),
		cmocka_unit_test(what_the_scan_left_is_not_slept_over),
		cmocka_unit_test(another_descriptor_wakes_too),
		cmocka_unit_test(a_sleeping_reader_wakes),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
