/* SPDX-License-Identifier: Apache-2.0 */
/* Output file: real files, and a disk that fails when the test says so. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "fake_host.h"
#include "file/file.h"

#define LINE_BYTES 8 /* {"n":1} and its newline */

static char folder[] = "/tmp/file_test.XXXXXX";
static char path[64];
static struct fake_host host;
static struct na_output_instance *instance;
static struct na_file_options options;

/* What the disk does: see the wrappers. Errors are negative errnos, 0: none. */
static struct {
	atomic_size_t left;                  /* bytes that still fit; then ENOSPC */
	atomic_int write_error, large_error; /* of any write; of more than a line of a digit */
	atomic_int sync_error;
	atomic_int rename_error;
	atomic_int truncate_error;
	atomic_uint syncs;
	atomic_uint_fast64_t ahead_ns; /* of both clocks */
} disk;

ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
uint64_t __real_na_clock_boot_ns(void);
uint64_t __wrap_na_clock_boot_ns(void);
uint64_t __real_na_clock_wall_ns(void);
uint64_t __wrap_na_clock_wall_ns(void);

static int fail_with(int error)
{
	errno = -error;
	return -1;
}

ssize_t __wrap_write(int fd, const void *data, size_t length)
{
	ssize_t count;

	if (disk.write_error)
		return fail_with(disk.write_error);
	if (disk.large_error && length > LINE_BYTES)
		return fail_with(disk.large_error);
	if (!disk.left)
		return fail_with(-ENOSPC);
	count = __real_write(fd, data, length < disk.left ? length : disk.left);
	if (count > 0 && disk.left != SIZE_MAX)
		disk.left -= (size_t)count;
	return count;
}

int __wrap_fdatasync(int fd)
{
	disk.syncs++;
	return disk.sync_error ? fail_with(disk.sync_error) : __real_fdatasync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	return disk.rename_error ? fail_with(disk.rename_error) : __real_rename(from, to);
}

int __wrap_ftruncate(int fd, off_t size)
{
	return disk.truncate_error ? fail_with(disk.truncate_error) : __real_ftruncate(fd, size);
}

uint64_t __wrap_na_clock_boot_ns(void)
{
	return __real_na_clock_boot_ns() + disk.ahead_ns;
}

uint64_t __wrap_na_clock_wall_ns(void)
{
	return __real_na_clock_wall_ns() + disk.ahead_ns;
}

static void make_whole(void)
{
	disk.left = SIZE_MAX;
	disk.write_error = disk.large_error = disk.sync_error = disk.rename_error =
		disk.truncate_error = 0;
}

static void empty_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static int set_up(void **state)
{
	(void)state;
	make_whole();
	disk.syncs = 0;
	disk.ahead_ns = 0;
	empty_folder();
	fake_host_init(&host);
	options = (struct na_file_options){
		.path = na_text_of(path),
		.keep = 7,
		.compress = NA_FILE_NO_COMPRESS,
		.sync = NA_FILE_SYNC_NONE,
	};
	return 0;
}

static void close_output(void)
{
	if (instance)
		na_output_file.close(instance);
	instance = NULL;
}

static int tear_down(void **state)
{
	(void)state;
	close_output();
	return 0;
}

static void open_output(void)
{
	struct na_buffer why = {0};

	assert_int_equal(na_output_file.open(&options, &host.host, &instance, &why), 0);
	na_buffer_done(&why);
}

static size_t put(uint64_t from, uint64_t to)
{
	size_t taken;

	assert_int_equal(fake_host_put(&host, &na_output_file, instance, from, to, &taken),
			 NA_OUTPUT_TAKEN);
	return taken;
}

static void put_later(uint64_t from, uint64_t to)
{
	size_t taken;

	assert_int_equal(fake_host_put(&host, &na_output_file, instance, from, to, &taken),
			 NA_OUTPUT_LATER);
	assert_int_equal(taken, 0);
}

static void work(void)
{
	assert_int_equal(na_output_file.work(instance, 0), NA_OUTPUT_TAKEN);
}

static void append_lines(struct na_buffer *text, uint64_t from, uint64_t to)
{
	for (uint64_t number = from; number <= to; number++)
		na_buffer_printf(text, "{\"n\":%llu}\n", (unsigned long long)number);
}

static void expect_text(const char *name, const struct na_buffer *expected)
{
	char found[20000];
	FILE *file = fopen(name, "re");
	size_t length;

	assert_non_null(file);
	length = fread(found, 1, sizeof(found), file);
	fclose(file);
	assert_int_equal(length, expected->length);
	assert_memory_equal(found, expected->data, length);
}

static void expect_lines(const char *name, uint64_t from, uint64_t to)
{
	struct na_buffer expected = {0};

	append_lines(&expected, from, to);
	expect_text(name, &expected);
	na_buffer_done(&expected);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, true);
	fclose(file);
}

static int compare(const void *one, const void *other)
{
	return strcmp(one, other);
}

/* Names of files put aside, sorted; those that end so. */
static size_t find_aside(char names[][300], size_t size, const char *end)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (strncmp(entry->d_name, "log.", 4) != 0 || length < strlen(end) ||
		    strcmp(entry->d_name + length - strlen(end), end) != 0)
			continue;
		assert_true(count < size);
		snprintf(names[count++], 300, "%s/%s", folder, entry->d_name);
	}
	closedir(dir);
	qsort(names, count, 300, compare);
	return count;
}

/* The compressing thread does its work soon: until `count` names end so. */
static void await_aside(size_t count, const char *end)
{
	char names[64][300];
	uint64_t deadline_ns = __real_na_clock_boot_ns() + 30 * NA_NS_PER_SEC;

	while (find_aside(names, 64, end) != count)
		assert_true(__real_na_clock_boot_ns() < deadline_ns);
}

/* ------------------------------------------------------------------------------------------- */

static void writes_lines(void **state)
{
	struct stat status;

	(void)state;
	open_output();
	assert_int_equal(put(1, 3), 3);
	assert_int_equal(fake_host_count(&host), 3);
	close_output();
	open_output();
	assert_int_equal(put(4, 6), 3);
	expect_lines(path, 1, 6);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(disk.syncs, 0);
}

static void delivered_when_on_disk(void **state)
{
	(void)state;
	options.sync = NA_FILE_SYNC_ALWAYS;
	open_output();
	put(1, 3);
	assert_int_equal(disk.syncs, 1);
	assert_int_equal(fake_host_count(&host), 3);
	close_output();
	options.sync = NA_FILE_SYNC_INTERVAL;
	open_output();
	put(4, 4); /* the first is long ago */
	put(5, 6);
	assert_int_equal(fake_host_count(&host), 4);
	work();
	assert_int_equal(fake_host_count(&host), 4);
	disk.ahead_ns = 200 * NA_NS_PER_MS;
	work();
	assert_int_equal(fake_host_count(&host), 6);
	put(7, 7);
	na_output_file.drain(instance, 0);
	assert_int_equal(fake_host_count(&host), 7);
}

static void sync_that_failed_is_no_delivery(void **state)
{
	struct na_buffer expected = {0};

	(void)state;
	options.sync = NA_FILE_SYNC_ALWAYS;
	open_output();
	put(1, 1);
	disk.sync_error = -EIO;
	put(2, 3);
	assert_int_equal(host.failed, 1);
	assert_non_null(strstr(host.why, "cannot be brought to disk: Input/output error"));
	assert_int_equal(fake_host_count(&host), 1);
	make_whole();
	/* The host offers them again, under numbers that go on. */
	put(4, 5);
	assert_int_equal(fake_host_count(&host), 3);
	append_lines(&expected, 1, 5);
	expect_text(path, &expected);
	na_buffer_done(&expected);
}

static void full_disk_loses_nothing(void **state)
{
	(void)state;
	open_output();
	disk.left = 2 * LINE_BYTES + 3;
	assert_int_equal(put(1, 5), 2);
	expect_lines(path, 1, 2); /* the part of the third is gone */
	assert_int_equal(fake_host_count(&host), 2);
	put_later(3, 5);
	assert_non_null(strstr(host.why, "cannot be written: No space left on device"));
	disk.left = 4; /* not even one line */
	put_later(3, 5);
	expect_lines(path, 1, 2);
	make_whole();
	assert_int_equal(put(3, 5), 3);
	expect_lines(path, 1, 5);
}

static void every_write_error_is_waited_for(void **state)
{
	static const int errors[] = {-EIO, -EROFS, -EDQUOT};

	(void)state;
	open_output();
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		disk.write_error = errors[i];
		put_later(1, 2);
	}
	make_whole();
	put(1, 2);
	expect_lines(path, 1, 2);
}

/* Neither can the part of a line be taken away now: then before the next write. */
static void never_continues_a_torn_line(void **state)
{
	(void)state;
	open_output();
	put(1, 1);
	disk.left = LINE_BYTES + 3;
	disk.truncate_error = -EIO;
	assert_int_equal(put(2, 5), 1);
	disk.left = SIZE_MAX;
	put_later(3, 5);
	disk.truncate_error = 0;
	assert_int_equal(put(3, 5), 3);
	expect_lines(path, 1, 5);
}

static void cuts_what_a_crash_left(void **state)
{
	(void)state;
	write_file(path, "{\"n\":1}\n{\"n\":2}\n{\"n\":");
	open_output();
	put(3, 3);
	expect_lines(path, 1, 3);
	close_output();
	/* Nothing but a torn line. */
	write_file(path, "{\"n");
	open_output();
	put(1, 1);
	expect_lines(path, 1, 1);
}

static void follows_a_file_that_was_moved(void **state)
{
	char moved[80];

	(void)state;
	snprintf(moved, sizeof(moved), "%s/moved", folder);
	open_output();
	put(1, 2);
	assert_int_equal(__real_rename(path, moved), 0);
	disk.ahead_ns += 2 * NA_NS_PER_SEC;
	work();
	put(3, 4);
	expect_lines(moved, 1, 2);
	expect_lines(path, 3, 4);
	/* Told so it does it at once, and the file is there before the next line. */
	assert_int_equal(__real_rename(path, moved), 0);
	na_output_file.reopen(instance);
	assert_int_equal(access(path, F_OK), 0);
	put(5, 5);
	expect_lines(moved, 3, 4);
	expect_lines(path, 5, 5);
}

static void survives_copytruncate(void **state)
{
	(void)state;
	open_output();
	put(1, 3);
	assert_int_equal(truncate(path, 0), 0);
	put(4, 5);
	expect_lines(path, 4, 5);
}

static void rotates_by_size(void **state)
{
	char names[8][300];
	size_t taken = 0;

	(void)state;
	options.rotate_size = 10 * LINE_BYTES;
	open_output();
	/* A put ends where the file does; the host offers the rest again. */
	while (taken < 9)
		taken += put(taken + 1, 9);
	/* There is room for one line of one digit, not for these of 11 bytes, seven of which fit.
	 */
	assert_int_equal(put(1000, 1009), 7);
	assert_int_equal(find_aside(names, 8, ""), 1);
	expect_lines(names[0], 1, 9);
	expect_lines(path, 1000, 1006);
	assert_int_equal(put(1007, 1009), 3);
	assert_int_equal(find_aside(names, 8, ""), 2);
	expect_lines(path, 1007, 1009);
	assert_int_equal(fake_host_count(&host), 19);
}

static void rotates_by_age(void **state)
{
	char names[8][300];

	(void)state;
	options.rotate_age = 3600 * NA_NS_PER_SEC;
	open_output();
	disk.ahead_ns += 3601 * NA_NS_PER_SEC;
	work(); /* an empty file is not put aside */
	assert_int_equal(find_aside(names, 8, ""), 0);
	put(1, 2); /* the file was begun an hour ago, but has no line in it */
	put(3, 3);
	work();
	assert_int_equal(find_aside(names, 8, ""), 1);
	expect_lines(names[0], 1, 2);
	expect_lines(path, 3, 3);
}

static void keeps_the_newest(void **state)
{
	char names[64][300], other[80];

	(void)state;
	snprintf(other, sizeof(other), "%s/log.old", folder);
	write_file(other, "not ours\n");
	options.rotate_size = LINE_BYTES;
	options.keep = 3;
	open_output();
	for (uint64_t number = 1; number <= 9; number++) {
		put(number, number);
		disk.ahead_ns += NA_NS_PER_SEC;
	}
	await_aside(3, ".000");
	assert_int_equal(find_aside(names, 64, ".000"), 3);
	for (size_t i = 0; i < 3; i++)
		expect_lines(names[i], 6 + i, 6 + i);
	expect_lines(path, 9, 9);
	assert_int_equal(access(other, F_OK), 0);
}

/* Within one second the names differ. */
static void names_are_never_used_twice(void **state)
{
	char names[64][300];

	(void)state;
	options.rotate_size = LINE_BYTES;
	options.keep = 50;
	open_output();
	for (uint64_t number = 1; number <= 9; number++)
		put(number, number);
	assert_int_equal(find_aside(names, 64, ""), 8);
	for (size_t i = 0; i < 8; i++)
		expect_lines(names[i], i + 1, i + 1);
}

static void expect_gzip(const char *name, uint64_t from, uint64_t to)
{
	struct na_buffer expected = {0};
	char found[20000];
	gzFile file = gzopen(name, "r");
	int length;

	assert_non_null(file);
	assert_int_equal(gzdirect(file), 0);
	length = gzread(file, found, sizeof(found));
	/* The checksum at the end too. */
	assert_int_equal(gzclose(file), Z_OK);
	append_lines(&expected, from, to);
	assert_int_equal(length, expected.length);
	assert_memory_equal(found, expected.data, expected.length);
	na_buffer_done(&expected);
}

static void compresses(void **state)
{
	char names[64][300];
	struct stat status;

	(void)state;
	options.compress = NA_FILE_GZIP;
	options.rotate_size = 1000 * LINE_BYTES;
	open_output();
	while (fake_host_count(&host) < 1500)
		put(fake_host_count(&host) + 1, 1500);
	await_aside(1, ".gz");
	await_aside(1, "");
	find_aside(names, 64, ".gz");
	close_output();
	expect_gzip(names[0], 1, 810); /* 9 lines of 8 bytes, 90 of 9, 711 of 10 */
	assert_int_equal(stat(names[0], &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_in_range(status.st_size, 100, 4000);
}

/* What a crash left: a half, both, one that was not compressed. */
static void tidies_up_after_a_crash(void **state)
{
	char name[160];
	char names[64][300];

	(void)state;
	options.compress = NA_FILE_GZIP;
	snprintf(name, sizeof(name), "%s.20250101T000000.000.gz.tmp", path);
	write_file(name, "half");
	snprintf(name, sizeof(name), "%s.20250101T000000.000", path);
	write_file(name, "{\"n\":1}\n");
	snprintf(name, sizeof(name), "%s.20250102T000000.000", path);
	write_file(name, "{\"n\":2}\n");
	snprintf(name, sizeof(name), "%s.20250102T000000.000.gz", path);
	write_file(name, "the whole of it, already there");
	snprintf(name, sizeof(name), "%s.2025", path);
	write_file(name, "not ours");
	open_output();
	await_aside(2, ".gz");
	await_aside(3, "");
	find_aside(names, 64, ".gz");
	close_output();
	expect_gzip(names[0], 1, 1);
}

static void says_what_it_cannot_compress(void **state)
{
	char why[256];

	(void)state;
	options.compress = NA_FILE_GZIP;
	options.rotate_size = LINE_BYTES;
	open_output();
	put(1, 1);
	put(2, 2);
	await_aside(1, ".gz");
	await_aside(1, "");
	disk.large_error = -ENOSPC;
	put(3, 3);
	while (fake_host_state(&host, why) != NA_OUTPUT_RETRYING)
		;
	assert_non_null(strstr(why, "No space left on device"));
	await_aside(0, ".tmp");
	make_whole();
	put(4, 4);
	await_aside(3, ".gz");
	while (fake_host_state(&host, why) != NA_OUTPUT_WORKING)
		;
}

static void grows_when_it_cannot_be_put_aside(void **state)
{
	char names[8][300], why[256];

	(void)state;
	options.rotate_size = LINE_BYTES;
	open_output();
	put(1, 1);
	disk.rename_error = -EACCES;
	put(2, 2);
	assert_int_equal(fake_host_state(&host, why), NA_OUTPUT_RETRYING);
	assert_non_null(strstr(why, "cannot be put aside and grows: Permission denied"));
	put(3, 3);
	expect_lines(path, 1, 3);
	make_whole();
	disk.ahead_ns += 61 * NA_NS_PER_SEC;
	put(4, 4);
	assert_int_equal(fake_host_state(&host, why), NA_OUTPUT_WORKING);
	assert_int_equal(find_aside(names, 8, ""), 1);
	expect_lines(names[0], 1, 3);
	expect_lines(path, 4, 4);
}

static void says_what_it_cannot_open(void **state)
{
	struct na_buffer why = {0};

	(void)state;
	options.path = na_text_of("/nowhere/log");
	assert_int_equal(na_output_file.open(&options, &host.host, &instance, &why), -ENOENT);
	assert_null(instance);
	na_buffer_append_char(&why, '\0');
	assert_string_equal(why.data, "/nowhere/log cannot be opened: No such file or directory");
	na_buffer_clear(&why);
	options.path = na_text_of("/dev/null");
	assert_int_equal(na_output_file.open(&options, &host.host, &instance, &why), -EINVAL);
	na_buffer_append_char(&why, '\0');
	assert_string_equal(why.data, "/dev/null cannot be opened: it is no regular file");
	na_buffer_done(&why);
}

static void checks_the_path(void **state)
{
	static const char *const wrong[] = {"", "log", "/var/log/"};
	struct na_buffer why = {0};

	(void)state;
	assert_int_equal(na_output_file.check(&options, &why), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		options.path = na_text_of(wrong[i]);
		assert_int_equal(na_output_file.check(&options, &why), -EINVAL);
		assert_true(why.length > 0);
		na_buffer_clear(&why);
	}
	na_buffer_done(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(writes_lines),
		TEST(delivered_when_on_disk),
		TEST(sync_that_failed_is_no_delivery),
		TEST(full_disk_loses_nothing),
		TEST(every_write_error_is_waited_for),
		TEST(never_continues_a_torn_line),
		TEST(cuts_what_a_crash_left),
		TEST(follows_a_file_that_was_moved),
		TEST(survives_copytruncate),
		TEST(rotates_by_size),
		TEST(rotates_by_age),
		TEST(keeps_the_newest),
		TEST(names_are_never_used_twice),
		TEST(compresses),
		TEST(tidies_up_after_a_crash),
		TEST(says_what_it_cannot_compress),
		TEST(grows_when_it_cannot_be_put_aside),
		TEST(says_what_it_cannot_open),
		TEST(checks_the_path),
	};
	int failures;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/log", folder);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	empty_folder();
	rmdir(folder);
	return failures;
}
