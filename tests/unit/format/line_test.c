/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of hostile events: never wider than the terminal, aligned, and nothing a terminal obeys. */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "base/buffer.h"
#include "format/glyph.h"
#include "format/human.h"
#include "format/line.h"
#include "format/line_parts.h"
#include "random_event.h"
#include "samples.h"

#define WIDTH_MAX 300
#define ROUNDS 40

/* Characters of the line by the column they begin in; 0: none does. Returns the columns. */
static size_t spread(const struct na_buffer *text, wchar_t columns[static 4 * WIDTH_MAX])
{
	size_t at = 0;

	memset(columns, 0, 4 * WIDTH_MAX * sizeof(*columns));
	assert_int_equal(text->data[text->length - 1], '\n');
	for (size_t i = 0; i < text->length - 1;) {
		wchar_t wide;
		int length = mbtowc(&wide, text->data + i, text->length - i), width;

		assert_true(length > 0);
		width = wcwidth(wide);
		assert_true(width >= 0);
		if (width && at < 4 * WIDTH_MAX)
			columns[at] = wide;
		at += (size_t)width;
		i += (size_t)length;
	}
	return at;
}

/* Where the words of the heading begin, ended by 0. */
static void find_starts(struct na_line *line, size_t starts[static 16])
{
	struct na_buffer heading = {0};
	size_t count = 0;

	assert_int_equal(na_line_heading(line, &heading), 0);
	for (size_t i = 1; i < heading.length; i++)
		if (heading.data[i] >= 'A' && heading.data[i - 1] == ' ')
			starts[count++] = i;
	starts[count] = 0;
	na_buffer_done(&heading);
}

static void check_line(struct na_line *line, const struct na_event *event, unsigned int width,
		       const size_t *starts)
{
	static wchar_t columns[4 * WIDTH_MAX];
	struct na_buffer text = {0};
	size_t used;

	assert_int_equal(na_line_encode(line, event, &text), 0);
	used = spread(&text, columns);
	if (used > (width < 40 ? 40 : width))
		fail_msg("%zu columns of %u: %.*s", used, width, (int)text.length, text.data);
	for (; !na_line_is_story(event) && *starts && *starts < used; starts++)
		if (columns[*starts - 1] != L' ')
			fail_msg("column %zu of %u: %.*s", *starts, width, (int)text.length,
				 text.data);
	na_buffer_done(&text);
}

static void test_every_width(void **state)
{
	static struct na_random_event random;
	uint64_t seed = 11;

	(void)state;
	for (unsigned int width = 30; width <= WIDTH_MAX; width++) {
		struct na_line *line = na_line_new(&(struct na_line_options){.width = width});
		size_t starts[16];

		assert_non_null(line);
		find_starts(line, starts);
		for (int i = 0; i < ROUNDS; i++) {
			na_random_event_make(&random, i % 2 ? 90 : 40, &seed);
			check_line(line, &random.event, width, starts);
		}
		for (size_t i = 0; i < na_sample_count; i++) {
			struct na_event event = na_sample_event(i);

			check_line(line, &event, width, starts);
		}
		na_line_free(line);
	}
}

/* Takes the colours out; any other escape stays and is found. */
static void strip_colours(struct na_buffer *text)
{
	size_t to = 0;

	for (size_t i = 0; i < text->length; i++) {
		size_t digits = i + 2;

		if (text->data[i] == '\033' && text->data[i + 1] == '[') {
			while (text->data[digits] >= '0' && text->data[digits] <= '9')
				digits++;
			assert_int_equal(text->data[digits], 'm');
			i = digits;
			continue;
		}
		text->data[to++] = text->data[i];
	}
	text->length = to;
}

static void test_colours_change_nothing_else(void **state)
{
	static struct na_random_event random;
	struct na_line *plain = na_line_new(&(struct na_line_options){160, false});
	struct na_line *coloured = na_line_new(&(struct na_line_options){160, true});
	struct na_buffer expected = {0}, text = {0};
	uint64_t seed = 12;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		na_buffer_clear(&expected);
		na_buffer_clear(&text);
		na_random_event_make(&random, 60, &seed);
		assert_int_equal(na_line_encode(plain, &random.event, &expected), 0);
		assert_int_equal(na_line_encode(coloured, &random.event, &text), 0);
		assert_true(text.length > expected.length);
		assert_memory_equal(text.data + text.length - 1, "\n", 1);
		strip_colours(&text);
		assert_int_equal(text.length, expected.length);
		assert_memory_equal(text.data, expected.data, text.length);
	}
	na_buffer_done(&expected);
	na_buffer_done(&text);
	na_line_free(plain);
	na_line_free(coloured);
}

static void test_resize(void **state)
{
	struct na_line *line = na_line_new(&(struct na_line_options){.width = 0});
	struct na_line *narrow = na_line_new(&(struct na_line_options){.width = 80});
	struct na_buffer text = {0}, expected = {0};
	struct na_event event = na_sample_event(7);

	(void)state;
	na_line_resize(line, 80);
	assert_int_equal(na_line_encode(line, &event, &text), 0);
	assert_int_equal(na_line_encode(narrow, &event, &expected), 0);
	assert_int_equal(text.length, expected.length);
	assert_memory_equal(text.data, expected.data, text.length);
	na_buffer_done(&text);
	na_buffer_done(&expected);
	na_line_free(line);
	na_line_free(narrow);
	na_line_free(NULL);
}

static bool encode_failing_at(size_t n)
{
	struct na_event event = na_sample_event(20); /* unattributed: uses all of the memory */
	struct na_buffer text = {0};
	struct na_line *line;
	int result = 0;
	bool failed;

	na_failing_alloc_arm(n);
	line = na_line_new(&(struct na_line_options){160, true});
	if (line)
		result = na_line_encode(line, &event, &text);
	failed = na_failing_alloc_disarm();
	if (line && failed) {
		assert_int_equal(result, -ENOMEM);
		assert_int_equal(text.length, 0);
		assert_int_equal(na_buffer_error(&text), 0);
		assert_int_equal(na_line_encode(line, &event, &text), 0);
	}
	if (line)
		assert_int_equal(text.data[text.length - 1], '\n');
	na_buffer_done(&text);
	na_line_free(line);
	return failed;
}

static void test_failing_memory(void **state)
{
	size_t n = 1;

	(void)state;
	while (encode_failing_at(n))
		n++;
	assert_true(n > 3);
}

#define ELLIPSIS "\xe2\x80\xa6"

static void test_glyphs(void **state)
{
	static const struct {
		const char *text;
		size_t width;
		const char *middle, *start;
	} rows[] = {
		{"/usr/bin/curl", 13, "/usr/bin/curl", "/usr/bin/curl"},
		{"/usr/bin/curl", 9, "/usr" ELLIPSIS "curl", "/usr/bin" ELLIPSIS},
		{"/usr/bin/curl", 1, ELLIPSIS, ELLIPSIS},
		{"/usr/bin/curl", 0, "", ""},
		{"\033[2J", 7, "\\x1b[2J", "\\x1b[2J"},
		{"\033[2J", 6, ELLIPSIS "[2J", "\\x1b[" ELLIPSIS},
		{"\xc2\x9b\xe2\x80\xae", 10, "\\x9b\\u202e", "\\x9b\\u202e"},
		{"\xf3\xa0\x80\x81", 10, "\\U000e0001", "\\U000e0001"},
		{"\xff\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe5\x90\x8d\xe7\x84\xa1\xe3\x81\x97", 5, "\xe5\x90\x8d" ELLIPSIS "\xe3\x81\x97",
		 "\xe5\x90\x8d\xe7\x84\xa1" ELLIPSIS},
		{"e\xcc\x81", 1, "e\xcc\x81", "e\xcc\x81"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct na_text text = na_text_of(rows[i].text);
		struct na_buffer out = {0};

		na_buffer_append_char(&out, '[');
		assert_true(na_glyph_append(&out, text, rows[i].width) <= rows[i].width);
		na_buffer_append(&out, "]", 2);
		assert_memory_equal(out.data + 1, rows[i].middle, strlen(rows[i].middle));
		assert_string_equal(out.data + 1 + strlen(rows[i].middle), "]");
		na_buffer_clear(&out);
		na_buffer_append_char(&out, '[');
		assert_true(na_glyph_append_start(&out, text, rows[i].width) <= rows[i].width);
		na_buffer_append(&out, "]", 2);
		assert_memory_equal(out.data + 1, rows[i].start, strlen(rows[i].start));
		assert_string_equal(out.data + 1 + strlen(rows[i].start), "]");
		na_buffer_done(&out);
	}
}

struct quantity {
	uint64_t value;
	const char *text;
};

static void check_quantities(const struct quantity *rows, size_t count,
			     void (*append)(struct na_buffer *out, uint64_t value))
{
	for (size_t i = 0; i < count; i++) {
		struct na_buffer out = {0};

		append(&out, rows[i].value);
		na_buffer_append(&out, "", 1);
		assert_string_equal(out.data, rows[i].text);
		na_buffer_done(&out);
	}
}

static void test_quantities(void **state)
{
	static const struct quantity bytes[] = {
		{0, "0B"},           {999, "999B"},     {1000, "1.0K"},
		{1234, "1.2K"},      {10188, "9.9K"},   {10189, "10K"},
		{1023487, "999K"},   {1023488, "1.0M"}, {1073741824, "1.0G"},
		{UINT64_MAX, "16E"},
	};
	static const struct quantity durations[] = {
		{0, "0ns"},
		{999, "999ns"},
		{1000, "1.0\xc2\xb5s"},
		{9949, "9.9\xc2\xb5s"},
		{9950, "10\xc2\xb5s"},
		{999499, "999\xc2\xb5s"},
		{999500, "1.0ms"},
		{187654321, "188ms"},
		{999500000, "1.0s"},
		{59499999999, "59s"},
		{59500000000, "1m00s"},
		{192000000000, "3m12s"},
		{3599500000000, "1h00m"},
		{7380000000000, "2h03m"},
		{446400000000000, "5d04h"},
		{UINT64_MAX, "213503d23h"},
	};

	(void)state;
	check_quantities(bytes, sizeof(bytes) / sizeof(*bytes), na_human_append_bytes);
	check_quantities(durations, sizeof(durations) / sizeof(*durations),
			 na_human_append_duration);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_width),
		cmocka_unit_test(test_colours_change_nothing_else),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_failing_memory),
		cmocka_unit_test(test_glyphs),
		cmocka_unit_test(test_quantities),
	};

	setenv("TZ", "UTC", 1);
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
