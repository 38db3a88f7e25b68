/* SPDX-License-Identifier: Apache-2.0 */
/* The tail for its readers: what it refuses, frames that wrap around, frames that go meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/decoder.h"
#include "made.h"

static struct made made;
static _Alignas(8) char frame[NA_FRAME_MAX];

static int setup(void **state)
{
	(void)state;
	made_init(&made);
	made_tail(&made, 2 * NA_TAIL_PAGE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_done(&made);
	return 0;
}

static void what_was_put_in_comes_out(void **state)
{
	struct na_tail tail;
	uint64_t position = 0;
	unsigned int frames = 0;
	int size;

	(void)state;
	assert_int_equal(na_tail_open(made.tail_path, &tail), 0);
	assert_int_equal(na_tail_read(&tail, 0, frame, sizeof(frame)), 0);
	made_begin(&made);
	made_events(&made, 3);
	made_show(&made);
	while ((size = na_tail_read(&tail, position, frame, sizeof(frame))) > 0) {
		assert_int_equal(na_frame_check(frame, (size_t)size), 0);
		assert_memory_equal(frame, made.segment.data + position, size);
		position += (uint64_t)size;
		frames++;
	}
	assert_int_equal(size, 0);
	assert_int_equal(position, made.segment.length);
	assert_true(frames > 4);
	assert_int_equal(na_tail_read(&tail, 0, frame, 64), -EBADMSG); /* no room for it */
	na_tail_close(&tail);
	na_tail_close(&tail);
}

static void frames_wrap_around_and_go(void **state)
{
	struct na_tail tail;
	uint64_t position = 0;
	int size = 0;

	(void)state;
	assert_int_equal(na_tail_open(made.tail_path, &tail), 0);
	made_begin(&made);
	made_events(&made, 1000); /* many times the ring */
	made_show(&made);
	assert_true(made.segment.length > 4 * made.tail.size);
	assert_int_equal(na_tail_read(&tail, 0, frame, sizeof(frame)), -ESTALE);
	position = atomic_load(&made.tail.head->begin);
	while ((size = na_tail_read(&tail, position, frame, sizeof(frame))) > 0) {
		assert_memory_equal(frame, made.segment.data + position, size);
		position += (uint64_t)size;
	}
	assert_int_equal(size, 0);
	assert_int_equal(position, made.segment.length);
	na_tail_close(&tail);
}

/* A writer that is wrong, or bytes that were never one. */
static void sizes_that_make_no_sense_are_refused(void **state)
{
	static const uint32_t sizes[] = {
		0, 8, 15, 17, 8 * NA_TAIL_PAGE, UINT32_MAX, UINT32_MAX - 7};
	struct na_tail tail;

	(void)state;
	assert_int_equal(na_tail_open(made.tail_path, &tail), 0);
	made_begin(&made);
	made_show(&made);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memcpy(made.tail.data + 4, &sizes[i], sizeof(sizes[i]));
		assert_int_equal(na_tail_read(&tail, 0, frame, sizeof(frame)), -EBADMSG);
	}
	assert_int_equal(na_tail_read(&tail, 4, frame, sizeof(frame)), -EBADMSG);
	atomic_store(&made.tail.head->end, 8);
	assert_int_equal(na_tail_read(&tail, 0, frame, sizeof(frame)), -EBADMSG);
	na_tail_close(&tail);
}

static void expect_refused(void)
{
	struct na_tail tail = {.fd = 77};

	assert_int_equal(na_tail_open(made.tail_path, &tail), -EBADMSG);
	assert_int_equal(tail.fd, 77);
}

static void other_files_are_no_tail(void **state)
{
	struct na_tail_head *head = made.tail.head;
	struct na_tail tail;
	char link[96];

	(void)state;
	head->magic++;
	expect_refused();
	head->magic--;
	head->layout++;
	expect_refused();
	head->layout--;
	head->size += NA_TAIL_PAGE; /* longer than the file */
	expect_refused();
	head->size = 0;
	expect_refused();
	head->size = NA_TAIL_PAGE + 8;
	expect_refused();
	head->size = UINT64_MAX - NA_TAIL_PAGE + 1;
	expect_refused();
	head->size = 2 * NA_TAIL_PAGE;
	assert_int_equal(na_tail_open(made.tail_path, &tail), 0);
	na_tail_close(&tail);
	snprintf(link, sizeof(link), "%s/tail", made.folder);
	assert_int_equal(symlink(made.tail_path, link), 0);
	assert_int_equal(na_tail_open(link, &tail), -ELOOP);
	assert_int_equal(na_tail_open("/nowhere/tail", &tail), -ENOENT);
	assert_int_equal(na_tail_open(made.folder, &tail), -EBADMSG);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(mkfifo(link, 0600), 0);
	assert_int_equal(na_tail_open(link, &tail), -EBADMSG);
	assert_int_equal(truncate(made.tail_path, 100), 0);
	expect_refused();
}

static void *move(void *unused)
{
	made_show(&made);
	return unused;
}

static void waiting_ends_with_more_or_with_time(void **state)
{
	struct na_tail tail;
	pthread_t writer;
	uint64_t begin_ns = na_clock_boot_ns();
	uint32_t seen;

	(void)state;
	assert_int_equal(na_tail_open(made.tail_path, &tail), 0);
	seen = atomic_load(&tail.head->moved);
	na_tail_wait(&tail, seen, 20 * NA_NS_PER_MS);
	assert_true(na_clock_boot_ns() - begin_ns >= 20 * NA_NS_PER_MS);
	na_tail_wait(&tail, seen + 1, 600 * NA_NS_PER_SEC); /* it has moved already */
	made_begin(&made);
	assert_int_equal(pthread_create(&writer, NULL, move, NULL), 0);
	na_tail_wait(&tail, seen, 600 * NA_NS_PER_SEC);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_true(na_tail_read(&tail, 0, frame, sizeof(frame)) > 0);
	na_tail_close(&tail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_in_comes_out, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_wrap_around_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes_that_make_no_sense_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(other_files_are_no_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(waiting_ends_with_more_or_with_time, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
