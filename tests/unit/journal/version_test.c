/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment of another version, made by hand: its fields have other numbers, some are not known
 * here, some have another type, some of ours it has not; it has groups and types of values of its
 * own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "base/field.h"
#include "journal/decoder.h"
#include "journal/frame_put.h"
#include "journal/groups.h"
#include "journal/wire.h"
#include "segment.h"

#define NEW_TYPE 9
#define NEW_GROUP 20
#define WALL_NS UINT64_C(1795525507123456789)

/* The other version's fields, in its order. */
enum {
	NEW_TEXT,
	PORT,
	RETYPED,
	NEW_VALUE,
	USER_NAME,
	ADDRESS,
	RELATED_USER,
	START,
	NEW_LIST,
	EVENT,
	FIELDS
};

static const struct {
	uint8_t type;
	const char *path;
} fields[FIELDS] = {
	[NEW_TEXT] = {NA_TYPE_KEYWORD, "process.mood"},
	[PORT] = {NA_TYPE_LONG, "source.port"},
	[RETYPED] = {NA_TYPE_KEYWORD, "destination.port"},
	[NEW_VALUE] = {NEW_TYPE, "source.geo.location"},
	[USER_NAME] = {NA_TYPE_KEYWORD, "user.name"},
	[ADDRESS] = {NA_TYPE_IP, "source.ip"},
	[RELATED_USER] = {NA_TYPE_KEYWORDS, "related.user"},
	[START] = {NA_TYPE_DATE, "event.start"},
	[NEW_LIST] = {NA_TYPE_KEYWORDS, "related.mood"},
	[EVENT] = {NA_TYPE_KEYWORD, "netaudit.event"},
};

static const char *const events[] = {"dreamt", "closed"};
static const char hostile[] = "host.hostname\0and a NUL"; /* names may have any bytes */

static uint8_t bytes[4096];
static struct na_writer writer;

static void begin(void)
{
	writer = (struct na_writer){.at = bytes, .end = bytes + sizeof(bytes)};
}

static void put_number(uint64_t number)
{
	na_put_varint(&writer, number);
}

static void put_text(const char *text)
{
	put_number(strlen(text));
	na_put_bytes(&writer, text, strlen(text));
}

static int give(struct na_decoder *decoder, enum na_frame_kind kind)
{
	struct na_frame head = {.kind = (uint8_t)kind};
	struct na_buffer made = {0}, why = {0};
	int error;

	na_frame_put(&made, &head, sizeof(head), bytes, (size_t)(writer.at - bytes));
	error = na_decoder_take(decoder, (const struct na_frame *)made.data, &why);
	na_buffer_done(&made);
	na_buffer_done(&why);
	return error;
}

static void give_head(struct na_decoder *decoder)
{
	struct na_frame_head head = na_segment_head();
	struct na_buffer made = {0}, why = {0};

	head.frame.kind = NA_FRAME_HEAD;
	memcpy(head.magic, NA_JOURNAL_MAGIC, sizeof(head.magic));
	head.layout = NA_JOURNAL_LAYOUT;
	na_frame_put(&made, &head, sizeof(head), "appended by a later version", 27);
	assert_int_equal(na_decoder_take(decoder, (const struct na_frame *)made.data, &why), 0);
	na_buffer_done(&made);
	begin();
	put_number(FIELDS + 1);
	for (size_t i = 0; i < FIELDS; i++) {
		na_put_bytes(&writer, &fields[i].type, 1);
		put_text(fields[i].path); /* short ones: a varint is a byte */
	}
	put_number(NA_TYPE_KEYWORD);
	put_number(sizeof(hostile));
	na_put_bytes(&writer, hostile, sizeof(hostile));
	put_number(3);
	for (size_t i = 0; i < 2; i++)
		put_text(events[i]);
	put_number(sizeof("closed"));
	na_put_bytes(&writer, "closed", sizeof("closed"));
	assert_int_equal(give(decoder, NA_FRAME_NAMES), 0);
}

/* Entries 0: user, 1: of a group that we do not have, 2: the shape. */
static void give_entries(struct na_decoder *decoder)
{
	static const uint8_t own[] = {NEW_TEXT, PORT, RETYPED, NEW_VALUE, ADDRESS, START, NEW_LIST};

	begin();
	put_number(0);
	put_number(NA_GROUP_USER);
	put_number(USER_NAME);
	put_text("alice");
	put_number(NEW_TEXT);
	put_text("glad");
	put_number(RELATED_USER);
	put_number(1 << 1 | 1); /* a part of … */
	put_number(13);         /* "alice", so many bytes ago */
	put_number(5);
	assert_int_equal(give(decoder, NA_FRAME_ENTRY), 0);
	begin();
	put_number(1);
	put_number(NEW_GROUP);
	put_number(NEW_VALUE);
	put_text("any bytes");
	assert_int_equal(give(decoder, NA_FRAME_ENTRY), 0);
	begin();
	put_number(2);
	put_number(NA_GROUP_SHAPE);
	put_number(0);
	put_number(1u << NA_GROUP_USER | 1u << NEW_GROUP);
	put_number(sizeof(own));
	na_put_bytes(&writer, own, sizeof(own));
	put_number(EVENT);
	put_text("closed");
	assert_int_equal(give(decoder, NA_FRAME_ENTRY), 0);
}

static void put_event(void)
{
	begin();
	put_number(2);
	put_number(0);
	put_number(1);
	put_text("sad");
	put_number(na_zigzag(-443));
	put_text("https");
	put_text("\1\2\3");
	put_number(4);
	na_put_bytes(&writer, "\x0a\0\0\5", 4);
	put_number(na_zigzag(-1000));
	put_number(2 << 1);
	put_text("sad");
	put_text("glad");
}

static int decode(struct na_decoder *decoder, uint16_t type, struct na_event *event)
{
	struct na_frame_event head = {
		.frame = {.kind = NA_FRAME_EVENT, .type = type}, .sequence = 7, .wall_ns = WALL_NS};
	struct na_buffer made = {0}, why = {0};
	int error;

	na_frame_put(&made, &head, sizeof(head), bytes, (size_t)(writer.at - bytes));
	error = na_decoder_event(decoder, (const struct na_frame *)made.data, event, &why);
	na_buffer_done(&made);
	na_buffer_done(&why);
	return error;
}

static void what_both_know_is_read(void **state)
{
	struct na_decoder *decoder = na_decoder_new();
	struct na_event event, expected = {.type = NA_EVENT_CLOSED};
	struct na_text user = na_text_of("alice");

	(void)state;
	give_head(decoder);
	give_entries(decoder);
	put_event();
	assert_int_equal(decode(decoder, 1, &event), 0);
	NA_SET(&expected, TIMESTAMP, WALL_NS);
	NA_SET(&expected, EVENT_SEQUENCE, 7);
	NA_SET(&expected, SOURCE_PORT, -443);
	NA_SET(&expected, SOURCE_IP,
	       ((struct na_address){{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}}));
	NA_SET(&expected, EVENT_START, WALL_NS - 1000);
	NA_SET(&expected, USER_NAME, user);
	NA_SET(&expected, RELATED_USER, ((struct na_texts){&user, 1}));
	NA_SET_TEXT(&expected, NA_EVENT, "closed");
	na_segment_assert_same(&event, &expected);
	na_decoder_free(decoder);
}

static void an_unknown_type_is_said_so(void **state)
{
	struct na_decoder *decoder = na_decoder_new();
	struct na_frame frame = {.kind = NA_FRAME_EVENT};
	struct na_event event;

	(void)state;
	give_head(decoder);
	give_entries(decoder);
	put_event();
	assert_int_equal(decode(decoder, 0, &event), -ENOTSUP);
	assert_int_equal(decode(decoder, 2, &event), -ENOTSUP); /* "closed", and a NUL */
	assert_int_equal(decode(decoder, 3, &event), -ENOTSUP); /* it has no name at all */
	frame.type = 1;
	assert_int_equal(na_decoder_type(decoder, &frame), NA_EVENT_CLOSED);
	frame.type = 0;
	assert_int_equal(na_decoder_type(decoder, &frame), NA_EVENT_COUNT);
	na_decoder_free(decoder);
}

/* A rule whose path is misspelt would move its fields without a word: these are where they belong.
 */
static void fields_have_their_groups(void **state)
{
	static const struct {
		enum na_field field;
		enum na_group group;
	} rows[] = {
		{NA_FIELD_PROCESS_EXECUTABLE, NA_GROUP_PROCESS},
		{NA_FIELD_CONTAINER_ID, NA_GROUP_PROCESS},
		{NA_FIELD_NA_CGROUP_PATH, NA_GROUP_PROCESS},
		{NA_FIELD_NA_PROCESS_SESSION, NA_GROUP_PROCESS},
		{NA_FIELD_USER_EFFECTIVE_NAME, NA_GROUP_USER},
		{NA_FIELD_GROUP_ID, NA_GROUP_USER},
		{NA_FIELD_RELATED_USER, NA_GROUP_USER},
		{NA_FIELD_NA_CREATOR_NAME, NA_GROUP_CREATOR},
		{NA_FIELD_NA_CLOSER_PID, NA_GROUP_CLOSER},
		{NA_FIELD_LABELS, NA_GROUP_HOST},
		{NA_FIELD_NA_SOCKET_NETNS, NA_GROUP_SHAPE},
		{NA_FIELD_ERROR_MESSAGE, NA_GROUP_SHAPE},
	};
	static const enum na_field own[] = {NA_FIELD_PROCESS_THREAD_ID, NA_FIELD_PROCESS_END,
					    NA_FIELD_SOURCE_IP, NA_FIELD_NA_SOCKET_COOKIE,
					    NA_FIELD_EVENT_CREATED};
	struct na_groups groups;

	(void)state;
	na_groups_make(&groups);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(groups.of[rows[i].group][rows[i].field / 64] >> rows[i].field % 64 & 1);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		assert_true(groups.own[own[i] / 64] >> own[i] % 64 & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_both_know_is_read),
		cmocka_unit_test(an_unknown_type_is_said_so),
		cmocka_unit_test(fields_have_their_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
