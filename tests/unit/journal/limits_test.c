/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit, no memory, what is taken back: nothing of it shows later. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "../format/samples.h"
#include "journal/decoder.h"
#include "journal/dictionary.h"
#include "journal/encoder.h"
#include "journal/event_id.h"
#include "journal/frame_put.h"
#include "journal/wire.h"
#include "segment.h"
#include "traffic.h"

static char filler[2 * NA_FRAME_MAX];

static struct na_encoder *begin(struct na_buffer *segment)
{
	struct na_encoder *encoder = na_encoder_new();
	struct na_frame_head head = na_segment_head();

	assert_non_null(encoder);
	assert_int_equal(na_encoder_begin(encoder, &head, NULL, segment), 0);
	return encoder;
}

/* All events of the segment, in order, are the traffic's with these numbers of the sequence. */
static void check_traffic(const struct na_buffer *segment, const uint64_t *sequences, size_t count)
{
	struct na_decoder *decoder = na_decoder_new();
	struct na_traffic traffic = {0};
	struct na_buffer why = {0};
	const struct na_frame *frame;
	size_t offset = 0, events = 0;
	struct na_event event;

	while ((frame = na_segment_next(segment, &offset))) {
		if (frame->kind != NA_FRAME_EVENT) {
			assert_int_equal(na_decoder_take(decoder, frame, &why), 0);
			continue;
		}
		assert_int_equal(na_decoder_event(decoder, frame, &event, &why), 0);
		assert_true(events < count);
		traffic.sequence = sequences[events++] - 1;
		na_segment_assert_same(&event, na_traffic_next(&traffic, NA_EVENT_CLOSED));
	}
	assert_int_equal(events, count);
	na_decoder_free(decoder);
	na_buffer_done(&why);
}

static void what_is_taken_back_is_not_there(void **state)
{
	static const uint64_t kept[] = {1, 3, 4, 2};
	struct na_buffer segment = {0};
	struct na_encoder *encoder = begin(&segment);
	struct na_traffic traffic = {0};
	const struct na_frame_seal *seal;
	size_t before;

	(void)state;
	for (uint64_t i = 1; i <= 4; i++) {
		before = segment.length;
		na_encoder_event(encoder, na_traffic_next(&traffic, NA_EVENT_CLOSED), &segment);
		if (i != 2)
			continue;
		na_encoder_undo(encoder);
		segment.length = before;
	}
	traffic.sequence = 1;
	na_encoder_event(encoder, na_traffic_next(&traffic, NA_EVENT_CLOSED), &segment);
	check_traffic(&segment, kept, 4);
	before = segment.length;
	assert_int_equal(na_encoder_seal(encoder, &segment), 0);
	seal = (const struct na_frame_seal *)(segment.data + before);
	assert_int_equal(na_frame_check(seal, segment.length - before), 0);
	assert_int_equal(seal->frame.kind, NA_FRAME_SEAL);
	assert_int_equal(seal->events, 4);
	assert_int_equal(seal->last_sequence, 2);
	traffic.sequence = 3;
	assert_true(seal->wall_ns == na_traffic_next(&traffic, NA_EVENT_CLOSED)->f_TIMESTAMP);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
}

static void an_empty_segment_is_sealed(void **state)
{
	struct na_buffer segment = {0};
	struct na_encoder *encoder = begin(&segment);
	size_t before = segment.length;
	const struct na_frame_seal *seal;

	(void)state;
	assert_int_equal(na_encoder_seal(encoder, &segment), 0);
	seal = (const struct na_frame_seal *)(segment.data + before);
	assert_int_equal(seal->events, 0);
	assert_int_equal(seal->last_sequence, 0);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
}

/* One that fits exactly, and one byte more; each at the event and in an entry. */
static void events_that_are_too_large_are_refused(void **state)
{
	static const uint64_t kept[] = {1, 2};
	struct na_buffer segment = {0}, other = {0};
	struct na_encoder *encoder = begin(&segment);
	struct na_traffic traffic = {0};
	struct na_event event;
	size_t length = NA_FRAME_MAX - 1024;

	(void)state;
	na_encoder_event(encoder, na_traffic_next(&traffic, NA_EVENT_CLOSED), &segment);
	na_event_init(&event, NA_EVENT_AGENT_STARTED, 0);
	do {
		na_buffer_clear(&other);
		NA_SET(&event, MESSAGE, ((struct na_text){filler, ++length}));
		if (na_encoder_event(encoder, &event, &other) < 0)
			break;
		na_encoder_undo(encoder);
	} while (length < sizeof(filler));
	assert_in_range(length, NA_FRAME_MAX - 60, NA_FRAME_MAX - 40);
	assert_int_equal(na_encoder_event(encoder, &event, &other), -E2BIG);
	assert_int_equal(other.length, 0);
	for (length = NA_FRAME_MAX - 20; length <= sizeof(filler); length += 13) {
		na_event_init(&event, NA_EVENT_AGENT_STARTED, 0);
		NA_SET(&event, PROCESS_COMMAND_LINE, ((struct na_text){filler, length}));
		NA_SET_TEXT(&event, USER_NAME, "new");
		assert_int_equal(na_encoder_event(encoder, &event, &other), -E2BIG);
		assert_int_equal(other.length, 0);
	}
	na_encoder_event(encoder, na_traffic_next(&traffic, NA_EVENT_CLOSED), &segment);
	check_traffic(&segment, kept, 2);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
	na_buffer_done(&other);
}

static void lists_have_a_cap(void **state)
{
	static struct na_text items[NA_TEXTS_MAX + 1];
	struct na_buffer segment = {0};
	struct na_encoder *encoder = begin(&segment);
	struct na_event event;

	(void)state;
	na_event_init(&event, NA_EVENT_AGENT_STARTED, 0);
	NA_SET(&event, PROCESS_ARGS, ((struct na_texts){items, NA_TEXTS_MAX}));
	assert_int_equal(na_encoder_event(encoder, &event, &segment), 0);
	NA_SET(&event, PROCESS_ARGS, ((struct na_texts){items, NA_TEXTS_MAX + 1}));
	assert_int_equal(na_encoder_event(encoder, &event, &segment), -E2BIG);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
}

/* Encodes with the n-th allocation failing, then again: as if it had not failed. */
static bool encode_failing(size_t n)
{
	static const uint64_t kept[] = {1, 2, 3};
	struct na_buffer segment = {0};
	struct na_encoder *encoder = begin(&segment);
	struct na_traffic traffic = {0};
	bool failed = false;
	size_t before;

	segment.data = realloc(segment.data, segment.size = segment.length); /* no room at all */
	na_failing_alloc_arm(n);
	for (int i = 0; i < 3; i++) {
		na_traffic_next(&traffic, NA_EVENT_CLOSED);
		before = segment.length;
		if (na_encoder_event(encoder, &traffic.event, &segment) == 0)
			continue;
		assert_true(na_failing_alloc_disarm());
		assert_int_equal(segment.length, before);
		assert_int_equal(na_encoder_event(encoder, &traffic.event, &segment), 0);
		failed = true;
	}
	na_failing_alloc_disarm();
	check_traffic(&segment, kept, 3);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
	return failed;
}

static void no_memory_changes_nothing(void **state)
{
	size_t n = 1;

	(void)state;
	while (encode_failing(n))
		n++;
	assert_true(n > 1);
}

/* And the segment of before goes on. */
static void begin_without_memory_changes_nothing(void **state)
{
	static const uint64_t kept[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	struct na_event constants = na_sample_constants();
	struct na_frame_head head = na_segment_head();
	struct na_buffer segment = {0}, next = {0};
	struct na_encoder *encoder = begin(&segment);
	struct na_traffic traffic = {0};
	size_t n = 0;
	int error;

	(void)state;
	head.wall_ns = 1;
	do {
		na_encoder_event(encoder, na_traffic_next(&traffic, NA_EVENT_CLOSED), &segment);
		na_buffer_done(&next);
		na_failing_alloc_arm(++n);
		error = na_encoder_begin(encoder, &head, &constants, &next);
		if (na_failing_alloc_disarm())
			assert_int_equal(error, -ENOMEM);
		if (error)
			assert_int_equal(next.length, 0);
	} while (error);
	assert_in_range(n, 3, sizeof(kept) / sizeof(*kept));
	check_traffic(&segment, kept, n);
	NA_SET(&constants, MESSAGE, ((struct na_text){filler, sizeof(filler)}));
	na_buffer_clear(&next);
	assert_int_equal(na_encoder_begin(encoder, &head, &constants, &next), -E2BIG);
	assert_int_equal(next.length, 0);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
	na_buffer_done(&next);
}

static void objects_without_memory_are_null(void **state)
{
	struct na_encoder *encoder = NULL;
	struct na_decoder *decoder = NULL;

	(void)state;
	for (size_t n = 1; !encoder; n++) {
		na_failing_alloc_arm(n);
		encoder = na_encoder_new();
		assert_true(na_failing_alloc_disarm() == !encoder);
	}
	for (size_t n = 1; !decoder; n++) {
		na_failing_alloc_arm(n);
		decoder = na_decoder_new();
		assert_true(na_failing_alloc_disarm() == !decoder);
	}
	na_encoder_free(encoder);
	na_decoder_free(decoder);
	na_encoder_free(NULL);
	na_decoder_free(NULL);
}

/* A frame that failed for want of memory may be taken again. */
static bool decode_failing(const struct na_buffer *segment, size_t n)
{
	struct na_decoder *decoder = na_decoder_new();
	struct na_buffer why = {0};
	const struct na_frame *frame;
	struct na_event event;
	size_t offset = 0;
	bool failed = false;

	na_failing_alloc_arm(n);
	while ((frame = na_segment_next(segment, &offset))) {
		if (frame->kind == NA_FRAME_EVENT) {
			assert_int_equal(na_decoder_event(decoder, frame, &event, &why), 0);
			continue;
		}
		if (na_decoder_take(decoder, frame, &why) == 0)
			continue;
		assert_true(na_failing_alloc_disarm());
		assert_int_equal(why.length, 0);
		assert_int_equal(na_decoder_take(decoder, frame, &why), 0);
		failed = true;
	}
	na_failing_alloc_disarm();
	na_decoder_free(decoder);
	return failed;
}

static void decoding_goes_on_when_there_is_memory(void **state)
{
	struct na_buffer segment = {0};
	struct na_encoder *encoder = begin(&segment);
	struct na_traffic traffic = {0};
	size_t n = 1;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		na_traffic_next(&traffic, NA_EVENT_CLOSED);
		NA_SET(&traffic.event, PROCESS_PID, i);
		assert_int_equal(na_encoder_event(encoder, &traffic.event, &segment), 0);
	}
	while (decode_failing(&segment, n))
		n++;
	assert_true(n > 2);
	na_encoder_free(encoder);
	na_buffer_done(&segment);
}

/* Many segments take no more memory than one, and no allocations. */
static void memory_is_flat(void **state)
{
	struct na_frame_head head = na_segment_head();
	struct na_buffer segment = {0}, why = {0};
	struct na_encoder *encoder = begin(&segment);
	struct na_decoder *decoder = na_decoder_new();
	struct na_traffic traffic = {0};
	const struct na_frame *frame;
	struct na_event event;
	size_t memory = 0;

	(void)state;
	for (int round = 0; round < 5; round++) {
		if (round == 1)
			memory = na_encoder_memory(encoder);
		na_failing_alloc_arm(round ? 1 : 0);
		traffic.sequence = 0;
		na_buffer_clear(&segment);
		for (int i = 0; i < 1000; i++) {
			if (i == 500) { /* NAMES are built in memory of their own */
				na_failing_alloc_arm(0);
				na_buffer_clear(&segment);
				na_encoder_begin(encoder, &head, NULL, &segment);
				na_failing_alloc_arm(round ? 1 : 0);
			}
			na_traffic_next(&traffic, NA_EVENT_CLOSED);
			assert_int_equal(na_encoder_event(encoder, &traffic.event, &segment), 0);
		}
		for (size_t offset = 0; (frame = na_segment_next(&segment, &offset));)
			assert_int_equal(frame->kind == NA_FRAME_EVENT
						 ? na_decoder_event(decoder, frame, &event, &why)
						 : na_decoder_take(decoder, frame, &why),
					 0);
		assert_false(na_failing_alloc_disarm());
	}
	assert_int_equal(na_encoder_memory(encoder), memory);
	na_encoder_free(encoder);
	na_decoder_free(decoder);
	na_buffer_done(&segment);
	na_buffer_done(&why);
}

static void a_dictionary_has_a_cap(void **state)
{
	struct na_dictionary *dictionary = na_dictionary_new();
	uint32_t number;

	(void)state;
	for (uint32_t i = 0; i < NA_ENTRIES_MAX; i++) {
		assert_int_equal(na_dictionary_refer(dictionary, &i, sizeof(i), &number), 0);
		assert_int_equal(number, i);
	}
	assert_int_equal(na_dictionary_refer(dictionary, "one more", 8, &number), -ENOSPC);
	for (uint32_t i = 0; i < NA_ENTRIES_MAX; i += 1001) {
		assert_int_equal(na_dictionary_find(dictionary, &i, sizeof(i), &number), 0);
		assert_int_equal(number, i);
	}
	na_dictionary_cut(dictionary, NA_ENTRIES_MAX / 2);
	for (uint32_t i = 0; i < NA_ENTRIES_MAX; i += 1001)
		assert_int_equal(na_dictionary_find(dictionary, &i, sizeof(i), &number),
				 i < NA_ENTRIES_MAX / 2 ? 0 : -ENOENT);
	na_dictionary_cut(dictionary, 0);
	assert_int_equal(na_dictionary_count(dictionary), 0);
	assert_int_equal(na_dictionary_refer(dictionary, "a", 1, &number), 0);
	assert_int_equal(number, 0);
	na_dictionary_free(dictionary);
}

static void ids_have_one_form(void **state)
{
	static const struct {
		uint64_t epoch, sequence;
		const char *text;
	} rows[] = {
		{0, 0, "00010203-0405-0607-0809-0a0b0c0d0e0f-0-0000000000000000"},
		{31, 81, "00010203-0405-0607-0809-0a0b0c0d0e0f-1f-0000000000000051"},
		{UINT64_MAX, UINT64_MAX,
		 "00010203-0405-0607-0809-0a0b0c0d0e0f-ffffffffffffffff-ffffffffffffffff"},
	};
	const uint8_t journal[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[NA_EVENT_ID_SIZE];
		size_t instance = na_event_id_instance(journal, rows[i].epoch, text);
		size_t length;

		assert_int_equal(strlen(text), instance);
		length = na_event_id_finish(text, instance, rows[i].sequence);
		assert_int_equal(length, strlen(rows[i].text));
		assert_memory_equal(text, rows[i].text, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_back_is_not_there),
		cmocka_unit_test(an_empty_segment_is_sealed),
		cmocka_unit_test(events_that_are_too_large_are_refused),
		cmocka_unit_test(lists_have_a_cap),
		cmocka_unit_test(no_memory_changes_nothing),
		cmocka_unit_test(begin_without_memory_changes_nothing),
		cmocka_unit_test(objects_without_memory_are_null),
		cmocka_unit_test(decoding_goes_on_when_there_is_memory),
		cmocka_unit_test(memory_is_flat),
		cmocka_unit_test(a_dictionary_has_a_cap),
		cmocka_unit_test(ids_have_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
