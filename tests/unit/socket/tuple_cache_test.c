/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from the cache is what would be computed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdbool.h>

#include "base/address.h"
#include "base/community_id.h"
#include "socket/tuple_cache.h"

static struct na_address address_of(unsigned int number, bool v4)
{
	struct na_address address = {{0x20, 0x01, 0x0d, 0xb8}};

	if (v4)
		address = (struct na_address){{[10] = 0xff, [11] = 0xff, [12] = 10}};
	address.bytes[13] = (uint8_t)(number >> 8);
	address.bytes[15] = (uint8_t)number;
	return address;
}

static void assert_text_equal(struct na_text got, const char *text, size_t length)
{
	assert_int_equal(got.length, length);
	assert_memory_equal(got.data, text, length);
}

static void check(struct na_tuple_cache *cache, const struct na_address *source,
		  uint16_t source_port, const struct na_address *destination,
		  uint16_t destination_port, uint8_t protocol)
{
	char text[NA_ADDRESS_TEXT_SIZE], id[NA_COMMUNITY_ID_SIZE];
	struct na_tuple_texts got = na_tuple_cache_get(cache, source, source_port, destination,
						       destination_port, protocol);

	assert_text_equal(got.source, text, na_address_format(source, text));
	assert_text_equal(got.destination, text, na_address_format(destination, text));
	assert_text_equal(
		got.community_id, id,
		na_community_id(source, source_port, destination, destination_port, protocol, id));
}

/* Twice, so that the second time it comes from the cache; then others with one part changed. */
static void check_around(struct na_tuple_cache *cache, unsigned int i)
{
	struct na_address source = address_of(i % 61, i & 1), other = address_of(i % 61 + 1, i & 1);
	struct na_address destination = address_of(i / 7, i & 1);
	uint16_t port = (uint16_t)(1000 + i % 50), peer_port = (uint16_t)(i % 3 ? 443 : 53);

	check(cache, &source, port, &destination, peer_port, IPPROTO_TCP);
	check(cache, &source, port, &destination, peer_port, IPPROTO_TCP);
	check(cache, &other, port, &destination, peer_port, IPPROTO_TCP);
	check(cache, &source, port, &other, peer_port, IPPROTO_TCP);
	check(cache, &source, (uint16_t)(port + 1), &destination, peer_port, IPPROTO_TCP);
	check(cache, &source, port, &destination, (uint16_t)(peer_port + 1), IPPROTO_TCP);
	check(cache, &source, port, &destination, peer_port, IPPROTO_UDP);
	check(cache, &destination, peer_port, &source, port, IPPROTO_TCP);
}

/* Many more than there are places: they take each other's. */
static void it_is_what_would_be_computed(void **unused)
{
	struct na_tuple_cache *cache = na_tuple_cache_new();

	(void)unused;
	for (int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < 20000; i++)
			check_around(cache, i);
	na_tuple_cache_free(cache);
}

static void what_has_no_community_id_has_none_twice(void **unused)
{
	struct na_tuple_cache *cache = na_tuple_cache_new();
	struct na_address source = address_of(1, true), destination = address_of(2, true);

	(void)unused;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			na_tuple_cache_get(cache, &source, 0, &destination, 0, IPPROTO_ICMP)
				.community_id.length,
			0);
	na_tuple_cache_free(cache);
}

/* An empty place is nobody's, not that of all zero. */
static void zero_is_a_tuple_too(void **unused)
{
	struct na_tuple_cache *cache = na_tuple_cache_new();
	struct na_address none = {{0}};

	(void)unused;
	check(cache, &none, 0, &none, 0, 0);
	na_tuple_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_would_be_computed),
		cmocka_unit_test(what_has_no_community_id_has_none_twice),
		cmocka_unit_test(zero_is_a_tuple_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
