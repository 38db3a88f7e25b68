/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's writer on a file system that works: numbers, segments, starts, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/journal.h"
#include "store_support.h"

static struct na_world world;
static uint64_t stamp;

static int set_up(void **state)
{
	(void)state;
	stamp = 1000;
	na_world_init(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_world_done(&world);
	return 0;
}

static void append(struct na_journal *journal, size_t count)
{
	while (count--)
		na_append(journal, ++stamp);
}

static size_t count_segments(void)
{
	char path[2 * NA_TEST_PATH_SIZE];
	size_t n = 0;

	while (na_world_file(&world, ".segment", n, path))
		n++;
	return n;
}

static void test_clean_end_leaves_no_hole(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;

	(void)state;
	append(journal, 500);
	na_journal_close(&journal, na_soon());
	assert_null(journal);
	assert_true(count_segments() > 3);
	unlink(world.tail); /* all of it is in segments */
	journal = na_world_open(&world);
	assert_int_equal(na_journal_next_sequence(journal), 501);
	append(journal, 10);
	assert_false(na_journal_take_loss(journal, &loss));
	na_journal_close(&journal, na_soon());
	na_world_has(&world, 1, 510);
}

static void test_kill_loses_nothing(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;

	(void)state;
	append(journal, 300);
	na_journal_close(&journal, 0);
	journal = na_world_open(&world);
	assert_false(na_journal_take_loss(journal, &loss));
	assert_int_equal(na_journal_next_sequence(journal), 301);
	append(journal, 1);
	na_journal_close(&journal, na_soon());
	na_world_has(&world, 1, 301);
}

static void test_crash_is_told(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;

	(void)state;
	append(journal, 10);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_journal_close(&journal, 0);
	unlink(world.tail);
	journal = na_world_open(&world);
	assert_true(na_journal_next_sequence(journal) > 11);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.reason, NA_JOURNAL_CRASH);
	assert_int_equal(loss.first_sequence, 11);
	assert_int_equal(loss.last_sequence, na_journal_next_sequence(journal) - 2);
	assert_int_equal(loss.count, loss.last_sequence - loss.first_sequence + 1);
	assert_false(na_journal_take_loss(journal, &loss));
	na_journal_close(&journal, na_soon());
}

/* Told twice only when nobody appended the event. */
static void test_untold_loss_survives(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss, again;

	(void)state;
	append(journal, 3);
	na_journal_close(&journal, 0);
	unlink(world.tail);
	journal = na_world_open(&world);
	assert_true(na_journal_take_loss(journal, &loss));
	na_journal_close(&journal, 0);
	journal = na_world_open(&world);
	assert_true(na_tell(journal, ++stamp, &again));
	assert_int_equal(again.reason, loss.reason);
	assert_int_equal(again.first_sequence, loss.first_sequence);
	assert_int_equal(again.count, loss.count);
	na_journal_close(&journal, 0);
	journal = na_world_open(&world);
	assert_false(na_journal_take_loss(journal, &loss));
	na_journal_close(&journal, na_soon());
}

static void test_torn_end_is_cut(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	char path[2 * NA_TEST_PATH_SIZE];
	struct na_journal_loss loss;
	struct stat before, after;
	int fd;

	(void)state;
	append(journal, 5);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_journal_close(&journal, 0);
	unlink(world.tail);
	assert_true(na_world_file(&world, ".segment", 0, path));
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(write(fd, "torn torn torn torn torn", 21), 21);
	close(fd);
	journal = na_world_open(&world);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.first_sequence, 6);
	na_journal_close(&journal, na_soon());
}

/* A flipped bit with whole frames behind it is damage: nothing is cut off. */
static void test_damage_is_not_cut(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	char path[2 * NA_TEST_PATH_SIZE], byte;
	struct na_journal_loss loss;
	struct stat before, after;
	int fd;

	(void)state;
	append(journal, 20);
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_journal_close(&journal, 0);
	unlink(world.tail);
	assert_true(na_world_file(&world, ".segment", 0, path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(pread(fd, &byte, 1, before.st_size - 700), 1);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, before.st_size - 700), 1);
	close(fd);
	journal = na_world_open(&world);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_in_range(loss.first_sequence, 2, 20); /* from the damaged one on */
	na_journal_close(&journal, na_soon());
}

static void overwrite(const char *name, off_t offset)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};

	na_buffer_printf(&path, "%s/%s", world.folder, name);
	na_buffer_append_char(&path, '\0');
	NA_CLOSE int fd = open(path.data, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "damaged!", 8, offset + 40), 8);
}

static void keep_instance(const struct na_journal *journal, char instance[64])
{
	memcpy(instance, na_journal_instance(journal), strlen(na_journal_instance(journal)) + 1);
}

static void test_both_slots_gone(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;
	char instance[64];

	(void)state;
	append(journal, 200);
	keep_instance(journal, instance);
	na_journal_close(&journal, na_soon());
	unlink(world.tail);
	overwrite("state", 0);
	overwrite("state", 4096);
	journal = na_world_open(&world);
	assert_memory_equal(instance, na_journal_instance(journal), 36);
	assert_string_not_equal(instance, na_journal_instance(journal));
	assert_int_equal(na_journal_next_sequence(journal), 201 + world.options.sequence_block);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.first_sequence, 201);
	na_journal_close(&journal, na_soon());
}

static void test_one_slot_gone(void **state)
{
	struct na_journal *journal;
	char instance[64];

	(void)state;
	for (off_t slot = 0; slot < 2; slot++) {
		journal = na_world_open(&world);
		append(journal, 1);
		keep_instance(journal, instance);
		na_journal_close(&journal, na_soon());
		unlink(world.tail);
		overwrite("state", slot * 4096);
		journal = na_world_open(&world);
		assert_memory_equal(instance, na_journal_instance(journal), 36);
		assert_true(na_journal_next_sequence(journal) > (uint64_t)slot + 1);
		na_journal_close(&journal, na_soon());
	}
}

static void test_clone_is_another_journal(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	char instance[64];

	(void)state;
	append(journal, 200);
	keep_instance(journal, instance);
	na_journal_close(&journal, na_soon());
	unlink(world.tail);
	world.options.machine[0] = 77;
	journal = na_world_open(&world);
	assert_memory_not_equal(instance, na_journal_instance(journal), 36);
	append(journal, 5);
	na_journal_close(&journal, na_soon());
	na_world_has(&world, 1, 205); /* the older segments are still there, and ours */
}

static void test_second_writer_is_refused(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_journal *journal = na_world_open(&world), *second = NULL;
	struct na_journal_options options = world.options;
	char tail[NA_TEST_PATH_SIZE + 8], pid[32];

	(void)state;
	snprintf(tail, sizeof(tail), "%s2", world.tail);
	snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	options.tail = tail;
	assert_int_equal(na_journal_open(&options, &second, &why), -EBUSY);
	assert_null(second);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, pid));
	assert_non_null(strstr(why.data, world.folder));
	options.tail = world.tail;
	options.path = world.root; /* another folder, the same tail */
	na_buffer_clear(&why);
	assert_int_equal(na_journal_open(&options, &second, &why), -EBUSY);
	na_journal_close(&journal, na_soon());
}

static _Atomic uint64_t needed_position;

static uint64_t needed(const char *cursors, const uint8_t journal[16])
{
	(void)cursors;
	(void)journal;
	return needed_position;
}

static void test_oldest_go_and_are_told(void **state)
{
	struct na_journal *journal;
	struct na_journal_status status;
	struct na_journal_loss loss;
	NA_CLEANUP(na_harvest_done) struct na_harvest found;

	(void)state;
	world.options.max_size = 40 << 10;
	world.options.needed = needed;
	needed_position = 0;
	journal = na_world_open(&world);
	for (int i = 0; i < 100; i++) {
		append(journal, 20);
		assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	}
	na_journal_status(journal, &status);
	assert_in_range(status.segment_bytes, 1, world.options.max_size);
	assert_int_equal(status.last_sequence, 2000);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.reason, NA_JOURNAL_DROPPED);
	assert_int_equal(loss.first_sequence, 1);
	assert_int_equal(loss.count, loss.last_sequence);
	assert_int_equal(loss.last_sequence + 1, status.first_sequence);
	na_journal_close(&journal, na_soon());
	na_harvest(&world, &found);
	assert_int_equal(found.items[0].sequence, status.first_sequence);
}

static void test_read_segments_go_silently(void **state)
{
	struct na_journal *journal;
	struct na_journal_loss loss;

	(void)state;
	world.options.max_size = 40 << 10;
	world.options.needed = needed;
	needed_position = UINT64_MAX;
	journal = na_world_open(&world);
	for (int i = 0; i < 100; i++) {
		append(journal, 20);
		assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	}
	assert_false(na_journal_take_loss(journal, &loss));
	na_journal_close(&journal, na_soon());
	assert_in_range(count_segments(), 2, 5);
}

static void test_newest_go_when_asked(void **state)
{
	struct na_journal_status status;
	struct na_journal *journal;
	struct na_journal_loss loss;
	uint64_t last;

	(void)state;
	world.options.max_size = 40 << 10;
	world.options.when_full = NA_JOURNAL_DROP_NEWEST;
	world.options.needed = needed;
	needed_position = 0;
	journal = na_world_open(&world);
	append(journal, 5000);
	assert_false(na_journal_take_loss(journal, &loss)); /* still no room */
	needed_position = UINT64_MAX;                       /* all was read */
	assert_int_equal(na_journal_sync(journal, na_soon()), 0);
	na_journal_status(journal, &status);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.reason, NA_JOURNAL_TAIL_FULL);
	assert_int_equal(loss.last_sequence, 5000);
	/* Some in between may have found room, while the writer still had some. */
	assert_int_equal(loss.count, status.events_lost);
	assert_in_range(loss.count, 1, 5000 - loss.first_sequence + 1);
	last = na_journal_next_sequence(journal) - 1;
	assert_int_equal(last, 5001);
	na_journal_close(&journal, na_soon());
}

static void test_foreign_files_stay(void **state)
{
	static const char *const name = "00000000000fffff.segment";
	struct na_journal *journal = na_world_open(&world);
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};
	struct na_journal_status status;
	int fd;

	(void)state;
	append(journal, 3);
	na_journal_close(&journal, na_soon());
	na_buffer_printf(&path, "%s/%s", world.folder, name);
	na_buffer_append_char(&path, '\0');
	fd = open(path.data, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "not a segment", 13), 13);
	close(fd);
	journal = na_world_open(&world);
	na_journal_status(journal, &status);
	assert_int_equal(status.last_error, 0);
	assert_non_null(strstr(status.last_error_text, name));
	append(journal, 3);
	na_journal_close(&journal, na_soon());
	assert_int_equal(access(path.data, F_OK), 0);
	na_world_has(&world, 1, 6);
}

static void test_permissions(void **state)
{
	struct na_journal *journal;
	char path[2 * NA_TEST_PATH_SIZE];
	struct stat status;

	(void)state;
	world.options.group = (int)getgid();
	journal = na_world_open(&world);
	append(journal, 1);
	na_journal_close(&journal, na_soon());
	assert_int_equal(stat(world.folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	assert_true(na_world_file(&world, ".segment", 0, path));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(stat(world.tail, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
}

static void test_tail_of_another_size(void **state)
{
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_status status;

	(void)state;
	append(journal, 100);
	na_journal_close(&journal, 0);
	world.options.tail_size *= 2;
	journal = na_world_open(&world); /* perhaps the old one once more, as it holds bytes */
	append(journal, 100);
	na_journal_close(&journal, na_soon());
	journal = na_world_open(&world);
	na_journal_status(journal, &status);
	assert_int_equal(status.tail_size, world.options.tail_size);
	assert_int_equal(na_journal_next_sequence(journal), 201);
	na_journal_close(&journal, na_soon());
	na_world_has(&world, 1, 200);
}

static void test_too_large(void **state)
{
	static char argument[200000];
	struct na_text args[] = {{argument, sizeof(argument)}};
	struct na_journal *journal = na_world_open(&world);
	struct na_journal_loss loss;
	struct na_event event;

	(void)state;
	append(journal, 1);
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	NA_SET(&event, EVENT_SEQUENCE, 2);
	NA_SET(&event, TIMESTAMP, 1);
	NA_SET(&event, PROCESS_ARGS, ((struct na_texts){args, 1}));
	assert_int_equal(na_journal_append(journal, &event), 0);
	assert_true(na_tell(journal, ++stamp, &loss));
	assert_int_equal(loss.reason, NA_JOURNAL_TOO_LARGE);
	assert_int_equal(loss.first_sequence, 2);
	assert_int_equal(loss.last_sequence, 2);
	na_journal_close(&journal, na_soon());
}

static void test_sync_policies(void **state)
{
	(void)state;
	for (unsigned int i = NA_JOURNAL_SYNC_NONE; i <= NA_JOURNAL_SYNC_ALWAYS; i++) {
		struct na_journal *journal;
		struct na_journal_status status;

		world.options.sync = i;
		journal = na_world_open(&world);
		append(journal, 100);
		assert_int_equal(na_journal_sync(journal, na_soon()), 0);
		na_journal_status(journal, &status);
		assert_true(status.syncs > 0);
		assert_int_equal(status.tail_used, 0);
		assert_int_equal(status.events, 100);
		na_journal_close(&journal, na_soon());
	}
	na_world_has(&world, 1, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clean_end_leaves_no_hole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kill_loses_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crash_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_untold_loss_survives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn_end_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_is_not_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_both_slots_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_slot_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clone_is_another_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_second_writer_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_oldest_go_and_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_segments_go_silently, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newest_go_when_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_files_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_permissions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tail_of_another_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sync_policies, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
