/* SPDX-License-Identifier: Apache-2.0 */
/* Following a journal while another thread writes it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "reader_fixture.h"

static unsigned int reads; /* of files, by anybody */

ssize_t __real_pread(int fd, void *data, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset);

ssize_t __wrap_pread(int fd, void *data, size_t length, off_t offset)
{
	reads++;
	return __real_pread(fd, data, length, offset);
}

struct follow {
	unsigned int events, segments;
};

/* Takes the stream to the disk as it goes, and lets the ring forget what is there. */
static void *write_on(void *context)
{
	const struct follow *follow = context;

	for (unsigned int i = 0; i < follow->segments; i++) {
		made_begin(&made);
		for (unsigned int j = 0; j < follow->events; j += 5) {
			made_events(&made, 5);
			made_write(&made);
			made_show(&made);
		}
		made_seal(&made);
		made_write(&made);
		made_show(&made);
	}
	return NULL;
}

static void follow_writer(const char *tail)
{
	struct follow follow = {200, 30};
	uint64_t last = follow.events * follow.segments;
	uint64_t deadline_ns = na_clock_boot_ns() + 60 * NA_NS_PER_SEC;
	pthread_t writer;

	made_tail(&made, 4 * NA_TAIL_PAGE);
	open_with(tail);
	assert_int_equal(pthread_create(&writer, NULL, write_on, &follow), 0);
	for (uint64_t expected = 1; expected <= last;) {
		int step = na_reader_next(reader, &item);

		if (step == NA_READER_END) {
			assert_true(na_clock_boot_ns() < deadline_ns);
			na_reader_wait(reader, NA_NS_PER_SEC);
			continue;
		}
		if (step == NA_READER_GAP)
			fail_msg("%s", item.gap.reason);
		assert_int_equal(step, NA_READER_EVENT);
		assert_int_equal(item.sequence, expected);
		assert_int_equal(item.event.f_PROCESS_PID, 1000 + expected % 3);
		expected++;
	}
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
}

static void following_segments_and_tail_misses_nothing(void **state)
{
	(void)state;
	follow_writer(made.tail_path);
}

static void following_segments_alone_misses_nothing(void **state)
{
	(void)state;
	follow_writer(NULL);
}

/* From the file that ended into what the tail has of the next: that file is not asked again. */
static void what_the_tail_has_is_not_asked_of_the_file_before(void **state)
{
	(void)state;
	made_tail(&made, 4 * NA_TAIL_PAGE);
	for (int i = 0; i < 2; i++) {
		made_begin(&made);
		made_events(&made, 30);
		made_seal(&made);
		made_show(&made);
		made_write(&made);
	}
	open_with(made.tail_path);
	for (uint64_t expected = 1; expected <= 60; expected++) {
		assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
		assert_int_equal(item.sequence, expected);
		if (expected == 31)
			reads = 0;
	}
	assert_int_equal(reads, 0);
}

static void *wake_on(void *context)
{
	atomic_bool *over = context;

	while (!*over)
		na_reader_wake(reader);
	return NULL;
}

/* Each wait that is not woken takes a second, or a quarter of one without a tail. */
static void who_waits_can_be_woken(void **state)
{
	uint64_t start_ns = na_clock_boot_ns();
	atomic_bool over;
	pthread_t waker;

	(void)state;
	made_segment(&made, 1);
	made_tail(&made, NA_TAIL_PAGE);
	for (int with_tail = 0; with_tail < 2; with_tail++) {
		over = false;
		open_with(with_tail ? made.tail_path : NULL);
		while (na_reader_next(reader, &item) == NA_READER_EVENT)
			;
		na_reader_wake(reader); /* before there is a wait: it ends the next one */
		na_reader_wait(reader, UINT64_MAX);
		assert_int_equal(pthread_create(&waker, NULL, wake_on, &over), 0);
		for (int i = 0; i < 1000; i++)
			na_reader_wait(reader, UINT64_MAX);
		over = true;
		assert_int_equal(pthread_join(waker, NULL), 0);
		na_reader_close(&reader);
	}
	assert_true(na_clock_boot_ns() - start_ns < 200 * NA_NS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(following_segments_and_tail_misses_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(following_segments_alone_misses_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_the_tail_has_is_not_asked_of_the_file_before,
						setup, teardown),
		cmocka_unit_test_setup_teardown(who_waits_can_be_woken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
