/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from other fields is left out, what only looks so is not; both come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "journal/decoder.h"
#include "journal/derive.h"
#include "journal/encoder.h"
#include "segment.h"

#define TEXT(string)                                                                               \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}

static struct na_event made(void)
{
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, 0);
	NA_SET(&event, TIMESTAMP, 1);
	NA_SET(&event, EVENT_SEQUENCE, 1);
	return event;
}

/* There and back through a segment. Returns the bytes that it took beside head and names. */
static size_t check(const struct na_event *event)
{
	struct na_frame_head head = na_segment_head();
	struct na_encoder *encoder = na_encoder_new();
	struct na_decoder *decoder = na_decoder_new();
	struct na_buffer segment = {0}, why = {0};
	const struct na_frame *frame;
	size_t offset = 0, before;
	struct na_event got;

	na_encoder_begin(encoder, &head, NULL, &segment);
	before = segment.length;
	assert_int_equal(na_encoder_event(encoder, event, &segment), 0);
	while ((frame = na_segment_next(&segment, &offset)) && frame->kind != NA_FRAME_EVENT)
		assert_int_equal(na_decoder_take(decoder, frame, &why), 0);
	assert_int_equal(na_decoder_event(decoder, frame, &got, &why), 0);
	na_segment_assert_same(&got, event);
	before = segment.length - before;
	na_encoder_free(encoder);
	na_decoder_free(decoder);
	na_buffer_done(&segment);
	return before;
}

static void check_bits(const struct na_event *event, unsigned int bits)
{
	struct na_derived derived;

	na_derive(event, &derived);
	assert_int_equal(derived.bits, bits);
	check(event);
}

static void addresses_follow_when_they_are_the_same(void **state)
{
	static const struct {
		const char *text;
		unsigned int bits;
	} rows[] = {
		{"10.0.0.5", NA_DERIVED_SOURCE_ADDRESS},
		{"10.0.0.50", 0},
		{"10.0.0.", 0},
		{"::ffff:10.0.0.5", 0},
		{"/run/a", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct na_event event = made();

		NA_SET_TEXT(&event, SOURCE_ADDRESS, rows[i].text);
		check_bits(&event, 0);
		NA_SET(&event, SOURCE_IP,
		       ((struct na_address){{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}}));
		check_bits(&event, rows[i].bits);
		NA_CLEAR(&event, SOURCE_ADDRESS);
		check_bits(&event, 0);
	}
}

static void related_addresses_follow_in_their_order(void **state)
{
	static const struct {
		const struct na_text items[3];
		size_t count;
		unsigned int bits;
	} rows[] = {
		{{TEXT("a"), TEXT("b")},
		 2,
		 NA_DERIVED_RELATED_SOURCE | NA_DERIVED_RELATED_DESTINATION},
		{{TEXT("a")}, 1, NA_DERIVED_RELATED_SOURCE},
		{{TEXT("b")}, 1, NA_DERIVED_RELATED_DESTINATION},
		{{TEXT("b"), TEXT("a")}, 2, 0},
		{{TEXT("a"), TEXT("b"), TEXT("c")}, 3, 0},
		{{TEXT("a"), TEXT("a")}, 2, 0},
		{{TEXT("c")}, 1, 0},
		{{TEXT("")}, 1, 0},
		{{TEXT("")}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct na_event event = made();

		NA_SET(&event, RELATED_IP, ((struct na_texts){rows[i].items, rows[i].count}));
		check_bits(&event, 0);
		NA_SET_TEXT(&event, SOURCE_ADDRESS, "a");
		NA_SET_TEXT(&event, DESTINATION_ADDRESS, "b");
		check_bits(&event, rows[i].bits);
	}
}

static void ids_of_connections_follow_from_sockets(void **state)
{
	static const struct {
		const char *id;
		unsigned int cookie, inode, both;
	} rows[] = {
		{"0c1f0f6e7d5b4d0a-5d21-1", NA_DERIVED_COOKIE, 0, NA_DERIVED_COOKIE},
		/* With a cookie that is the inode the i is taken for a part of the prefix. */
		{"0c1f0f6e7d5b4d0a-i5d21-1", NA_DERIVED_COOKIE, NA_DERIVED_INODE, NA_DERIVED_INODE},
		{"5d21-ffffffffffffffff", NA_DERIVED_COOKIE, 0, NA_DERIVED_COOKIE},
		{"5d21-0", NA_DERIVED_COOKIE, 0, NA_DERIVED_COOKIE},
		{"5d21-01", 0, 0, 0},
		{"5d21-1ffffffffffffffff", 0, 0, 0},
		{"5d21-", 0, 0, 0},
		{"5D21-1", 0, 0, 0},
		{"5d22-1", 0, 0, 0},
		{"1", 0, 0, 0},
		{"", 0, 0, 0},
		{"1234567890123456789012345678901234567890123456789012345678901234-5d21-1", 0, 0,
		 0},
		{"123456789012345678901234567890123456789012345678901234567890123-5d21-1",
		 NA_DERIVED_COOKIE, 0, NA_DERIVED_COOKIE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct na_event event = made();

		event.f_NA_SOCKET_COOKIE = event.f_NA_SOCKET_INODE = 0x5d21; /* not there yet */
		NA_SET_TEXT(&event, NA_CONNECTION_ID, rows[i].id);
		check_bits(&event, 0);
		NA_SET(&event, NA_SOCKET_COOKIE, 0x5d21);
		check_bits(&event, rows[i].cookie);
		NA_SET(&event, NA_SOCKET_INODE, 0x5d21);
		check_bits(&event, rows[i].both);
		NA_CLEAR(&event, NA_SOCKET_COOKIE);
		check_bits(&event, rows[i].inode);
	}
}

/* With the n-th argument changed they are no parts of the line, and cost their own bytes. */
static void arguments_are_parts_of_their_line(void **state)
{
	static const char line[] = "/usr/bin/program --first-option=value second  4 and so on";
	struct na_text parts[] = {
		{line, 16}, {line + 17, 20}, {line + 38, 6}, {line + 45, 0}, {line + 46, 1}};
	struct na_event event = made();
	char copy[sizeof(line)];
	size_t bytes;

	(void)state;
	memcpy(copy, line, sizeof(line));
	NA_SET(&event, PROCESS_COMMAND_LINE, na_text_of(line));
	NA_SET(&event, PROCESS_ARGS, ((struct na_texts){parts, 5}));
	bytes = check(&event);
	for (size_t i = 0; i < 5; i++) {
		struct na_text part = parts[i];
		size_t offset = (size_t)(part.data - line);

		parts[i].data = copy + offset; /* the same bytes elsewhere */
		assert_int_equal(check(&event), bytes);
		if (part.length) {
			copy[offset] = '!';
			assert_true(check(&event) > bytes + 30);
			copy[offset] = line[offset];
			parts[i].length--; /* of the last one: it may end anywhere */
			assert_true(i == 4 || check(&event) > bytes + 20);
		}
		parts[i] = part;
	}
	parts[4].length = 12; /* to the end of the line */
	check(&event);
	parts[4] = (struct na_text){"4 and so on, and on", 19};
	assert_true(check(&event) > bytes + 30);
	NA_CLEAR(&event, PROCESS_COMMAND_LINE);
	check(&event);
	NA_SET(&event, PROCESS_ARGS, ((struct na_texts){NULL, 0}));
	check(&event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_follow_when_they_are_the_same),
		cmocka_unit_test(related_addresses_follow_in_their_order),
		cmocka_unit_test(ids_of_connections_follow_from_sockets),
		cmocka_unit_test(arguments_are_parts_of_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
