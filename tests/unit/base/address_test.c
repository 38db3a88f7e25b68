/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text: RFC 5952's own cases, and random ones against inet_ntop. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"

static struct na_address parse(const char *text)
{
	struct na_address address;

	assert_int_equal(inet_pton(AF_INET6, text, address.bytes), 1);
	return address;
}

static void test_cases(void **state)
{
	static const char *const rows[][2] = {
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:0db8::0001", "2001:db8::1"},
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"0:1:2:3:4:5:6:0", "0:1:2:3:4:5:6:0"},
		{"2001:DB8::ABCD", "2001:db8::abcd"},
		{"::102:304", "::102:304"},
		{"::ffff:0.0.0.0", "0.0.0.0"},
		{"::ffff:192.0.2.100", "192.0.2.100"},
		{"::ffff:255.255.255.255", "255.255.255.255"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	char text[NA_ADDRESS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct na_address address = parse(rows[i][0]);

		assert_int_equal(na_address_format(&address, text), strlen(rows[i][1]));
		assert_string_equal(text, rows[i][1]);
	}
}

static void test_agrees_with_libc(void **state)
{
	char ours[NA_ADDRESS_TEXT_SIZE], theirs[INET6_ADDRSTRLEN];

	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		struct na_address address;

		/* Many zero groups; the first one is not, so that it is no embedded IPv4. */
		for (int byte = 0; byte < 16; byte++)
			address.bytes[byte] = byte && rand() % 2 ? 0 : (uint8_t)(rand() % 255 + 1);
		na_address_format(&address, ours);
		assert_non_null(inet_ntop(AF_INET6, address.bytes, theirs, sizeof(theirs)));
		assert_string_equal(ours, theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_agrees_with_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
