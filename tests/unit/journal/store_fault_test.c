/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's writer when things fail: killed at each named point, on a disk that is full, sick,
 * slow or gone, and without memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <assert.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../capture/failing_alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "faulty_fs.h"
#include "journal/fault.h"
#include "journal/frame.h"
#include "store_support.h"

static struct na_world world;
static uint64_t stamp;

/* Shared with the child that is killed. */
static struct {
	char point[32]; /* the n-th time it is passed is the last */
	_Atomic unsigned int left;
	size_t torn;                        /* bytes that "append.copy" copies first */
	_Atomic uint64_t appended;          /* last number whose append returned */
	struct na_journal_loss losses[128]; /* that were told */
	_Atomic size_t losses_count;
} * plan;

size_t na_journal_fault(const char *point)
{
	if (strcmp(point, plan->point) == 0 && plan->left && --plan->left == 0)
		kill(getpid(), SIGKILL);
	return plan->torn;
}

static int set_up(void **state)
{
	(void)state;
	stamp = 1000;
	na_world_init(&world);
	memset(plan, 0, sizeof(*plan));
	na_faulty_clear();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_faulty_clear();
	na_world_done(&world);
	return 0;
}

static void append(struct na_journal *journal, size_t count)
{
	while (count--)
		na_append(journal, ++stamp);
}

static uint64_t nothing_read(const char *cursors, const uint8_t journal[16])
{
	(void)cursors;
	(void)journal;
	return 0;
}

/* What was told before the kill must not be told again, so it is kept for the one who looks. */
static void tell(struct na_journal *journal)
{
	struct na_journal_loss *loss = &plan->losses[plan->losses_count];

	assert_true(plan->losses_count < sizeof(plan->losses) / sizeof(*plan->losses));
	if (!na_tell(journal, ++stamp, loss))
		return;
	plan->losses_count++;
	plan->appended = na_journal_next_sequence(journal) - 1;
}

/* Under the writer, which makes it anew. */
static void delete_newest(void)
{
	char path[2 * NA_TEST_PATH_SIZE];
	size_t n = 0;

	while (na_world_file(&world, ".segment", n, path))
		n++;
	assert_int_equal(unlink(path), 0);
}

/* A life that passes every point, in a child that is killed on its way. */
static void live_and_die(void)
{
	struct na_journal *journal = na_world_open(&world);

	for (int i = 0; i < 60; i++) {
		na_append(journal, ++stamp);
		plan->appended = na_journal_next_sequence(journal) - 1;
		if (i % 10 == 9)
			na_journal_sync(journal, na_soon());
		tell(journal);
	}
	delete_newest();
	na_journal_sync(journal, na_soon());
	na_append(journal, ++stamp);
	plan->appended = na_journal_next_sequence(journal) - 1;
	na_journal_sync(journal, na_soon());
	/* Full, so that a loss is made. */
	na_faulty_fail(NA_FAULTY_OPEN, 1, EIO);
	na_faulty_stall(true);
	for (int i = 0; i < 400; i++) {
		na_append(journal, ++stamp);
		plan->appended = na_journal_next_sequence(journal) - 1;
	}
	na_faulty_stall(false);
	na_faulty_fail(NA_FAULTY_SYNC, 1, EIO);
	na_journal_sync(journal, na_soon());
	tell(journal);
	na_journal_close(&journal, na_soon());
}

static bool is_told(uint64_t sequence)
{
	for (size_t i = 0; i < plan->losses_count; i++)
		if (sequence >= plan->losses[i].first_sequence &&
		    sequence <= plan->losses[i].last_sequence)
			return true;
	return false;
}

/* Each number once, or named by a loss. */
static void check_after_kill(void)
{
	struct na_journal *journal = na_world_open(&world);
	NA_CLEANUP(na_harvest_done) struct na_harvest found;
	size_t at = 0, told;
	uint64_t last = plan->appended;

	assert_true(na_journal_next_sequence(journal) > last);
	/* One that the stream tells though the child did not live to count it. */
	plan->losses_count += plan->losses[plan->losses_count].count > 0;
	do {
		assert_int_equal(na_journal_sync(journal, na_soon()), 0);
		told = plan->losses_count;
		tell(journal);
	} while (plan->losses_count > told);
	na_journal_close(&journal, na_soon());
	na_harvest(&world, &found);
	for (uint64_t sequence = 1; sequence <= last; sequence++) {
		if (at < found.count && found.items[at].sequence == sequence)
			at++;
		else if (!is_told(sequence))
			fail_msg("killed at %s: number %llu of %llu is missing", plan->point,
				 (unsigned long long)sequence, (unsigned long long)last);
	}
	for (; at + 1 < found.count; at++)
		assert_true(found.items[at].sequence < found.items[at + 1].sequence);
}

/* False: the child lived through it all. */
static bool die_at(const char *point, unsigned int nth, size_t torn)
{
	pid_t child;
	int status;

	set_up(NULL);
	world.options.tail_size = 16 << 10;
	world.options.max_size = 20 << 10;
	world.options.needed = nothing_read;
	snprintf(plan->point, sizeof(plan->point), "%s", point);
	plan->left = nth;
	plan->torn = torn;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		live_and_die();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	plan->torn = 0;
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		assert_int_equal(plan->left, 0);
		check_after_kill();
	} else {
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	tear_down(NULL);
	return WIFSIGNALED(status);
}

static void test_killed_at_every_point(void **state)
{
	static const char *const points[] = {
		"create",          "create.done",    "write",
		"write.done",      "sync",           "remake.sync",
		"remake.rename",   "state.write",    "state.sync",
		"state.done",      "unlink",         "unlink.done",
		"append.numbered", "append.publish", "append.published",
		"loss.slot",       "seal",           "seal.done",
		"close.state",     "close.done",     "tail.create",
		"tail.handover",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
		/* The first time is always reached: a point that is gone must not pass. */
		if (!die_at(points[i], 1, 0))
			fail_msg("%s was never passed", points[i]);
		for (unsigned int nth = 2; nth < 12 && die_at(points[i], nth, 0); nth++)
			;
	}
}

static void test_torn_at_each_byte_of_a_header(void **state)
{
	(void)state;
	for (size_t torn = 1; torn <= sizeof(struct na_frame); torn++) {
		assert_true(die_at("append.torn", 1, torn));
		assert_true(die_at("append.torn", 30, torn));
	}
}

static void test_disk_full_and_back(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_status status;

	(void)state;
	append(journal, 10);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_faulty_fail(NA_FAULTY_WRITE, UINT32_MAX, ENOSPC);
	append(journal, 100);
	assert_int_equal(na_journal_sync(journal, na_clock_boot_ns() + 50 * NA_NS_PER_MS),
			 -ETIMEDOUT);
	na_journal_status(journal, &status);
	assert_int_equal(status.last_error, -ENOSPC);
	assert_non_null(strstr(status.last_error_text, world.folder));
	na_faulty_clear();
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_journal_status(journal, &status);
	assert_int_equal(status.last_error, 0);
	assert_int_equal(status.events_lost, 0);
	na_journal_close(&journal, na_soon());
	na_world_has(&world, 1, 110);
}

static void test_failed_sync_condemns_the_file(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	char path[2 * NA_TEST_PATH_SIZE];
	struct na_journal_status status;
	struct stat before, after;

	(void)state;
	append(journal, 10);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	assert_true(na_world_file(&world, ".segment", 0, path));
	assert_int_equal(stat(path, &before), 0);
	na_faulty_fail(NA_FAULTY_SYNC, 1, EIO);
	append(journal, 10);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino); /* another file has its name */
	na_journal_status(journal, &status);
	assert_int_equal(status.sync_errors, 1);
	na_journal_close(&journal, na_soon());
	assert_false(na_world_file(&world, ".tmp", 0, path));
	na_world_has(&world, 1, 20);
}

/* The old bytes cannot be read back: the whole segment is a loss, and the next one is fine. */
static void test_unreadable_segment_is_a_loss(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;
	uint64_t last;

	(void)state;
	append(journal, 10);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_faulty_fail(NA_FAULTY_READ, UINT32_MAX, EIO);
	na_faulty_fail(NA_FAULTY_WRITE, 1, EIO);
	append(journal, 10);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_faulty_clear();
	last = na_append(journal, ++stamp);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.reason, NA_JOURNAL_DAMAGED);
	assert_int_equal(loss.first_sequence, 1);
	assert_int_equal(loss.count, loss.last_sequence);
	assert_in_range(loss.last_sequence, 20, last - 1);
	na_journal_close(&journal, na_soon());
}

static void test_short_writes(void **state)
{
	struct na_journal *journal = na_world_open(&world);

	(void)state;
	na_faulty_short(true);
	append(journal, 300);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_journal_close(&journal, na_soon());
	na_world_has(&world, 1, 300);
}

/* The disk takes nothing: the tail does, until it is full; then the loss is exact. */
static void test_stalled_disk(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_status status;
	struct na_journal_loss loss;

	(void)state;
	append(journal, 1);
	na_faulty_stall(true);
	append(journal, 3000);
	na_journal_status(journal, &status);
	assert_true(status.events_lost > 0);
	/* What finds no room first may be the beginning of a segment, with all its names. */
	assert_true(status.tail_most > world.options.tail_size / 2);
	assert_false(na_journal_take_loss(journal, &loss));
	na_faulty_stall(false);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.reason, NA_JOURNAL_TAIL_FULL);
	assert_int_equal(loss.count, status.events_lost);
	assert_int_equal(loss.last_sequence, 3001);
	assert_int_equal(loss.first_sequence, 3001 - status.events_lost + 1);
	na_journal_close(&journal, na_soon());
}

/* Close returns by its deadline though the writer hangs in the kernel; the tail has it all. */
static void test_close_on_a_stalled_disk(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	uint64_t before = na_clock_boot_ns();

	(void)state;
	na_faulty_stall(true);
	append(journal, 10);
	na_journal_close(&journal, before + 20 * NA_NS_PER_MS);
	assert_true(na_clock_boot_ns() - before < 10 * NA_NS_PER_SEC);
	na_faulty_stall(false);
}

#define CURSORS "/a/folder/of/cursors"

static _Atomic unsigned int asked;

static uint64_t ask(const char *cursors, const uint8_t journal[16])
{
	assert(strcmp(cursors, CURSORS) == 0 && journal[6] >> 4 == 4);
	asked++;
	return 0;
}

/* It goes on when the disk does, with nothing that the caller has freed, and ends. */
static void test_disk_that_comes_back_after_close(void **state)
{
	NA_FREE char *cursors = strdup(CURSORS);
	NA_CLOSE int tail = -1;
	struct na_journal *journal;

	(void)state;
	world.options.max_size = 40 << 10;
	world.options.needed = ask;
	world.options.cursors = cursors;
	journal = na_world_open(&world);
	memset(cursors, 'x', strlen(cursors));
	append(journal, 1000);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_faulty_stall(true);
	append(journal, 300);
	na_journal_close(&journal, na_clock_boot_ns() + 20 * NA_NS_PER_MS);
	asked = 0;
	na_faulty_stall(false);
	tail = open(world.tail, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(tail, LOCK_EX), 0); /* until the thread has freed all */
	assert_true(asked > 0);
}

static void remove_folder(void)
{
	char path[2 * NA_TEST_PATH_SIZE];

	while (na_world_file(&world, "", 0, path))
		assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(world.folder), 0);
}

/* The segment that was being written is whole in the new folder, the others are told. */
static void test_removed_folder(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	NA_CLEANUP(na_harvest_done) struct na_harvest found;
	struct na_journal_loss loss;

	(void)state;
	append(journal, 200);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	remove_folder();
	append(journal, 10);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.reason, NA_JOURNAL_DAMAGED);
	assert_int_equal(loss.first_sequence, 1);
	na_journal_close(&journal, na_soon());
	na_harvest(&world, &found);
	assert_int_equal(found.items[0].sequence, loss.last_sequence + 1);
	assert_int_equal(found.items[found.count - 1].sequence, 211);
	assert_int_equal(found.count, 211 - loss.last_sequence);
}

/* What cannot be written at the start is written when it can; nothing is lost meanwhile. */
static void test_folder_that_comes_late(void **state)
{
	struct na_journal *journal;
	struct na_journal_status status;
	int fd = open(world.folder, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); /* in its place */

	(void)state;
	journal = na_world_open(&world);
	append(journal, 50);
	do {
		assert_int_equal(na_journal_sync(journal, na_clock_boot_ns() + 30 * NA_NS_PER_MS),
				 -ETIMEDOUT);
		na_journal_status(journal, &status);
	} while (!status.last_error); /* a slow machine: the writer did not run yet */
	assert_int_equal(status.last_error, -ENOTDIR);
	close(fd);
	unlink(world.folder);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_journal_close(&journal, na_soon());
	na_world_has(&world, 1, 50);
}

static void test_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (size_t n = 1; failed; n++) {
		NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
		struct na_journal *journal = NULL;
		int error;

		na_failing_alloc_arm(n);
		error = na_journal_open(&world.options, &journal, &why);
		failed = na_failing_alloc_disarm();
		assert_true(error == 0 || (failed && !journal));
		if (error)
			continue;
		append(journal, 3);
		na_journal_close(&journal, na_soon());
	}
}

/* An append that finds no memory is a loss like any other. */
static void test_append_without_memory(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;
	struct na_event event;
	uint64_t lost = 0;
	bool failed = true;

	(void)state;
	for (size_t n = 1; failed; n++) {
		uint64_t sequence = na_journal_next_sequence(journal);
		int error;

		na_event_init(&event, NA_EVENT_ESTABLISHED, n);
		NA_SET(&event, EVENT_SEQUENCE, (int64_t)sequence);
		NA_SET(&event, TIMESTAMP, ++stamp);
		na_failing_alloc_arm(n);
		error = na_journal_append(journal, &event);
		failed = na_failing_alloc_disarm();
		assert_true(error == 0 || (failed && error == -ENOMEM));
		lost += error != 0;
	}
	assert_true(lost > 0);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.count, lost);
	na_journal_close(&journal, na_soon());
}

static _Atomic bool done;

static void *look(void *context)
{
	struct na_journal *journal = context;
	struct na_journal_status status;

	while (!done) {
		na_journal_status(journal, &status);
		if (status.tail_used > status.tail_size)
			return context;
	}
	return NULL;
}

/* Three threads at once; ThreadSanitizer looks at them. */
static void test_threads(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;
	pthread_t thread;
	void *failed;

	(void)state;
	done = false;
	assert_int_equal(pthread_create(&thread, NULL, look, journal), 0);
	for (int i = 0; i < 200; i++) {
		append(journal, 100);
		na_tell(journal, ++stamp, &loss);
	}
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	done = true;
	pthread_join(thread, &failed);
	assert_null(failed);
	na_journal_close(&journal, na_soon());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_every_point),
		cmocka_unit_test(test_torn_at_each_byte_of_a_header),
		cmocka_unit_test_setup_teardown(test_disk_full_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_sync_condemns_the_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_unreadable_segment_is_a_loss, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_short_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stalled_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_removed_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_folder_that_comes_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_append_without_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
		/* Last: its writer is left hanging. */
		cmocka_unit_test_setup_teardown(test_close_on_a_stalled_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_disk_that_comes_back_after_close, set_up,
						tear_down),
	};

	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return plan == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
