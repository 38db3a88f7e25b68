/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: there and back, every damage, every failure to write. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "capture/merge.h"
#include "capture/recording.h"
#include "failing_alloc.h"
#include "random_record.h"

#define RECORDS_MAX 5000
#define HEAD_BYTES 44
#define START_NS (50 * NA_MERGE_WINDOW_NS)

static const struct na_recording_head head = {
	.boot_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	.wall_offset_ns = UINT64_C(0x1122334455667788),
};

static char path[] = "/tmp/recording_test.XXXXXX";
static uint8_t (*storage)[NA_RANDOM_RECORD_MAX];
static const struct na_record_header *sorted[RECORDS_MAX];

/* What the disk does: see __wrap_read and __wrap_write. */
static struct {
	size_t left; /* bytes that still fit */
	bool in_pieces, broken;
	unsigned int calls;
} disk = {.left = SIZE_MAX};

ssize_t __real_read(int fd, void *data, size_t length);
ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_read(int fd, void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);

static bool is_interrupted(size_t *length)
{
	if (!disk.in_pieces)
		return false;
	*length = *length > 1 ? *length / 2 : *length;
	errno = EINTR;
	return disk.calls++ % 3 == 0;
}

ssize_t __wrap_read(int fd, void *data, size_t length)
{
	if (disk.broken) {
		errno = EIO;
		return -1;
	}
	return is_interrupted(&length) ? -1 : __real_read(fd, data, length);
}

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
	ssize_t written;

	if (is_interrupted(&length))
		return -1;
	errno = ENOSPC;
	if (!disk.left)
		return -1;
	written = __real_write(fd, data, length < disk.left ? length : disk.left);
	if (written > 0 && disk.left != SIZE_MAX)
		disk.left -= (size_t)written;
	return written;
}

/* What a replay gave, against what was sorted. */
struct taken {
	size_t count;
	size_t stop_at; /* 0: never */
	int stop_with;
};

static int take(void *context, const struct na_record_header *record)
{
	struct taken *taken = context;
	const struct na_record_header *expected = sorted[taken->count];

	assert_int_equal(record->time_ns, expected->time_ns);
	assert_int_equal(record->size, expected->size);
	assert_memory_equal(record, expected, record->size);
	return ++taken->count == taken->stop_at ? taken->stop_with : 0;
}

static int count_only(void *context, const struct na_record_header *record)
{
	struct taken *taken = context;

	assert_true(record->type > NA_RECORD_NONE && record->type < NA_RECORD_COUNT);
	taken->count++;
	return 0;
}

static struct na_record_header *record_at(size_t i)
{
	return (struct na_record_header *)storage[i];
}

/* Records whose order in the file is off by less than the window. */
static void make_records(size_t count, uint64_t step_ns)
{
	struct na_random random = na_random_new("recording");

	for (size_t i = 0; i < count; i++) {
		na_random_record(&random, 0, i, record_at(i));
		record_at(i)->time_ns = START_NS + i * step_ns -
					na_random_below(&random, NA_MERGE_WINDOW_NS - step_ns);
		sorted[i] = record_at(i);
	}
	qsort(sorted, count, sizeof(*sorted), na_record_compare);
}

static void write_file(size_t count)
{
	struct na_recorder *recorder = NULL;

	assert_int_equal(na_recorder_open(path, &head, &recorder), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(na_recorder_add(recorder, record_at(i)), 0);
	assert_int_equal(na_recorder_close(&recorder), 0);
	assert_null(recorder);
}

/* Opens and runs. What came goes to `taken`; damage must be explained with an offset. */
static int replay(const char *from, na_record_take *taker, struct taken *taken)
{
	NA_CLEANUP(na_replay_close) struct na_replay *opened = NULL;
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int result = na_replay_open(from, &opened, &why);

	*taken = (struct taken){.stop_at = taken->stop_at, .stop_with = taken->stop_with};
	if (!result)
		result = na_replay_run(opened, taker, taken, &why);
	na_buffer_append_char(&why, '\0');
	assert_true((result == -EBADMSG) == (strstr(why.data, "offset ") != NULL));
	assert_true((result == -EBADMSG) == (why.length > 1));
	return result;
}

static size_t load(uint8_t **ret_bytes)
{
	NA_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	*ret_bytes = malloc((size_t)status.st_size);
	assert_int_equal(read(fd, *ret_bytes, (size_t)status.st_size), status.st_size);
	return (size_t)status.st_size;
}

static void store(const uint8_t *bytes, size_t length)
{
	NA_CLOSE int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, bytes, length), length);
}

static void records_come_back_sorted(void **state)
{
	struct taken taken = {0};
	struct stat status;

	(void)state;
	make_records(RECORDS_MAX, NA_MERGE_WINDOW_NS / 100);
	write_file(RECORDS_MAX);
	assert_int_equal(replay(path, take, &taken), 0);
	assert_int_equal(taken.count, RECORDS_MAX);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > 4 * NA_RECORDING_BLOCK_MAX);
}

static void the_head_comes_back(void **state)
{
	NA_CLEANUP(na_replay_close) struct na_replay *opened = NULL;
	struct na_buffer why = {0};
	struct taken taken = {0};
	uint8_t *bytes;

	(void)state;
	write_file(0);
	assert_int_equal(na_replay_open(path, &opened, &why), 0);
	assert_memory_equal(na_replay_head(opened)->boot_id, head.boot_id, sizeof(head.boot_id));
	assert_true(na_replay_head(opened)->wall_offset_ns == head.wall_offset_ns);
	assert_int_equal(replay(path, take, &taken), 0);
	assert_int_equal(taken.count, 0);
	assert_int_equal(load(&bytes), HEAD_BYTES + 16);
	assert_memory_equal(bytes, "NETAUDIT\1\0\0\0", 12);
	assert_memory_equal(bytes + 32, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	free(bytes);
}

static void only_the_owner_may_read_it(void **state)
{
	struct na_recorder *recorder = NULL;
	mode_t mask = umask(0);
	struct stat status;

	(void)state;
	unlink(path);
	assert_int_equal(na_recorder_open(path, &head, &recorder), 0);
	umask(mask);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(na_recorder_close(&recorder), 0);
}

static void padding_does_not_leak(void **state)
{
	struct taken taken = {0};
	struct na_record_exec *exec = (struct na_record_exec *)record_at(0);
	uint8_t *bytes;

	(void)state;
	make_records(1, 1);
	memset(storage[0], 0xee, NA_RANDOM_RECORD_MAX);
	exec->header = (struct na_record_header){.size = sizeof(*exec) + 3,
						 .type = NA_RECORD_EXEC,
						 .program = NA_PROGRAM_EXEC,
						 .time_ns = START_NS};
	exec->executable_length = exec->directory_length = exec->arguments_length = 1;
	exec->cgroup_length = 0;
	write_file(1);
	assert_int_equal(replay(path, take, &taken), 0);
	assert_int_equal(load(&bytes), HEAD_BYTES + 8 + sizeof(*exec) + 8 + 16);
	assert_memory_equal(bytes + HEAD_BYTES + 8 + sizeof(*exec), "\xee\xee\xee\0\0\0\0\0", 8);
	free(bytes);
}

static void every_flipped_bit_is_found(void **state)
{
	struct taken taken = {0};
	uint8_t *bytes;
	size_t length;

	(void)state;
	make_records(4, NA_MERGE_WINDOW_NS / 4);
	write_file(4);
	length = load(&bytes);
	for (size_t i = 0; i < length; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] ^= (uint8_t)(1 << bit);
			store(bytes, length);
			assert_int_equal(replay(path, take, &taken), -EBADMSG);
			bytes[i] ^= (uint8_t)(1 << bit);
		}
		bytes[i] ^= 0xff;
		store(bytes, length);
		assert_int_equal(replay(path, take, &taken), -EBADMSG);
		bytes[i] ^= 0xff;
	}
	free(bytes);
}

static void every_cut_is_found_and_what_came_before_it_passed_on(void **state)
{
	struct taken taken = {0};
	uint8_t *bytes;
	size_t length;

	(void)state;
	make_records(4, NA_MERGE_WINDOW_NS / 4);
	write_file(4);
	length = load(&bytes);
	for (size_t cut = 0; cut < length; cut++) {
		store(bytes, cut);
		assert_int_equal(replay(path, take, &taken), -EBADMSG);
		assert_int_equal(taken.count, cut >= length - 16 ? 4 : 0);
	}
	bytes = realloc(bytes, length + 1);
	bytes[length] = 0;
	store(bytes, length + 1);
	assert_int_equal(replay(path, take, &taken), -EBADMSG);
	free(bytes);
}

static void repair_block(uint8_t *bytes, size_t length)
{
	uint32_t crc = na_crc32c(0, bytes + HEAD_BYTES + 8, length - HEAD_BYTES - 8 - 16);

	memcpy(bytes + HEAD_BYTES + 4, &crc, sizeof(crc));
}

/* Behind a checksum that fits, as of a writer that is wrong: refused, or harmless. */
static void records_are_checked_behind_the_checksum(void **state)
{
	struct taken taken = {0};
	uint8_t *bytes;
	size_t length;

	(void)state;
	make_records(3, NA_MERGE_WINDOW_NS / 4);
	write_file(3);
	length = load(&bytes);
	for (size_t i = HEAD_BYTES + 8; i < length - 16; i++) {
		int result;

		bytes[i] ^= 0xff;
		repair_block(bytes, length);
		store(bytes, length);
		result = replay(path, count_only, &taken);
		assert_true(result == -EBADMSG || (result == 0 && taken.count == 3));
		bytes[i] ^= 0xff;
	}
	bytes[HEAD_BYTES + 8 + 2] = NA_RECORD_COUNT;
	repair_block(bytes, length);
	store(bytes, length);
	assert_int_equal(replay(path, count_only, &taken), -EBADMSG);
	free(bytes);
}

static void other_versions_and_layouts_are_refused(void **state)
{
	struct taken taken = {0};
	uint32_t crc;
	uint8_t *bytes;
	size_t length;

	(void)state;
	write_file(0);
	length = load(&bytes);
	for (size_t i = 8; i < 16; i += 4) {
		bytes[i]++;
		crc = na_crc32c(0, bytes, HEAD_BYTES - 4);
		memcpy(bytes + HEAD_BYTES - 4, &crc, sizeof(crc));
		store(bytes, length);
		assert_int_equal(replay(path, take, &taken), -EBADMSG);
		bytes[i]--;
	}
	free(bytes);
}

static void missing_records_are_found_by_their_number(void **state)
{
	struct taken taken = {0};
	uint64_t records = 4;
	uint32_t crc = na_crc32c(0, &records, sizeof(records));
	uint8_t *bytes;
	size_t length;

	(void)state;
	make_records(3, NA_MERGE_WINDOW_NS / 4);
	write_file(3);
	length = load(&bytes);
	memcpy(bytes + length - 12, &crc, sizeof(crc));
	memcpy(bytes + length - 8, &records, sizeof(records));
	store(bytes, length);
	assert_int_equal(replay(path, take, &taken), -EBADMSG);
	assert_int_equal(taken.count, 3);
	free(bytes);
}

static void the_taker_can_stop(void **state)
{
	struct taken taken = {.stop_at = 3, .stop_with = 7};

	(void)state;
	make_records(10, NA_MERGE_WINDOW_NS / 4);
	write_file(10);
	assert_int_equal(replay(path, take, &taken), 7);
	assert_int_equal(taken.count, 3);
}

static void invalid_records_are_not_recorded(void **state)
{
	struct na_recorder *recorder = NULL;
	struct taken taken = {0};
	uint8_t program;

	(void)state;
	make_records(1, 1);
	assert_int_equal(na_recorder_open(path, &head, &recorder), 0);
	program = record_at(0)->program;
	record_at(0)->program = NA_PROGRAM_COUNT;
	assert_int_equal(na_recorder_add(recorder, record_at(0)), -EINVAL);
	record_at(0)->program = program;
	assert_int_equal(na_recorder_add(recorder, record_at(0)), 0);
	assert_int_equal(na_recorder_close(&recorder), 0);
	assert_int_equal(replay(path, take, &taken), 0);
	assert_int_equal(taken.count, 1);
}

static void paths_that_cannot_be_are_refused(void **state)
{
	struct na_recorder *recorder = NULL;
	struct taken taken = {0};

	(void)state;
	assert_int_equal(na_recorder_open("/nowhere/file", &head, &recorder), -ENOENT);
	assert_int_equal(na_recorder_open("/tmp", &head, &recorder), -EISDIR);
	assert_int_equal(na_recorder_open("/dev/full", &head, &recorder), -ENOSPC);
	assert_null(recorder);
	assert_int_equal(na_recorder_close(&recorder), 0);
	assert_int_equal(replay("/nowhere/file", take, &taken), -ENOENT);
	assert_int_equal(replay("/tmp", take, &taken), -EISDIR);
	assert_int_equal(replay("/dev/null", take, &taken), -EBADMSG);
}

static void a_full_disk_is_told_again_and_again(void **state)
{
	struct na_recorder *recorder = NULL;
	struct taken taken = {0};
	int error = 0;

	(void)state;
	make_records(RECORDS_MAX, NA_MERGE_WINDOW_NS / 100);
	assert_int_equal(na_recorder_open(path, &head, &recorder), 0);
	disk.left = NA_RECORDING_BLOCK_MAX + NA_RECORDING_BLOCK_MAX / 2;
	for (size_t i = 0; i < RECORDS_MAX && !error; i++)
		error = na_recorder_add(recorder, record_at(i));
	assert_int_equal(error, -ENOSPC);
	disk.left = SIZE_MAX;
	assert_int_equal(na_recorder_add(recorder, record_at(0)), -ENOSPC);
	assert_int_equal(na_recorder_close(&recorder), -ENOSPC);
	assert_int_equal(replay(path, count_only, &taken), -EBADMSG);
	assert_true(taken.count > 0);
	assert_int_equal(na_recorder_open(path, &head, &recorder), 0);
	assert_int_equal(na_recorder_add(recorder, record_at(0)), 0);
	disk.left = 0;
	assert_int_equal(na_recorder_close(&recorder), -ENOSPC);
	disk.left = SIZE_MAX;
}

static void short_and_interrupted_calls_are_continued(void **state)
{
	struct taken taken = {0};

	(void)state;
	make_records(RECORDS_MAX, NA_MERGE_WINDOW_NS / 100);
	disk.in_pieces = true;
	write_file(RECORDS_MAX);
	assert_int_equal(replay(path, take, &taken), 0);
	disk.in_pieces = false;
	assert_int_equal(taken.count, RECORDS_MAX);
	assert_int_equal(replay(path, take, &taken), 0);
}

static void failing_reads_are_told(void **state)
{
	NA_CLEANUP(na_replay_close) struct na_replay *opened = NULL;
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct taken taken = {0};

	(void)state;
	make_records(10, 1);
	write_file(10);
	assert_int_equal(na_replay_open(path, &opened, &why), 0);
	disk.broken = true;
	assert_int_equal(na_replay_run(opened, take, &taken, &why), -EIO);
	disk.broken = false;
	assert_int_equal(taken.count, 0);
}

/* More records of one moment than the replay holds: passed on without waiting for their window. */
static void a_crowded_moment_is_bounded(void **state)
{
	const size_t blocks = 1100;
	NA_CLOSE int fd = memfd_create("recording", MFD_CLOEXEC);
	struct na_record_exec *exec = (struct na_record_exec *)record_at(0);
	struct na_recorder *recorder = NULL;
	struct taken taken = {0};
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	memset(exec, 0, sizeof(*exec));
	exec->header = (struct na_record_header){.size = sizeof(*exec),
						 .type = NA_RECORD_EXEC,
						 .program = NA_PROGRAM_EXEC,
						 .time_ns = START_NS};
	exec->header.size = NA_RANDOM_RECORD_MAX;
	assert_int_equal(na_recorder_open(name, &head, &recorder), 0);
	for (size_t i = 0; i < blocks * 64; i++)
		assert_int_equal(na_recorder_add(recorder, record_at(0)), 0);
	assert_int_equal(na_recorder_close(&recorder), 0);
	assert_int_equal(replay(name, count_only, &taken), 0);
	assert_int_equal(taken.count, blocks * 64);
}

static void without_memory_nothing_breaks(void **state)
{
	struct na_recorder *recorder = NULL;
	struct taken taken = {0};
	bool failed = true;

	(void)state;
	make_records(RECORDS_MAX, NA_MERGE_WINDOW_NS / 2000);
	na_failing_alloc_arm(1);
	assert_int_equal(na_recorder_open(path, &head, &recorder), -ENOMEM);
	na_failing_alloc_arm(0);
	write_file(RECORDS_MAX);
	for (size_t n = 1; failed; n++) {
		struct na_replay *opened = NULL;
		struct na_buffer why = {0};
		int result;

		taken = (struct taken){0};
		na_failing_alloc_arm(n);
		result = na_replay_open(path, &opened, &why);
		if (!result)
			result = na_replay_run(opened, count_only, &taken, &why);
		failed = na_failing_alloc_disarm();
		assert_int_equal(result, failed ? -ENOMEM : 0);
		na_replay_close(&opened);
		na_buffer_done(&why);
	}
	assert_int_equal(taken.count, RECORDS_MAX);
}

/* A stamp far in the future first: all others are late then, and none is kept from coming. */
static void a_stamp_from_the_future_stops_nothing(void **state)
{
	struct taken taken = {0};

	(void)state;
	make_records(RECORDS_MAX, NA_MERGE_WINDOW_NS / 100);
	record_at(0)->time_ns = UINT64_MAX;
	write_file(RECORDS_MAX);
	assert_int_equal(replay(path, count_only, &taken), 0);
	assert_int_equal(taken.count, RECORDS_MAX);
}

static int setup(void **state)
{
	(void)state;
	storage = aligned_alloc(8, RECORDS_MAX * sizeof(*storage));
	close(mkstemp(path));
	return storage ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(storage);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back_sorted),
		cmocka_unit_test(the_head_comes_back),
		cmocka_unit_test(only_the_owner_may_read_it),
		cmocka_unit_test(padding_does_not_leak),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(every_cut_is_found_and_what_came_before_it_passed_on),
		cmocka_unit_test(records_are_checked_behind_the_checksum),
		cmocka_unit_test(other_versions_and_layouts_are_refused),
		cmocka_unit_test(missing_records_are_found_by_their_number),
		cmocka_unit_test(the_taker_can_stop),
		cmocka_unit_test(invalid_records_are_not_recorded),
		cmocka_unit_test(paths_that_cannot_be_are_refused),
		cmocka_unit_test(a_full_disk_is_told_again_and_again),
		cmocka_unit_test(short_and_interrupted_calls_are_continued),
		cmocka_unit_test(failing_reads_are_told),
		cmocka_unit_test(a_crowded_moment_is_bounded),
		cmocka_unit_test(without_memory_nothing_breaks),
		cmocka_unit_test(a_stamp_from_the_future_stops_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
