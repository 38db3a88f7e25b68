/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events with parts against the same events without: the same bytes, whatever the parts are. Their
 * numbers share few places, so that they push each other out, and one may have any fields.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture/failing_alloc.h"
#include "base/field.h"
#include "format/ecs.h"
#include "format/flat.h"
#include "format/fragment.h"
#include "random_event.h"
#include "samples.h"

#define DESCRIPTIONS 24
#define PLACES 5
#define ROUNDS 4000
#define LONG_TEXT 100000

/* What a part says, whichever event has it. */
struct description {
	struct na_random_event values;
	uint64_t number, fields[NA_EVENT_WORDS];
};

static struct description *descriptions; /* DESCRIPTIONS */
static uint64_t random_state = 20261128;

/* Never used again: others have it in the same place. */
static uint64_t new_number(size_t place)
{
	static uint64_t round;

	return ++round * NA_FRAGMENTS_MAX + place % PLACES + 1;
}

static void describe(size_t i)
{
	struct description *description = &descriptions[i];
	unsigned int percent = (unsigned int)(na_random(&random_state) % 101);

	na_random_event_make(&description->values, percent, &random_state);
	description->number = new_number(i);
	for (int word = 0; word < NA_EVENT_WORDS; word++)
		description->fields[word] = description->values.event.present[word] &
					    (na_random(&random_state) | na_random(&random_state));
}

static int setup(void **state)
{
	(void)state;
	descriptions = calloc(DESCRIPTIONS, sizeof(*descriptions));
	assert_non_null(descriptions);
	for (size_t i = 0; i < DESCRIPTIONS; i++)
		describe(i);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(descriptions);
	return 0;
}

static void copy_value(struct na_event *to, const struct na_event *from, size_t field)
{
	static const size_t sizes[NA_TYPE_COUNT] = {
		[NA_TYPE_KEYWORD] = sizeof(na_type_KEYWORD),
		[NA_TYPE_KEYWORDS] = sizeof(na_type_KEYWORDS),
		[NA_TYPE_LONG] = sizeof(na_type_LONG),
		[NA_TYPE_ID] = sizeof(na_type_ID),
		[NA_TYPE_IP] = sizeof(na_type_IP),
		[NA_TYPE_DATE] = sizeof(na_type_DATE),
		[NA_TYPE_BOOLEAN] = sizeof(na_type_BOOLEAN),
		[NA_TYPE_OBJECT] = sizeof(na_type_OBJECT),
	};
	size_t offset = na_field_rows[field].offset;

	memcpy((char *)to + offset, (const char *)from + offset, sizes[na_field_rows[field].type]);
	na_event_mark(to, (enum na_field)field);
}

/* The event has the part's fields, but for those that it has of its own. */
static void add_part(struct na_event *event, struct na_event_parts *parts,
		     const struct description *description)
{
	struct na_event_part *part = &parts->items[parts->count++];

	*part = (struct na_event_part){.number = description->number};
	for (size_t field = 0; field < NA_FIELD_COUNT; field++) {
		if (!(description->fields[field / 64] >> field % 64 & 1) ||
		    na_event_has(event, (enum na_field)field))
			continue;
		copy_value(event, &description->values.event, field);
		part->fields[field / 64] |= UINT64_C(1) << field % 64;
	}
}

static void assert_same(const struct na_buffer *with, const struct na_buffer *without)
{
	if (with->length != without->length || memcmp(with->data, without->data, with->length) != 0)
		fail_msg("%.*s is not %.*s", (int)with->length, with->data, (int)without->length,
			 without->data);
}

struct encoders {
	struct na_ecs *ecs;
	struct na_flat *flat;
	struct na_buffer with, without;
};

static void open_encoders(struct encoders *encoders, const struct na_event *constants)
{
	*encoders = (struct encoders){na_ecs_new(constants), na_flat_new(constants), {0}, {0}};
	assert_non_null(encoders->ecs);
	assert_non_null(encoders->flat);
}

static void close_encoders(struct encoders *encoders)
{
	na_ecs_free(encoders->ecs);
	na_flat_free(encoders->flat);
	na_buffer_done(&encoders->with);
	na_buffer_done(&encoders->without);
}

static void compare(struct encoders *to, const struct na_event *event,
		    const struct na_event_parts *parts)
{
	na_buffer_clear(&to->with);
	na_buffer_clear(&to->without);
	assert_int_equal(na_ecs_encode_parts(to->ecs, event, parts, &to->with), 0);
	assert_int_equal(na_ecs_encode(to->ecs, event, &to->without), 0);
	assert_same(&to->with, &to->without);
	na_buffer_clear(&to->with);
	na_buffer_clear(&to->without);
	assert_int_equal(na_flat_encode_parts(to->flat, event, parts, &to->with), 0);
	assert_int_equal(na_flat_encode(to->flat, event, &to->without), 0);
	assert_same(&to->with, &to->without);
}

static void parts_change_nothing(void **state)
{
	static struct na_random_event own;
	struct na_event constants = na_sample_constants();
	struct encoders encoders;

	(void)state;
	open_encoders(&encoders, &constants);
	for (int round = 0; round < ROUNDS; round++) {
		struct na_event_parts parts = {0};
		size_t count = na_random(&random_state) % (NA_EVENT_PARTS_MAX + 1);

		na_random_event_make(&own, (unsigned int)round % 40, &random_state);
		while (parts.count < count)
			add_part(&own.event, &parts,
				 &descriptions[na_random(&random_state) % DESCRIPTIONS]);
		compare(&encoders, &own.event, &parts);
		if (round % 10 == 0)
			describe(na_random(&random_state) % DESCRIPTIONS);
	}
	close_encoders(&encoders);
}

/* The first event that has a part may have less of it than later ones, or more. */
static void a_part_may_be_overridden(void **state)
{
	struct na_event whole = {0}, part_of_it = {0};
	struct na_event_parts parts = {1, {{.number = 7}}}, fewer;
	struct encoders encoders;

	(void)state;
	NA_SET_TEXT(&whole, PROCESS_NAME, "curl");
	NA_SET(&whole, PROCESS_PID, 12);
	NA_SET_TEXT(&whole, PROCESS_WORKING_DIRECTORY, "/");
	memcpy(parts.items[0].fields, whole.present, sizeof(whole.present));
	for (int order = 0; order < 2; order++) {
		open_encoders(&encoders, NULL);
		for (int round = 0; round < 4; round++) {
			part_of_it = whole;
			fewer = parts;
			NA_SET(&part_of_it, PROCESS_PID, 13);
			fewer.items[0].fields[NA_FIELD_PROCESS_PID / 64] &=
				~(UINT64_C(1) << NA_FIELD_PROCESS_PID % 64);
			if (round % 2 == order)
				compare(&encoders, &whole, &parts);
			else
				compare(&encoders, &part_of_it, &fewer);
			/* Not there at all, in the middle of what is. */
			NA_CLEAR(&part_of_it, PROCESS_PID);
			compare(&encoders, &part_of_it, &fewer);
		}
		close_encoders(&encoders);
	}
}

/* Kept text is bounded; what is too long is written all the same. */
static void a_long_part_is_not_kept(void **state)
{
	char *text = malloc(LONG_TEXT);
	struct na_event event = {0};
	struct na_event_parts parts = {1, {{.number = 7}}};
	struct encoders encoders;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LONG_TEXT);
	NA_SET(&event, PROCESS_PID, 12);
	open_encoders(&encoders, NULL);
	for (size_t length = NA_FRAGMENT_TEXT_MAX / 2; length < LONG_TEXT; length += length / 16) {
		parts.items[0].number++;
		NA_SET(&event, PROCESS_COMMAND_LINE, ((struct na_text){text, length}));
		memcpy(parts.items[0].fields, event.present, sizeof(event.present));
		compare(&encoders, &event, &parts);
		compare(&encoders, &event, &parts);
	}
	close_encoders(&encoders);
	free(text);
}

static void without_memory_nothing_breaks(void **state)
{
	static struct na_random_event own;
	struct na_event_parts parts = {0};
	struct na_buffer expected = {0};
	struct na_ecs *plain = na_ecs_new(NULL);
	bool failed = true;

	(void)state;
	na_random_event_make(&own, 10, &random_state);
	for (size_t i = 0; i < NA_EVENT_PARTS_MAX; i++)
		add_part(&own.event, &parts, &descriptions[i]);
	assert_int_equal(na_ecs_encode(plain, &own.event, &expected), 0);
	for (size_t n = 1; failed; n++) {
		struct na_ecs *ecs = na_ecs_new(NULL);
		struct na_buffer out = {0};
		int error;

		assert_non_null(ecs);
		na_failing_alloc_arm(n);
		error = na_ecs_encode_parts(ecs, &own.event, &parts, &out);
		failed = na_failing_alloc_disarm();
		if (!error)
			assert_same(&out, &expected);
		else
			assert_int_equal(error, -ENOMEM);
		assert_true(!error || !out.length);
		na_buffer_clear(&out);
		assert_int_equal(na_ecs_encode_parts(ecs, &own.event, &parts, &out), 0);
		assert_same(&out, &expected);
		na_ecs_free(ecs);
		na_buffer_done(&out);
	}
	na_ecs_free(plain);
	na_buffer_done(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_change_nothing),
		cmocka_unit_test(a_part_may_be_overridden),
		cmocka_unit_test(a_long_part_is_not_kept),
		cmocka_unit_test(without_memory_nothing_breaks),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
