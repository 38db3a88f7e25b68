/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that nobody should have written: each is refused, with a sentence, and nothing is told of
 * an event that is another's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "base/crc32c.h"
#include "journal/decoder.h"
#include "journal/derive.h"
#include "journal/encoder.h"
#include "journal/frame_put.h"
#include "journal/learned.h"
#include "journal/wire.h"
#include "segment.h"
#include "traffic.h"

static struct na_decoder *decoder;
static struct na_buffer segment, why;

static int setup(void **state)
{
	struct na_encoder *encoder = na_encoder_new();
	struct na_frame_head head = na_segment_head();
	struct na_traffic traffic = {0};

	(void)state;
	decoder = na_decoder_new();
	assert_int_equal(na_encoder_begin(encoder, &head, NULL, &segment), 0);
	for (int i = 0; i < 20; i++)
		na_encoder_event(encoder, na_traffic_next(&traffic, NA_EVENT_CLOSED), &segment);
	na_encoder_free(encoder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	na_decoder_free(decoder);
	na_buffer_done(&segment);
	na_buffer_done(&why);
	return 0;
}

/* The n-th frame of a kind, from 0. */
static const struct na_frame *find(enum na_frame_kind kind, int n)
{
	const struct na_frame *frame;
	size_t offset = 0;

	while ((frame = na_segment_next(&segment, &offset)))
		if (frame->kind == kind && n-- == 0)
			return frame;
	fail();
	return NULL;
}

static int take(const struct na_frame *frame)
{
	na_buffer_clear(&why);
	return na_decoder_take(decoder, frame, &why);
}

/* All frames but the n-th entry are taken. */
static void take_all_but(int n)
{
	const struct na_frame *frame;
	size_t offset = 0;

	while ((frame = na_segment_next(&segment, &offset)))
		if (frame->kind != NA_FRAME_ENTRY || n-- != 0)
			assert_int_equal(take(frame), 0);
}

static void assert_refused(int error, const char *sentence)
{
	na_buffer_append_char(&why, 0);
	assert_string_equal(why.data, sentence);
	assert_int_equal(error, -EBADMSG);
}

/* A frame with a right checksum. */
static void take_made(enum na_frame_kind kind, const void *payload, size_t length,
		      const char *sentence)
{
	struct na_frame head = {.kind = (uint8_t)kind};
	struct na_buffer made = {0};

	assert_int_equal(na_frame_put(&made, &head, sizeof(head), payload, length), 0);
	assert_refused(take((const struct na_frame *)made.data), sentence);
	na_buffer_done(&made);
}

static void every_bit_of_a_frame_counts(void **state)
{
	const struct na_frame *frame = find(NA_FRAME_EVENT, 3);
	uint64_t copy[64]; /* aligned */

	(void)state;
	assert_true(frame->size < sizeof(copy));
	for (size_t bit = 0; bit < (size_t)frame->size * 8; bit++) {
		memcpy(copy, frame, frame->size);
		((uint8_t *)copy)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(na_frame_check(copy, frame->size), 0);
	}
	for (size_t length = 0; length < frame->size; length++)
		assert_int_equal(na_frame_check(frame, length), -EAGAIN);
	assert_int_equal(na_frame_check(frame, frame->size), 0);
	memset(copy, 0, sizeof(copy));
	assert_int_equal(na_frame_check(copy, sizeof(copy)), -EBADMSG);
}

/* With a right checksum, and one step too large or not a multiple of 8. */
static void sizes_of_frames_have_limits(void **state)
{
	static const uint32_t sizes[] = {NA_FRAME_MAX, NA_FRAME_MAX + NA_FRAME_ALIGN, 16, 8, 20};
	static const int expected[] = {0, -EBADMSG, 0, -EBADMSG, -EBADMSG};
	static uint64_t bytes[NA_FRAME_MAX / sizeof(uint64_t) + 1];
	struct na_frame *frame = (struct na_frame *)bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		*frame = (struct na_frame){.size = sizes[i], .kind = NA_FRAME_EVENT};
		frame->crc = na_crc32c(0, &frame->size, sizes[i] - sizeof(frame->crc));
		assert_int_equal(na_frame_check(frame, sizeof(bytes)), expected[i]);
	}
}

/* Numbers of entries do not move when one is lost: what refers to it is refused, no more. */
static void a_lost_entry_is_nobody_elses(void **state)
{
	(void)state;
	for (int lost = 0; lost < 20; lost++) {
		struct na_traffic traffic = {0};
		struct na_event event;
		int refused = 0;

		take_all_but(lost);
		for (int i = 0; i < 20; i++) {
			int error =
				na_decoder_event(decoder, find(NA_FRAME_EVENT, i), &event, &why);

			na_traffic_next(&traffic, NA_EVENT_CLOSED);
			if (!error)
				na_segment_assert_same(&event, &traffic.event);
			else
				assert_int_equal(error, -EBADMSG);
			refused += error != 0;
		}
		assert_true(refused > 0);
	}
}

static void order_and_repetition_are_refused(void **state)
{
	struct na_event event;

	(void)state;
	assert_refused(take(find(NA_FRAME_NAMES, 0)), "a segment does not begin with its head");
	assert_null(na_decoder_head(decoder));
	assert_int_equal(take(find(NA_FRAME_HEAD, 0)), 0);
	assert_non_null(na_decoder_head(decoder));
	assert_refused(take(find(NA_FRAME_ENTRY, 0)),
		       "an entry comes before the names of its fields");
	assert_int_equal(na_decoder_event(decoder, find(NA_FRAME_EVENT, 0), &event, &why),
			 -ENOTSUP);
	assert_int_equal(take(find(NA_FRAME_NAMES, 0)), 0);
	assert_refused(take(find(NA_FRAME_NAMES, 0)), "names come twice in a segment");
	na_buffer_clear(&why);
	assert_refused(na_decoder_event(decoder, find(NA_FRAME_EVENT, 0), &event, &why),
		       "an event's shape is not in the dictionary");
}

static void an_entry_comes_once(void **state)
{
	(void)state;
	take_all_but(-1);
	assert_int_equal(take(find(NA_FRAME_ENTRY, 0)), -EBADMSG);
	na_buffer_append_char(&why, 0);
	assert_non_null(strstr(why.data, "entry 0 comes behind entry"));
}

/* An event refers to things that events have: not to constants, not to a shape, and no shape is
 * one. */
static void references_are_to_their_kind(void **state)
{
	static const struct {
		const char *shape, *event, *sentence;
	} rows[] = {
		{"\1\1\0\4\0", "\1\0", "an event refers to an entry that is not in the dictionary"},
		{"\1\1\0\4\0", "\1\1", "an event refers to an entry that is not in the dictionary"},
		{"\1\1\0\4\0", "\1\2", "an event refers to an entry that is not in the dictionary"},
		{"\1\2\0\4\0", "\1\0", "an event's shape is not in the dictionary"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct na_frame entry = {.kind = NA_FRAME_ENTRY};
		struct na_frame_event head = {.frame.kind = NA_FRAME_EVENT};
		struct na_buffer made = {0};
		struct na_event event;

		assert_int_equal(take(find(NA_FRAME_HEAD, 0)), 0);
		assert_int_equal(take(find(NA_FRAME_NAMES, 0)), 0);
		na_frame_put(&made, &entry, sizeof(entry), "\0\0", 2); /* constants */
		na_frame_put(&made, &entry, sizeof(entry), rows[i].shape,
			     rows[i].shape[1] == 1 ? 5 : 2);
		for (size_t offset = 0; offset < made.length;)
			assert_int_equal(take(na_segment_next(&made, &offset)), 0);
		na_buffer_clear(&made);
		na_frame_put(&made, &head, sizeof(head), rows[i].event, 2);
		assert_refused(
			na_decoder_event(decoder, (const struct na_frame *)made.data, &event, &why),
			rows[i].sentence);
		na_buffer_done(&made);
	}
}

static void heads_of_others_are_refused(void **state)
{
	struct na_frame_head head;
	struct na_buffer made = {0};

	(void)state;
	memcpy(&head, find(NA_FRAME_HEAD, 0), sizeof(head));
	head.layout++;
	assert_refused(take(&head.frame), "a segment of layout 2, this version reads 1");
	assert_null(na_decoder_head(decoder));
	head.magic[0]++;
	assert_refused(take(&head.frame), "not a segment of netaudit: no magic");
	head.frame.kind = NA_FRAME_HEAD;
	na_frame_put(&made, &head, sizeof(head.frame), NULL, 0);
	assert_refused(take((const struct na_frame *)made.data), "a segment's head is cut off");
	na_buffer_done(&made);
}

static void unknown_kinds_are_passed_over(void **state)
{
	struct na_frame frame = {.kind = 200};
	struct na_buffer made = {0};

	(void)state;
	na_frame_put(&made, &frame, sizeof(frame), "anything", 8);
	assert_int_equal(na_frame_check(made.data, made.length), 0);
	assert_int_equal(take((const struct na_frame *)made.data), 0);
	na_buffer_done(&made);
}

static void names_without_sense_are_refused(void **state)
{
	static const char *const sentence = "the names of the segment make no sense";
	struct na_buffer many = {0};

	(void)state;
	assert_int_equal(take(find(NA_FRAME_HEAD, 0)), 0);
	take_made(NA_FRAME_NAMES, "", 0, sentence);
	take_made(NA_FRAME_NAMES, "\1\0\5abc", 6, sentence);        /* a path that is cut off */
	take_made(NA_FRAME_NAMES, "\1\0\0\0", 4, sentence);         /* an empty path */
	take_made(NA_FRAME_NAMES, "\xff\xff\xff\x0f", 4, sentence); /* too many */
	take_made(NA_FRAME_NAMES, "\1\0\3abc\1\5ab", 10, sentence);
	take_made(NA_FRAME_NAMES, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 11, sentence);
	na_buffer_append(&many, "\x81\x08", 2); /* 1025 */
	for (int i = 0; i < 1025; i++)
		na_buffer_append(&many, "\0\1a", 3);
	na_buffer_append_char(&many, 0);
	take_made(NA_FRAME_NAMES, many.data, many.length, sentence);
	na_buffer_done(&many);
}

#define ENTRY(payload, sentence) take_made(NA_FRAME_ENTRY, payload, sizeof(payload) - 1, sentence)
#define NO_SENSE "what follows entry 0 makes no sense"

/* Fields: 0 text, 1 list, 2 boolean, 3 address. */
static void entries_without_sense_are_refused(void **state)
{
	static const char names[] =
		"\4\0\7message\1\14process.args\6\21netaudit.io_uring\4\11source.ip\0";
	struct na_frame frame = {.kind = NA_FRAME_NAMES};
	struct na_buffer made = {0};

	(void)state;
	assert_int_equal(take(find(NA_FRAME_HEAD, 0)), 0);
	na_frame_put(&made, &frame, sizeof(frame), names, sizeof(names) - 1);
	assert_int_equal(take((const struct na_frame *)made.data), 0);
	na_buffer_done(&made);
	ENTRY("\0", "an entry without a number and a group");
	ENTRY("\0\2\0\5abc", NO_SENSE); /* a text longer than the frame */
	ENTRY("\0\2\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1x", NO_SENSE);
	ENTRY("\0\2\4\1", NO_SENSE);                /* a field without a name */
	ENTRY("\0\2\2\1\2\1", NO_SENSE);            /* a field twice */
	ENTRY("\0\2\3\5abcde", NO_SENSE);           /* an address of 5 bytes */
	ENTRY("\0\2\1\x82\x80\1", NO_SENSE);        /* more texts than the cap */
	ENTRY("\0\2\0\3abc\1\3\10\1", NO_SENSE);    /* parts of a text in front of the entry */
	ENTRY("\0\2\0\3abc\1\3\3\x9\1", NO_SENSE);  /* of more than there is */
	ENTRY("\0\2\0\3abc\1\7\4\2\1\1", NO_SENSE); /* behind the list itself */
	ENTRY("\0\1\x40\0\0", NO_SENSE);            /* a shape with something unknown left out */
	ENTRY("\0\1\0\xff\xff\xff\xff\x1f\0", NO_SENSE); /* more groups than bits */
	ENTRY("\0\1\0\0\1\4", NO_SENSE);                 /* its event has a field without a name */
	ENTRY("\0\1\0\0\x81\x10", NO_SENSE);             /* more fields than the cap */
	ENTRY("\0\1\x10\0\0\x41"
	      "12345678901234567890123456789012345678901234567890123456789012345",
	      NO_SENSE); /* a prefix longer than the cap */
	ENTRY("\x80\x80\x80\1\2", "entry 2097152 comes behind entry 0");
}

#undef ENTRY

/* Lists of empty texts take 16 times their size: refused before they take all memory. */
static void memory_has_a_cap(void **state)
{
	static uint8_t payload[16 + NA_TEXTS_MAX];
	struct na_frame frame = {.kind = NA_FRAME_ENTRY};
	struct na_buffer made = {0};
	uint64_t number = 0;
	int error;

	(void)state;
	assert_int_equal(take(find(NA_FRAME_HEAD, 0)), 0);
	assert_int_equal(take(find(NA_FRAME_NAMES, 0)), 0);
	do {
		struct na_writer writer = {.at = payload, .end = payload + sizeof(payload)};

		na_put_varint(&writer, number++);
		na_put_varint(&writer, NA_GROUP_PROCESS);
		na_put_varint(&writer, NA_FIELD_PROCESS_ARGS);
		na_put_varint(&writer, NA_TEXTS_MAX << 1);
		memset(writer.at, 0, NA_TEXTS_MAX);
		na_buffer_clear(&made);
		na_frame_put(&made, &frame, sizeof(frame), payload,
			     (size_t)(writer.at - payload) + NA_TEXTS_MAX);
		error = take((const struct na_frame *)made.data);
	} while (!error && number < 10000);
	assert_refused(error, "the segment's dictionary takes more than 128 MiB");
	assert_in_range(number, 1000, 2500);
	assert_int_equal(take(find(NA_FRAME_HEAD, 0)), 0); /* and the next segment is read */
	take_all_but(-1);
	na_buffer_done(&made);
}

/* Cut off anywhere, with something behind, or with another shape: never an event. */
static void events_without_sense_are_refused(void **state)
{
	const struct na_frame *frame = find(NA_FRAME_EVENT, 0);
	size_t used = frame->size - frame->padding;
	struct na_buffer made = {0}, longer = {0};
	struct na_event event;

	(void)state;
	take_all_but(-1);
	for (size_t length = sizeof(*frame); length < used; length++) {
		na_buffer_clear(&made);
		na_frame_put(&made, frame, length, NULL, 0);
		assert_int_equal(
			na_decoder_event(decoder, (const struct na_frame *)made.data, &event, &why),
			-EBADMSG);
	}
	na_frame_put(&longer, frame, used, "\0", 1);
	na_buffer_clear(&why);
	assert_refused(
		na_decoder_event(decoder, (const struct na_frame *)longer.data, &event, &why),
		"an event has not the fields of its shape");
	assert_refused(na_decoder_event(decoder, find(NA_FRAME_ENTRY, 0), &event,
					(na_buffer_clear(&why), &why)),
		       "not an event");
	na_buffer_done(&made);
	na_buffer_done(&longer);
}

/* A shape may say that an address follows from one that is not there. */
static void what_follows_from_nothing_is_refused(void **state)
{
	static const uint8_t bits[] = {NA_DERIVED_SOURCE_ADDRESS, NA_DERIVED_DESTINATION_ADDRESS,
				       NA_DERIVED_RELATED_SOURCE, NA_DERIVED_RELATED_DESTINATION,
				       NA_DERIVED_COOKIE,         NA_DERIVED_INODE};

	(void)state;
	for (size_t i = 0; i < sizeof(bits); i++) {
		bool connection = bits[i] & NA_DERIVED_CONNECTION;
		uint8_t shape[] = {0, NA_GROUP_SHAPE, bits[i], 0, 0, 0};
		struct na_frame entry = {.kind = NA_FRAME_ENTRY};
		struct na_frame_event head = {.frame.kind = NA_FRAME_EVENT};
		struct na_buffer made = {0};
		struct na_event event;

		assert_int_equal(take(find(NA_FRAME_HEAD, 0)), 0);
		assert_int_equal(take(find(NA_FRAME_NAMES, 0)), 0);
		na_frame_put(&made, &entry, sizeof(entry), shape, connection ? 6 : 5);
		assert_int_equal(take((const struct na_frame *)made.data), 0);
		na_buffer_clear(&made);
		na_frame_put(&made, &head, sizeof(head), "\0\1", connection ? 2 : 1);
		assert_refused(
			na_decoder_event(decoder, (const struct na_frame *)made.data, &event, &why),
			"an event lacks what others of its fields follow from");
		na_buffer_done(&made);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_bit_of_a_frame_counts),
		TEST(sizes_of_frames_have_limits),
		TEST(a_lost_entry_is_nobody_elses),
		TEST(an_entry_comes_once),
		TEST(references_are_to_their_kind),
		TEST(order_and_repetition_are_refused),
		TEST(heads_of_others_are_refused),
		TEST(unknown_kinds_are_passed_over),
		TEST(names_without_sense_are_refused),
		TEST(entries_without_sense_are_refused),
		TEST(memory_has_a_cap),
		TEST(events_without_sense_are_refused),
		TEST(what_follows_from_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
