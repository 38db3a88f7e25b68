/* SPDX-License-Identifier: Apache-2.0 */
/* The last look at rings of programs that go on: what was there comes, and it ends. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "capture/capture_internal.h"
#include "capture/merge.h"
#include "capture/ring_internal.h"
#include "sim_ring.h"

#define RINGS 2
#define RING_BYTES (1 << 20)
#define START_NS (100 * NA_NS_PER_SEC)

static uint64_t clock_ns; /* of all: replaces that of the library */
static struct na_sim_ring sims[RINGS];
static struct na_doorbell doorbell;
static struct na_capture capture;
static size_t passed;
static bool flood; /* for each record that is passed on another one comes */

uint64_t na_clock_boot_ns(void)
{
	return clock_ns;
}

bool na_own_takes(struct na_own *own, const struct na_record_header *record)
{
	(void)own;
	(void)record;
	fail();
	return false;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals);

/* Time passes as asked for, and nothing comes. */
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		 const sigset_t *signals)
{
	(void)fds;
	(void)count;
	(void)signals;
	clock_ns += (uint64_t)timeout->tv_sec * NA_NS_PER_SEC + (uint64_t)timeout->tv_nsec;
	return 0;
}

static void put(size_t ring, uint64_t time_ns)
{
	struct na_record_exited *record = na_sim_ring_reserve(&sims[ring], sizeof(*record));

	assert_non_null(record);
	*record = (struct na_record_exited){.header = {.size = sizeof(*record),
						       .type = NA_RECORD_EXITED,
						       .program = NA_PROGRAM_EXIT,
						       .time_ns = time_ns}};
	na_sim_ring_submit(record, false);
}

static int take(void *context, const struct na_record_header *record)
{
	(void)context;
	(void)record;
	passed++;
	clock_ns += 100 * NA_NS_PER_US;
	if (flood)
		put(0, clock_ns - 2 * NA_MERGE_WINDOW_NS);
	return 0;
}

static int set_up(void **state)
{
	struct na_ring_memory memory[RINGS];

	(void)state;
	clock_ns = START_NS;
	passed = 0;
	flood = false;
	memset(&capture, 0, sizeof(capture));
	for (size_t i = 0; i < RINGS; i++) {
		na_sim_ring_init(&sims[i], RING_BYTES);
		memory[i] = na_sim_ring_memory(&sims[i]);
	}
	return na_rings_new(memory, RINGS, &doorbell, &capture.rings);
}

static int tear_down(void **state)
{
	(void)state;
	na_rings_close(&capture.rings);
	for (size_t i = 0; i < RINGS; i++)
		na_sim_ring_done(&sims[i]);
	return 0;
}

/* As the counters of datagrams are, which the kernel reports at the end. */
static void check_reported_just_now(void)
{
	put(0, START_NS - 5 * NA_MERGE_WINDOW_NS);
	put(1, START_NS);
	assert_int_equal(na_capture_drain(&capture, take, NULL), 2);
	assert_int_equal(passed, 2);
	assert_true(clock_ns < START_NS + 10 * NA_MERGE_WINDOW_NS);
}

static void while_a_process_detaches(void **state)
{
	(void)state;
	capture.detacher = 1;
	check_reported_just_now();
}

static void while_it_is_pinned(void **state)
{
	(void)state;
	capture.pinned = true;
	check_reported_just_now();
}

static void more_than_one_batch(void **state)
{
	(void)state;
	capture.detacher = 1;
	for (int i = 0; i < 10000; i++)
		put((size_t)i % RINGS, START_NS - 20000 + (uint64_t)i);
	put(1, START_NS);
	assert_int_equal(na_capture_drain(&capture, take, NULL), 10001);
	assert_int_equal(passed, 10001);
}

/* A host that makes records as fast as they are read does not hold up the end. */
static void it_ends(void **state)
{
	(void)state;
	capture.detacher = 1;
	flood = true;
	for (int i = 0; i < 5000; i++)
		put(0, START_NS - 2 * NA_MERGE_WINDOW_NS);
	assert_true(na_capture_drain(&capture, take, NULL) > 0);
	assert_true(clock_ns < START_NS + 3 * NA_NS_PER_SEC);
}

static int refuse(void *context, const struct na_record_header *record)
{
	(void)context;
	(void)record;
	return -ENOSPC;
}

static void who_takes_no_more_is_heard(void **state)
{
	(void)state;
	capture.detacher = 1;
	put(0, START_NS - 5 * NA_MERGE_WINDOW_NS);
	assert_int_equal(na_capture_drain(&capture, refuse, NULL), -ENOSPC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(while_a_process_detaches),   TEST(while_it_is_pinned),
		TEST(more_than_one_batch),        TEST(it_ends),
		TEST(who_takes_no_more_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
