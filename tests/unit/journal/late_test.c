/* SPDX-License-Identifier: Apache-2.0 */
/* Late facts: which events they belong to is decided by times that are in the journal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "journal/decoder.h"
#include "journal/encoder.h"
#include "journal/learned.h"
#include "journal/wire.h"
#include "segment.h"
#include "traffic.h"

static struct na_encoder *encoder;
static struct na_decoder *decoder;
static struct na_buffer segment, why;
static struct na_traffic traffic;
static struct na_event fact; /* a name that user.id was resolved to */

static int setup(void **state)
{
	struct na_frame_head head = na_segment_head();

	(void)state;
	encoder = na_encoder_new();
	decoder = na_decoder_new();
	traffic = (struct na_traffic){0};
	assert_int_equal(na_encoder_begin(encoder, &head, NULL, &segment), 0);
	na_traffic_next(&traffic, NA_EVENT_ESTABLISHED);
	NA_CLEAR(&traffic.event, USER_NAME);
	NA_CLEAR(&traffic.event, RELATED_USER);
	memset(fact.present, 0, sizeof(fact.present));
	NA_SET_TEXT(&fact, USER_NAME, "resolved");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	na_encoder_free(encoder);
	na_decoder_free(decoder);
	na_buffer_done(&segment);
	na_buffer_done(&why);
	return 0;
}

static void append(uint64_t created_ns)
{
	NA_SET(&traffic.event, EVENT_CREATED, created_ns);
	assert_int_equal(na_encoder_event(encoder, &traffic.event, &segment), 0);
}

static int take_all(void)
{
	const struct na_frame *frame;
	size_t offset = 0;
	int error = 0;

	while (!error && (frame = na_segment_next(&segment, &offset)))
		error = na_decoder_take(decoder, frame, &why);
	return error;
}

/* user.name of the n-th event, "" for none; the rest is as it was encoded. */
static const char *name_of(int n)
{
	static char name[32];
	const struct na_frame *frame;
	struct na_event event;
	size_t offset = 0;

	while ((frame = na_segment_next(&segment, &offset)))
		if (frame->kind == NA_FRAME_EVENT && n-- == 0)
			break;
	assert_int_equal(na_decoder_event(decoder, frame, &event, &why), 0);
	memset(name, 0, sizeof(name));
	if (na_event_has(&event, NA_FIELD_USER_NAME))
		memcpy(name, event.f_USER_NAME.data, event.f_USER_NAME.length);
	NA_CLEAR(&event, USER_NAME);
	traffic.event.f_EVENT_CREATED = event.f_EVENT_CREATED;
	na_segment_assert_same(&event, &traffic.event);
	return name;
}

static void a_fact_is_of_events_within_a_second(void **state)
{
	const uint64_t now = traffic.event.f_TIMESTAMP;

	(void)state;
	append(now);
	append(now + NA_LATE_NS);
	append(now + 2 * NA_LATE_NS);
	assert_int_equal(
		na_encoder_late(encoder, &traffic.event, &fact, now + NA_LATE_NS, 0, &segment), 0);
	append(now + 2 * NA_LATE_NS + 1);
	append(now - 1);
	assert_int_equal(take_all(), 0);
	assert_string_equal(name_of(0), "resolved");
	assert_string_equal(name_of(1), "resolved");
	assert_string_equal(name_of(2), "resolved");
	assert_string_equal(name_of(3), "");
	assert_string_equal(name_of(4), "");
}

static void the_last_of_several_counts(void **state)
{
	const uint64_t now = traffic.event.f_TIMESTAMP;

	(void)state;
	append(now);
	na_encoder_late(encoder, &traffic.event, &fact, now, 0, &segment);
	NA_SET_TEXT(&fact, USER_NAME, "again");
	na_encoder_late(encoder, &traffic.event, &fact, now + 1, 0, &segment);
	assert_int_equal(take_all(), 0);
	assert_string_equal(name_of(0), "again");
}

/* What the entry has otherwise: some of its events have that, some the fact. */
static void a_fact_is_not_of_the_part(void **state)
{
	const uint64_t now = traffic.event.f_TIMESTAMP;
	struct na_ecs *ecs = na_ecs_new(NULL);
	const struct na_frame *frame;
	struct na_event event;
	size_t offset = 0, resolved = 0, events = 0;

	(void)state;
	assert_non_null(ecs);
	NA_SET_TEXT(&traffic.event, USER_NAME, "shop");
	for (uint64_t i = 0; i < 4; i++)
		append(now + i * NA_LATE_NS);
	na_encoder_late(encoder, &traffic.event, &fact, now + NA_LATE_NS, 0, &segment);
	append(now);
	assert_int_equal(take_all(), 0);
	while ((frame = na_segment_next(&segment, &offset))) {
		if (frame->kind != NA_FRAME_EVENT)
			continue;
		assert_int_equal(na_decoder_event(decoder, frame, &event, &why), 0);
		na_segment_assert_parts(ecs, &event, na_decoder_parts(decoder));
		resolved += event.f_USER_NAME.length == strlen("resolved");
		events++;
	}
	assert_int_equal(events, 5);
	assert_int_equal(resolved, 4);
	na_ecs_free(ecs);
}

static void others_do_not_get_it(void **state)
{
	const uint64_t now = traffic.event.f_TIMESTAMP;

	(void)state;
	append(now);
	na_encoder_late(encoder, &traffic.event, &fact, now, 0, &segment);
	NA_SET_TEXT(&traffic.event, USER_ID, "1001");
	append(now);
	assert_int_equal(take_all(), 0);
	assert_string_equal(name_of(1), "");
}

static void what_fits_nothing_is_refused(void **state)
{
	size_t before;

	(void)state;
	append(traffic.event.f_TIMESTAMP);
	before = segment.length;
	NA_SET_TEXT(&traffic.event, USER_ID, "another");
	assert_int_equal(na_encoder_late(encoder, &traffic.event, &fact, 1, 0, &segment), -ENOENT);
	NA_SET(&fact, PROCESS_PID, 1);
	assert_int_equal(na_encoder_late(encoder, &traffic.event, &fact, 1, 0, &segment), -EINVAL);
	memset(fact.present, 0, sizeof(fact.present));
	assert_int_equal(na_encoder_late(encoder, &traffic.event, &fact, 1, 0, &segment), -EINVAL);
	assert_int_equal(segment.length, before);
}

static void facts_have_a_cap(void **state)
{
	int late = 0;

	(void)state;
	append(traffic.event.f_TIMESTAMP);
	for (; late <= (int)NA_LATE_MAX; late++)
		assert_int_equal(na_encoder_late(encoder, &traffic.event, &fact, 1, 0, &segment),
				 0);
	assert_int_equal(take_all(), -EBADMSG);
	na_buffer_append_char(&why, 0);
	assert_non_null(strstr(why.data, "a late fact too many"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fact_is_of_events_within_a_second), TEST(the_last_of_several_counts),
		TEST(a_fact_is_not_of_the_part),           TEST(others_do_not_get_it),
		TEST(what_fits_nothing_is_refused),        TEST(facts_have_a_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
