/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community ID against the vectors of its authors: community-id/baseline_deflt.json, and the tables
 * of their README (github.com/corelight/community-id-spec b1fe530, BSD-3-Clause,
 * community-id/COPYING).
 */
#include "base/community_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <jansson.h>
#include <netinet/in.h>

static struct na_address address_of(const char *text)
{
	struct na_address address = {{0}};

	if (inet_pton(AF_INET6, text, address.bytes) == 1)
		return address;
	memset(address.bytes + 10, 0xff, 2);
	assert_int_equal(inet_pton(AF_INET, text, address.bytes + 12), 1);
	return address;
}

static void check(const char *source, uint16_t source_port, const char *destination,
		  uint16_t destination_port, uint8_t protocol, const char *expected)
{
	struct na_address from = address_of(source), to = address_of(destination);
	char text[NA_COMMUNITY_ID_SIZE];
	size_t length;

	length = na_community_id(&from, source_port, &to, destination_port, protocol, text);
	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

/* Rows of ICMP carry type and code, which the function does not cover: no id for them. */
static void test_vectors_of_the_authors(void **state)
{
	json_t *rows = json_load_file(NA_VECTORS, 0, NULL), *row;
	size_t i, ids = 0;

	(void)state;
	assert_non_null(rows);
	json_array_foreach(rows, i, row)
	{
		uint8_t protocol = (uint8_t)json_integer_value(json_object_get(row, "proto"));
		bool icmp = protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;

		check(json_string_value(json_object_get(row, "saddr")),
		      (uint16_t)json_integer_value(json_object_get(row, "sport")),
		      json_string_value(json_object_get(row, "daddr")),
		      (uint16_t)json_integer_value(json_object_get(row, "dport")), protocol,
		      icmp ? "" : json_string_value(json_object_get(row, "communityid")));
		ids += !icmp;
	}
	assert_int_equal(ids, 10);
	json_decref(rows);
}

static void test_tables_of_the_authors(void **state)
{
	static const char low[] = "fe80:0001:0203:0405:0607:0809:0A0B:0C0D";
	static const char high[] = "fe80:1011:1213:1415:1617:1819:1A1B:1C1D";

	(void)state;
	check("1.2.3.4", 1122, "5.6.7.8", 3344, IPPROTO_TCP, "1:wCb3OG7yAFWelaUydu0D+125CLM=");
	check("5.6.7.8", 3344, "1.2.3.4", 1122, IPPROTO_TCP, "1:wCb3OG7yAFWelaUydu0D+125CLM=");
	check("1.2.3.4", 1122, "5.6.7.8", 3344, IPPROTO_UDP, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=");
	check("5.6.7.8", 3344, "1.2.3.4", 1122, IPPROTO_UDP, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=");
	check("1.2.3.4", 1122, "5.6.7.8", 3344, IPPROTO_SCTP, "1:EKt4MsxuyaE6mL+hmrEkQ9csDD8=");
	check("5.6.7.8", 3344, "1.2.3.4", 1122, IPPROTO_SCTP, "1:EKt4MsxuyaE6mL+hmrEkQ9csDD8=");
	check("1.2.3.4", 0, "5.6.7.8", 0, IPPROTO_RSVP, "1:ikv3kmf89luf73WPz1jOs49S768=");
	check(low, 0, high, 0, IPPROTO_RSVP, "1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0=");
	check(high, 0, low, 0, IPPROTO_RSVP, "1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0=");
}

static void test_mapped_address_is_hashed_as_v4(void **state)
{
	(void)state;
	check("::ffff:1.2.3.4", 1122, "5.6.7.8", 3344, IPPROTO_TCP,
	      "1:wCb3OG7yAFWelaUydu0D+125CLM=");
}

static void test_ports_of_other_protocols_do_not_count(void **state)
{
	(void)state;
	check("1.2.3.4", 7, "5.6.7.8", 9, IPPROTO_RSVP, "1:ikv3kmf89luf73WPz1jOs49S768=");
}

/* Both ends on one address: the ports decide which comes first. */
static void test_same_address_is_ordered_by_port(void **state)
{
	struct na_address host = address_of("127.0.0.1");
	char one[NA_COMMUNITY_ID_SIZE], other[NA_COMMUNITY_ID_SIZE];

	(void)state;
	na_community_id(&host, 80, &host, 50000, IPPROTO_TCP, one);
	na_community_id(&host, 50000, &host, 80, IPPROTO_TCP, other);
	assert_string_equal(one, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_of_the_authors),
		cmocka_unit_test(test_tables_of_the_authors),
		cmocka_unit_test(test_mapped_address_is_hashed_as_v4),
		cmocka_unit_test(test_ports_of_other_protocols_do_not_count),
		cmocka_unit_test(test_same_address_is_ordered_by_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
