/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 against the C library's decoder, and what is none against Unicode's tables. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/utf8.h"

/*
 * Every pair of bytes, each with every third byte and some fourth ones: as mbrtowc sees them. It
 * takes code points above the last one of Unicode for characters; we do not.
 */
static void test_agrees_with_libc(void **state)
{
	static const unsigned char fourth[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0};

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	for (uint32_t i = 1; i < 1U << 24; i++) {
		char bytes[4] = {(char)(i >> 16), (char)(i >> 8), (char)i, (char)fourth[i % 5]};
		struct na_utf8 ours = na_utf8_read(bytes, sizeof(bytes));
		mbstate_t shift = {0};
		wchar_t theirs = 0;
		size_t length = bytes[0] ? mbrtowc(&theirs, bytes, sizeof(bytes), &shift) : 1;

		if (ours.valid != (length <= 4 && (uint32_t)theirs <= 0x10ffff) ||
		    (ours.valid && (ours.code != (uint32_t)theirs || ours.length != length)))
			fail_msg("%06x: %u %x, libc %zu %x", i, ours.length, ours.code, length,
				 (unsigned int)theirs);
	}
}

/* As many U+FFFD as Unicode recommends (The Unicode Standard, tables 3-8 to 3-11). */
static void test_replacements(void **state)
{
	static const struct {
		const char *bytes;
		const char *lengths;
	} rows[] = {
		{"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "111111111"},
		{"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "111111111"},
		{"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "111111111"},
		{"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "21321"},
		{"\xe2\x82", "2"},
		{"\xf0\x9f\x98", "3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *bytes = rows[i].bytes;

		for (const char *length = rows[i].lengths; *length; length++) {
			struct na_utf8 next = na_utf8_read(bytes, strlen(bytes));

			assert_int_equal(next.length, *length - '0');
			assert_int_equal(next.valid, (unsigned char)*bytes < 0x80);
			assert_int_equal(next.code, next.valid ? *bytes : NA_UTF8_REPLACEMENT);
			bytes += next.length;
		}
		assert_int_equal(*bytes, 0);
	}
}

/* Nothing behind the end is looked at: the byte there would make a character of it. */
static void test_truncated(void **state)
{
	static const char euro[] = "\xe2\x82\xac";

	(void)state;
	assert_int_equal(na_utf8_read(euro, 3).code, 0x20ac);
	for (size_t length = 1; length < 3; length++) {
		struct na_utf8 next = na_utf8_read(euro, length);

		assert_false(next.valid);
		assert_int_equal(next.length, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_libc),
		cmocka_unit_test(test_replacements),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
