/* SPDX-License-Identifier: Apache-2.0 */
/* Events there and back: every field, of samples and of random events. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "../format/random_event.h"
#include "../format/samples.h"
#include "journal/decoder.h"
#include "journal/encoder.h"
#include "segment.h"
#include "traffic.h"

#define ROUNDS 3000
#define PER_SEGMENT 100

/* An event of an established connection beside its dictionary, on average. */
#define EVENT_BYTES 160
#define TRAFFIC_EVENTS 20000

struct codec {
	struct na_encoder *encoder;
	struct na_decoder *decoder;
	struct na_ecs *ecs;
	struct na_buffer segment, why;
	size_t taken; /* bytes of the segment that the decoder had */
	uint64_t sequence;
};

static void begin(struct codec *codec, const struct na_event *constants)
{
	struct na_frame_head head = na_segment_head();

	na_buffer_clear(&codec->segment);
	codec->taken = 0;
	assert_int_equal(na_encoder_begin(codec->encoder, &head, constants, &codec->segment), 0);
}

static int setup(void **state)
{
	struct codec *codec = calloc(1, sizeof(*codec));

	assert_non_null(codec);
	codec->encoder = na_encoder_new();
	codec->decoder = na_decoder_new();
	assert_non_null(codec->encoder);
	assert_non_null(codec->decoder);
	codec->ecs = na_ecs_new(NULL);
	assert_non_null(codec->ecs);
	begin(codec, NULL);
	*state = codec;
	return 0;
}

static int teardown(void **state)
{
	struct codec *codec = *state;

	na_encoder_free(codec->encoder);
	na_decoder_free(codec->decoder);
	na_ecs_free(codec->ecs);
	na_buffer_done(&codec->segment);
	na_buffer_done(&codec->why);
	free(codec);
	return 0;
}

/* Reads what is new, to the next event; NULL: there is none. */
static const struct na_frame *next_event(struct codec *codec)
{
	const struct na_frame *frame;

	while ((frame = na_segment_next(&codec->segment, &codec->taken)) &&
	       frame->kind != NA_FRAME_EVENT)
		assert_int_equal(na_decoder_take(codec->decoder, frame, &codec->why), 0);
	return frame;
}

static void check_event(struct codec *codec, struct na_event *event)
{
	const struct na_frame *frame;
	struct na_event got;
	char id[100];

	NA_SET(event, EVENT_SEQUENCE, (int64_t)++codec->sequence);
	assert_int_equal(na_encoder_event(codec->encoder, event, &codec->segment), 0);
	frame = next_event(codec);
	assert_non_null(frame);
	assert_int_equal(na_decoder_type(codec->decoder, frame), event->type);
	assert_int_equal(na_decoder_event(codec->decoder, frame, &got, &codec->why), 0);
	na_segment_assert_same(&got, event);
	na_segment_assert_parts(codec->ecs, &got, na_decoder_parts(codec->decoder));
	snprintf(id, sizeof(id), NA_SEGMENT_INSTANCE "-%016llx",
		 (unsigned long long)codec->sequence);
	assert_int_equal(got.f_EVENT_ID.length, strlen(id));
	assert_memory_equal(got.f_EVENT_ID.data, id, strlen(id));
	assert_null(next_event(codec));
}

static void samples_come_back(void **state)
{
	struct codec *codec = *state;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < na_sample_count; i++) {
			struct na_event event = na_sample_event(i);

			event.boot_ns = i;
			check_event(codec, &event);
		}
}

static void random_events_come_back(void **state)
{
	static struct na_random_event random;
	struct codec *codec = *state;
	uint64_t number = 88172645463325252;

	for (int round = 0; round < ROUNDS; round++) {
		if (round % PER_SEGMENT == 0)
			begin(codec, NULL);
		na_random_event_make(&random, (unsigned int)(na_random(&number) % 101), &number);
		check_event(codec, &random.event);
	}
}

/* Numbers go on in the next segment: there the same entry may be another process. */
static void parts_are_numbered_on(void **state)
{
	struct codec *codec = *state;
	struct na_traffic traffic = {0};

	for (uint64_t segment = 0; segment < 4; segment++) {
		begin(codec, NULL);
		traffic.sequence = segment * 7;
		for (int i = 0; i < 100; i++) {
			na_traffic_next(&traffic, NA_EVENT_ESTABLISHED);
			check_event(codec, &traffic.event);
			assert_int_equal(na_decoder_parts(codec->decoder)->count, 3);
		}
	}
}

static size_t bytes_of_events(const struct na_buffer *segment)
{
	const struct na_frame *frame;
	size_t offset = 0, bytes = 0;

	while ((frame = na_segment_next(segment, &offset)))
		if (frame->kind == NA_FRAME_EVENT)
			bytes += frame->size;
	return bytes;
}

/* What processes there are is written once; the rest of the segment is small. */
static void connections_are_small(void **state)
{
	struct codec *codec = *state;
	struct na_traffic traffic = {0};
	size_t bytes;

	begin(codec, NULL);
	for (int i = 0; i < TRAFFIC_EVENTS; i++)
		assert_int_equal(na_encoder_event(codec->encoder,
						  na_traffic_next(&traffic, NA_EVENT_ESTABLISHED),
						  &codec->segment),
				 0);
	bytes = bytes_of_events(&codec->segment);
	print_message("%zu bytes/event, dictionary and names %zu bytes\n", bytes / TRAFFIC_EVENTS,
		      codec->segment.length - bytes);
	assert_in_range(bytes, TRAFFIC_EVENTS * 40, TRAFFIC_EVENTS * EVENT_BYTES);
	assert_in_range(codec->segment.length - bytes, 0, NA_TRAFFIC_PROCESSES * 1000);
}

static void traffic_comes_back(void **state)
{
	struct codec *codec = *state;
	struct na_traffic traffic = {0};

	for (int i = 0; i < 1000; i++) {
		na_traffic_next(&traffic, i % 2 ? NA_EVENT_CLOSED : NA_EVENT_ESTABLISHED);
		check_event(codec, &traffic.event);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(samples_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(random_events_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(traffic_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_are_numbered_on, setup, teardown),
		cmocka_unit_test_setup_teardown(connections_are_small, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
