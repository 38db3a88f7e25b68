/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors: there and back, torn writes, and files that somebody else put there. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "../capture/failing_alloc.h"
#include "journal/cursor.h"
#include "made.h"

static struct made made; /* for its folder */
static const uint8_t mine[16] = {1, 2, 3}, other[16] = {9};

static const char *path_of(const char *name)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/%s", made.folder, name);
	return path;
}

static struct na_cursor cursor_at(uint64_t position)
{
	struct na_cursor cursor = {.position = position, .sequence = position / 8, .own = 3};

	memcpy(cursor.journal, mine, sizeof(mine));
	return cursor;
}

static void store(const char *name, uint64_t position)
{
	struct na_cursor cursor = cursor_at(position);

	assert_int_equal(na_cursor_store(path_of(name), &cursor, position % 2), 0);
}

/* The file's error is told with its name. */
static int load(const char *name, struct na_cursor *ret_cursor)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_cursor_load(path_of(name), ret_cursor, &why);

	na_buffer_append_char(&why, '\0');
	assert_int_equal(error < 0, strstr(why.data, name) != NULL);
	return error;
}

static void poke(const char *name, size_t offset, const void *data, size_t length)
{
	NA_CLOSE int fd = open(path_of(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(pwrite(fd, data, length, (off_t)offset), length);
}

static void cursors_come_back(void **state)
{
	struct na_cursor cursor;

	(void)state;
	assert_int_equal(load("a.cursor", &cursor), -ENOENT);
	for (uint64_t position = 0; position < 20; position++) {
		struct na_cursor expected = cursor_at(position);

		store("a.cursor", position);
		assert_int_equal(load("a.cursor", &cursor), 0);
		assert_memory_equal(&cursor, &expected, sizeof(cursor));
	}
	assert_int_equal(na_cursor_store("/nowhere/a.cursor", &cursor, true), -ENOENT);
}

/* Whatever byte of the newest slot is not written: the one before counts. */
static void a_torn_write_leaves_the_one_before(void **state)
{
	char before[600], after[600];
	struct na_cursor cursor;
	size_t length = 0;

	(void)state;
	store("a.cursor", 100);
	store("a.cursor", 200);
	for (int i = 0; i < 2; i++) {
		NA_CLOSE int fd = open(path_of("a.cursor"), O_RDONLY | O_CLOEXEC);

		memset(before, 0, sizeof(before));
		assert_true(read(fd, before, sizeof(before)) > 64);
		store("a.cursor", 300 + (uint64_t)i);
		memset(after, 0, sizeof(after));
		length = (size_t)pread(fd, after, sizeof(after), 0);
		for (size_t cut = 0; cut < length; cut++) {
			poke("a.cursor", 0, before, length);
			poke("a.cursor", 0, after, cut);
			assert_int_equal(load("a.cursor", &cursor), 0);
			assert_true(cursor.position == (i ? 300 : 200) ||
				    cursor.position == 300 + (uint64_t)i);
		}
		poke("a.cursor", 0, after, length);
	}
	assert_int_equal(load("a.cursor", &cursor), 0);
	assert_int_equal(cursor.position, 301);
}

static void every_flipped_byte_is_found(void **state)
{
	struct na_cursor cursor = {.position = 77};
	char bytes[64], flipped;

	(void)state;
	store("a.cursor", 100);
	{
		NA_CLOSE int fd = open(path_of("a.cursor"), O_RDONLY | O_CLOEXEC);

		assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		flipped = (char)~bytes[i];
		poke("a.cursor", i, &flipped, 1);
		assert_int_equal(load("a.cursor", &cursor), -EBADMSG);
		poke("a.cursor", i, &bytes[i], 1);
	}
	assert_int_equal(cursor.position, 77);
	assert_int_equal(load("a.cursor", &cursor), 0);
	assert_int_equal(truncate(path_of("a.cursor"), 63), 0);
	assert_int_equal(load("a.cursor", &cursor), -EBADMSG);
	assert_int_equal(truncate(path_of("a.cursor"), 0), 0);
	assert_int_equal(load("a.cursor", &cursor), -EBADMSG);
	store("a.cursor", 8); /* and it is usable again */
	assert_int_equal(load("a.cursor", &cursor), 0);
}

static void the_lowest_counts(void **state)
{
	char link[192];

	(void)state;
	assert_int_equal(na_cursor_lowest("/nowhere", mine), UINT64_MAX);
	assert_int_equal(na_cursor_lowest(made.folder, mine), UINT64_MAX);
	store("a.cursor", 500);
	store("b.cursor", 400);
	store("c.cursor.old", 1);
	store(".cursor", 2);
	assert_int_equal(na_cursor_lowest(made.folder, mine), 400);
	assert_int_equal(na_cursor_lowest(made.folder, other), UINT64_MAX);
	/* What is no file says nothing, and is not waited for. */
	snprintf(link, sizeof(link), "%s", path_of("c.cursor.old"));
	assert_int_equal(symlink(link, path_of("d.cursor")), 0);
	assert_int_equal(mkfifo(path_of("e.cursor"), 0600), 0);
	assert_int_equal(na_cursor_lowest(made.folder, mine), 400);
	poke("f.cursor", 0, "nacursor", 8);
	assert_int_equal(na_cursor_lowest(made.folder, mine), 0);
	assert_int_equal(unlink(path_of("f.cursor")), 0);
	assert_int_equal(na_cursor_lowest(path_of("a.cursor"), mine), 0);
}

static void a_link_is_not_followed(void **state)
{
	struct na_cursor cursor = cursor_at(8);
	char target[192];

	(void)state;
	store("a.cursor", 500);
	snprintf(target, sizeof(target), "%s", path_of("a.cursor"));
	assert_int_equal(symlink(target, path_of("b.cursor")), 0);
	assert_int_equal(load("b.cursor", &cursor), -ELOOP);
	assert_int_equal(na_cursor_store(path_of("b.cursor"), &cursor, false), -ELOOP);
}

static void too_many_files_are_not_looked_through(void **state)
{
	char name[32];

	(void)state;
	store("a.cursor", 500);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		poke(name, 0, "", 1);
	}
	assert_int_equal(na_cursor_lowest(made.folder, mine), 0);
}

static void without_memory_nothing_breaks(void **state)
{
	struct na_cursor cursor = cursor_at(8);
	bool failed = true;

	(void)state;
	for (size_t n = 1; failed; n++) {
		na_failing_alloc_arm(n);
		(void)na_cursor_store(path_of("a.cursor"), &cursor, true);
		(void)na_cursor_lowest(made.folder, mine);
		failed = na_failing_alloc_disarm();
	}
	assert_int_equal(load("a.cursor", &cursor), 0);
}

static int setup(void **state)
{
	(void)state;
	made_init(&made);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_done(&made);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cursors_come_back),
		TEST(a_torn_write_leaves_the_one_before),
		TEST(every_flipped_byte_is_found),
		TEST(the_lowest_counts),
		TEST(a_link_is_not_followed),
		TEST(too_many_files_are_not_looked_through),
		TEST(without_memory_nothing_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
