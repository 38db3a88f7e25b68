/* SPDX-License-Identifier: Apache-2.0 */
/* What of the shipping process is no event, and what of it, and of others, still is. */
#include "pipeline/shipper.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HELPER = 900, OTHER = 901, PORT = 9092 };

static const struct na_address there = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7}};
static const struct na_address elsewhere = {
	{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 8}};
static const struct na_address there6 = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

static struct na_event made(enum na_event_type type, int parent, const struct na_address *to,
			    uint16_t port)
{
	struct na_event event;

	na_event_init(&event, type, 1);
	if (parent)
		NA_SET(&event, PROCESS_PARENT_PID, parent);
	if (to) {
		NA_SET(&event, DESTINATION_IP, *to);
		NA_SET(&event, DESTINATION_PORT, port);
	}
	return event;
}

static bool owns(struct na_shipper *shipper, enum na_event_type type, int parent,
		 const struct na_address *to, uint16_t port)
{
	struct na_event event = made(type, parent, to, port);

	return na_shipper_owns(shipper, &event);
}

static void leaves_out_its_way(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("192.0.2.7"), PORT), 0);
	assert_int_equal(na_shipper_add(&shipper, na_text_of("[2001:db8::1]"), PORT), 0);
	assert_true(owns(&shipper, NA_EVENT_ESTABLISHED, HELPER, &there, PORT));
	assert_true(owns(&shipper, NA_EVENT_CLOSED, HELPER, &there6, PORT));
	assert_true(owns(&shipper, NA_EVENT_CONNECT_FAILED, HELPER, &there, PORT));
	assert_true(owns(&shipper, NA_EVENT_SOCKET_CREATED, HELPER, NULL, 0));
	na_shipper_clear(&shipper);
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, HELPER, &there, PORT));
}

static void reports_other_ways(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};
	struct na_event refused = made(NA_EVENT_SOCKET_CREATED, HELPER, NULL, 0);

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("192.0.2.7"), PORT), 0);
	na_event_set_error(&refused, -1);
	assert_false(na_shipper_owns(&shipper, &refused));
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, HELPER, &elsewhere, PORT));
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, HELPER, &there, PORT + 1));
	assert_false(owns(&shipper, NA_EVENT_DENIED, HELPER, &there, PORT));
	assert_false(owns(&shipper, NA_EVENT_LISTENING, HELPER, NULL, 0));
	na_shipper_clear(&shipper);
}

static void reports_others(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER}, none = {0};

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("192.0.2.7"), PORT), 0);
	assert_int_equal(na_shipper_add(&none, na_text_of("192.0.2.7"), PORT), 0);
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, OTHER, &there, PORT));
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, 0, &there, PORT));
	assert_false(owns(&none, NA_EVENT_ESTABLISHED, 0, &there, PORT));
	na_shipper_clear(&shipper);
	na_shipper_clear(&none);
}

static bool owns_of(struct na_shipper *shipper, enum na_event_type type, uint8_t address,
		    uint64_t cookie)
{
	struct na_address to = there;
	struct na_event event;

	to.bytes[15] = address;
	event = made(type, HELPER, &to, PORT);
	NA_SET(&event, NA_SOCKET_COOKIE, cookie);
	return na_shipper_owns(shipper, &event);
}

static void tells_of_each_address_of_a_name_once(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("siem.example"), PORT), 0);
	assert_int_equal(na_shipper_add(&shipper, na_text_of("192.0.2.9"), PORT), 0);
	/* A whole connection to each is told; that to an address that is configured is not. */
	assert_false(owns_of(&shipper, NA_EVENT_CONNECT_ATTEMPTED, 7, 100));
	assert_false(owns_of(&shipper, NA_EVENT_ESTABLISHED, 8, 200));
	assert_true(owns_of(&shipper, NA_EVENT_ESTABLISHED, 9, 300));
	assert_true(owns_of(&shipper, NA_EVENT_CONNECT_ATTEMPTED, 7, 101));
	assert_false(owns_of(&shipper, NA_EVENT_CLOSED, 7, 100));
	assert_true(owns_of(&shipper, NA_EVENT_CLOSED, 7, 101));
	assert_true(owns_of(&shipper, NA_EVENT_CONNECT_FAILED, 8, 201));
	/* Another port is none of its places. */
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, HELPER, &there, PORT + 1));
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, HELPER, &there, PORT + 1));
	na_shipper_clear(&shipper);
	/* A reload does not tell of them again. */
	assert_int_equal(na_shipper_add(&shipper, na_text_of("siem.example"), PORT), 0);
	assert_true(owns_of(&shipper, NA_EVENT_ESTABLISHED, 8, 202));
	na_shipper_clear(&shipper);
}

/* The lookup of a name tries its addresses so. */
static void tells_of_streams_behind_datagrams(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};
	struct na_event event = made(NA_EVENT_CONNECT_ATTEMPTED, HELPER, &there, PORT);

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("siem.example"), PORT), 0);
	NA_SET(&event, NA_SOCKET_COOKIE, 99);
	NA_SET_TEXT(&event, NETWORK_TRANSPORT, "udp");
	assert_false(na_shipper_owns(&shipper, &event));
	assert_false(owns_of(&shipper, NA_EVENT_CONNECT_ATTEMPTED, 7, 100));
	assert_true(owns_of(&shipper, NA_EVENT_CONNECT_ATTEMPTED, 7, 101));
	NA_SET(&event, NA_SOCKET_COOKIE, 102);
	assert_true(na_shipper_owns(&shipper, &event));
	na_shipper_clear(&shipper);
}

/* Each would cause the next. */
static void leaves_out_what_the_first_moves(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("siem.example"), PORT), 0);
	assert_true(owns_of(&shipper, NA_EVENT_FLOW, 7, 100));
	assert_false(owns_of(&shipper, NA_EVENT_ESTABLISHED, 7, 100));
	assert_true(owns_of(&shipper, NA_EVENT_FLOW, 7, 100));
	assert_true(owns_of(&shipper, NA_EVENT_HOOK_SOCKET_SENDMSG, 7, 100));
	assert_false(owns_of(&shipper, NA_EVENT_CLOSED, 7, 100));
	na_shipper_clear(&shipper);
}

static void tells_again_of_the_oldest_address(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};

	(void)state;
	assert_int_equal(NA_SHIPPER_PLACES, 256);
	assert_int_equal(na_shipper_add(&shipper, na_text_of("siem.example"), PORT), 0);
	for (int i = 0; i < NA_SHIPPER_PLACES; i++)
		assert_false(owns_of(&shipper, NA_EVENT_ESTABLISHED, (uint8_t)i, 100));
	assert_true(owns_of(&shipper, NA_EVENT_ESTABLISHED, 0, 101));
	assert_false(owns(&shipper, NA_EVENT_ESTABLISHED, HELPER, &there6, PORT));
	assert_false(owns_of(&shipper, NA_EVENT_ESTABLISHED, 0, 101));
	assert_true(owns_of(&shipper, NA_EVENT_ESTABLISHED, 2, 101));
	na_shipper_clear(&shipper);
}

static bool owns_from(struct na_shipper *shipper, enum na_event_type type, int parent,
		      uint16_t from)
{
	struct na_event event = made(type, parent, &there, PORT);

	NA_SET(&event, SOURCE_IP, elsewhere);
	NA_SET(&event, SOURCE_PORT, from);
	return na_shipper_owns(shipper, &event);
}

static void leaves_out_the_other_end(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("192.0.2.7"), PORT), 0);
	assert_false(owns_from(&shipper, NA_EVENT_ACCEPTED, OTHER, 40000));
	assert_true(owns_from(&shipper, NA_EVENT_ESTABLISHED, HELPER, 40000));
	assert_true(owns_from(&shipper, NA_EVENT_ACCEPTED, OTHER, 40000));
	assert_false(owns_from(&shipper, NA_EVENT_ACCEPTED, OTHER, 40001));
	assert_true(owns_from(&shipper, NA_EVENT_CLOSED, HELPER, 40000));
	assert_true(owns_from(&shipper, NA_EVENT_CLOSED, OTHER, 40000));
	/* The port is another process's now: its connection is one, at both ends. */
	assert_false(owns_from(&shipper, NA_EVENT_ESTABLISHED, OTHER, 40000));
	assert_false(owns_from(&shipper, NA_EVENT_ACCEPTED, OTHER, 40000));
	na_shipper_clear(&shipper);
}

static void forgets_the_oldest(void **state)
{
	struct na_shipper shipper = {.helper_pid = HELPER};

	(void)state;
	assert_int_equal(na_shipper_add(&shipper, na_text_of("192.0.2.7"), PORT), 0);
	for (uint16_t i = 0; i <= NA_SHIPPER_RECENT; i++)
		assert_true(owns_from(&shipper, NA_EVENT_ESTABLISHED, HELPER, 40000 + i));
	assert_false(owns_from(&shipper, NA_EVENT_ACCEPTED, OTHER, 40000));
	assert_true(owns_from(&shipper, NA_EVENT_ACCEPTED, OTHER, 40001));
	na_shipper_clear(&shipper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_out_its_way),
		cmocka_unit_test(reports_other_ways),
		cmocka_unit_test(reports_others),
		cmocka_unit_test(tells_of_each_address_of_a_name_once),
		cmocka_unit_test(tells_of_streams_behind_datagrams),
		cmocka_unit_test(leaves_out_what_the_first_moves),
		cmocka_unit_test(tells_again_of_the_oldest_address),
		cmocka_unit_test(leaves_out_the_other_end),
		cmocka_unit_test(forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
