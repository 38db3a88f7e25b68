/* SPDX-License-Identifier: Apache-2.0 */
/* Output syslog: frames in pieces, written in parts of every size. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "base/cleanup.h"
#include "syslog/pieces.h"

static struct na_syslog_pieces pieces;
static struct na_buffer wanted, written;

static int tear_down(void **state)
{
	(void)state;
	na_syslog_pieces_done(&pieces);
	na_buffer_done(&wanted);
	na_buffer_done(&written);
	return 0;
}

/* Adds until it is full; the heads' memory is used for another thing at once. How many. */
static size_t fill(const char *body, bool is_own)
{
	size_t count = 0;

	for (;; count++) {
		NA_CLEANUP(na_buffer_done) struct na_buffer head = {0}, own = {0};
		struct na_syslog_parts parts = {.tail = {"\n", 1}, .is_own = is_own};
		size_t before;

		na_buffer_printf(&head, "<%zu> ", count);
		na_buffer_append_string(&own, body);
		parts.head = (struct na_text){head.data, head.length};
		parts.body = is_own ? (struct na_text){own.data, own.length} : na_text_of(body);
		if (na_syslog_pieces_reserve(&pieces, &parts) == -EAGAIN)
			return count;
		before = pieces.bytes;
		na_syslog_pieces_add(&pieces, &parts);
		assert_int_equal(pieces.bytes - before, head.length + strlen(body) + 1);
		na_buffer_printf(&wanted, "%.*s%s\n", (int)head.length, head.data, body);
	}
}

/* As a socket that takes so many bytes at once. */
static void write_by(size_t most)
{
	while (pieces.bytes) {
		size_t left = most;

		for (size_t i = pieces.next; i < pieces.count && left; i++) {
			size_t length = pieces.list[i].iov_len;

			length = length < left ? length : left;
			na_buffer_append(&written, pieces.list[i].iov_base, length);
			left -= length;
		}
		na_syslog_pieces_advance(&pieces, most - left);
	}
}

static void expect_all_written(void)
{
	assert_int_equal(na_buffer_error(&wanted) | na_buffer_error(&written), 0);
	assert_int_equal(written.length, wanted.length);
	assert_memory_equal(written.data, wanted.data, wanted.length);
}

/* ------------------------------------------------------------------------------------------- */

static void gives_back_what_it_got(void **state)
{
	static const size_t sizes[] = {1, 2, 7, 1000, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(fill("body", i % 2), NA_SYSLOG_PIECES_MAX / 3);
		write_by(sizes[i]);
		expect_all_written();
	}
}

/* What the list points at must not move. */
static void is_full_when_its_memory_is(void **state)
{
	static char body[100000];
	size_t count;

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	count = fill(body, true);
	assert_in_range(count, 1, 3);
	write_by(4096);
	expect_all_written();
	/* Of what may have to be copied there is a bound too. */
	assert_int_equal(fill(body, false), NA_SYSLOG_PIECES_BYTES / sizeof(body) + 1);
}

/* The host's memory is another's when put returned, in the middle of a frame. */
static void keeps_what_is_left(void **state)
{
	static char body[1000];
	struct iovec first;

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	assert_int_equal(na_syslog_pieces_keep(&pieces), 0);
	fill(body, false);
	first = pieces.list[0];
	na_buffer_append(&written, first.iov_base, first.iov_len);
	na_buffer_append(&written, body, 500);
	na_syslog_pieces_advance(&pieces, first.iov_len + 500);
	assert_int_equal(na_syslog_pieces_keep(&pieces), 0);
	memset(body, '#', sizeof(body) - 1);
	assert_int_equal(na_syslog_pieces_keep(&pieces), 0);
	write_by(333);
	expect_all_written();
}

/* One alone always has room. */
static void takes_a_very_large_one(void **state)
{
	const size_t size = 4u << 20;
	struct na_syslog_parts parts = {.head = {"9 ", 2}, .is_own = true};
	char *body = malloc(size);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', size);
	parts.body = (struct na_text){body, size};
	assert_int_equal(na_syslog_pieces_reserve(&pieces, &parts), 0);
	na_syslog_pieces_add(&pieces, &parts);
	assert_int_equal(pieces.bytes, size + 2);
	assert_int_equal(na_syslog_pieces_reserve(&pieces, &parts), -EAGAIN);
	free(body);
	write_by(65536);
	assert_int_equal(written.length, size + 2);
}

static void forgets(void **state)
{
	(void)state;
	fill("body", false);
	na_syslog_pieces_forget(&pieces);
	assert_int_equal(pieces.bytes, 0);
	na_buffer_clear(&wanted);
	fill("other", false);
	write_by(100);
	expect_all_written();
}

static void goes_on_without_memory(void **state)
{
	struct na_syslog_parts parts = {.head = {"9 ", 2}, .body = {"x", 1}};

	(void)state;
	na_failing_alloc_arm(1);
	assert_int_equal(na_syslog_pieces_reserve(&pieces, &parts), -ENOMEM);
	assert_true(na_failing_alloc_disarm());
	na_syslog_pieces_forget(&pieces);
	fill("body", false);
	na_failing_alloc_arm(1);
	assert_int_equal(na_syslog_pieces_keep(&pieces), -ENOMEM);
	assert_true(na_failing_alloc_disarm());
	write_by(100);
	expect_all_written();
}

#define TEST(function) cmocka_unit_test_teardown(function, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_back_what_it_got),
		TEST(is_full_when_its_memory_is),
		TEST(keeps_what_is_left),
		TEST(takes_a_very_large_one),
		TEST(forgets),
		TEST(goes_on_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
