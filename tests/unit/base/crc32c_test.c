/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C against the vectors of RFC 3720 and itself in both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

static void check(const void *data, size_t length, uint32_t expected)
{
	assert_int_equal(na_crc32c(0, data, length), expected);
	assert_int_equal(na_crc32c_by_table(0, data, length), expected);
}

static void known_values_come_out(void **state)
{
	static const uint8_t read_command[48] = {
		0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02,
	};
	uint8_t bytes[32];

	(void)state;
	check("", 0, 0);
	check("123456789", 9, 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	check(bytes, sizeof(bytes), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	check(bytes, sizeof(bytes), 0x62a8ab43);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	check(bytes, sizeof(bytes), 0x46dd794e);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(31 - i);
	check(bytes, sizeof(bytes), 0x113fdb5c);
	check(read_command, sizeof(read_command), 0xd9963a56);
}

static void any_length_alignment_and_cut_gives_the_same(void **state)
{
	uint8_t bytes[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t start = 0; start < 9; start++) {
		for (size_t length = 0; length < 120; length++) {
			uint32_t whole = na_crc32c_by_table(0, bytes + start, length);
			size_t half = length / 3;

			assert_int_equal(na_crc32c(0, bytes + start, length), whole);
			assert_int_equal(na_crc32c(na_crc32c(0, bytes + start, half),
						   bytes + start + half, length - half),
					 whole);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values_come_out),
		cmocka_unit_test(any_length_alignment_and_cut_gives_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
