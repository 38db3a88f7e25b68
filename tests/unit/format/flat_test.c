/* SPDX-License-Identifier: Apache-2.0 */
/* Flat JSON against ECS JSON of the same event: the same values, under their whole paths. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "../capture/failing_alloc.h"
#include "format/ecs.h"
#include "format/flat.h"
#include "format/flatten.h"
#include "random_event.h"
#include "samples.h"

#define ROUNDS 1000

/* Adds what is in `nested` to `flat`, under dotted names. */
static void flatten(json_t *nested, const char *path, json_t *flat)
{
	const char *name;
	json_t *value;

	json_object_foreach(nested, name, value)
	{
		char whole[512];

		snprintf(whole, sizeof(whole), "%s%s%s", path, *path ? "." : "", name);
		if (json_is_object(value))
			flatten(value, whole, flat);
		else
			assert_int_equal(json_object_set(flat, whole, value), 0);
	}
}

static json_t *parse(const struct na_buffer *out)
{
	json_error_t error;
	json_t *line =
		json_loadb(out->data, out->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!line)
		fail_msg("%s: %.*s", error.text, (int)out->length, out->data);
	return line;
}

static void compare(struct na_ecs *ecs, struct na_flat *flat, const struct na_event *event)
{
	struct na_buffer nested_line = {0}, flat_line = {0};
	json_t *expected = json_object(), *nested, *got;

	assert_int_equal(na_ecs_encode(ecs, event, &nested_line), 0);
	assert_int_equal(na_flat_encode(flat, event, &flat_line), 0);
	assert_int_equal(flat_line.data[flat_line.length - 1], '\n');
	assert_null(memchr(flat_line.data, '\n', flat_line.length - 1));
	nested = parse(&nested_line);
	got = parse(&flat_line);
	flatten(nested, "", expected);
	if (!json_equal(expected, got))
		fail_msg("%.*s is not %.*s", (int)flat_line.length, flat_line.data,
			 (int)nested_line.length, nested_line.data);
	json_decref(expected);
	json_decref(nested);
	json_decref(got);
	na_buffer_done(&nested_line);
	na_buffer_done(&flat_line);
}

static void flat_is_ecs_with_dotted_names(void **state)
{
	static struct na_random_event random;
	struct na_event constants = na_sample_constants();
	struct na_ecs *ecs = na_ecs_new(&constants);
	struct na_flat *flat = na_flat_new(&constants);
	uint64_t seed = 11;

	(void)state;
	for (size_t i = 0; i < na_sample_count; i++) {
		struct na_event event = na_sample_event(i);

		compare(ecs, flat, &event);
	}
	for (int i = 0; i < ROUNDS; i++) {
		na_random_event_make(&random, (unsigned int)i % 101, &seed);
		compare(ecs, flat, &random.event);
	}
	na_ecs_free(ecs);
	na_flat_free(flat);
	na_flat_free(NULL);
}

static void nothing_is_an_empty_object(void **state)
{
	struct na_flat *flat = na_flat_new(NULL);
	struct na_event event = {0};
	struct na_buffer out = {0};

	(void)state;
	NA_SET_TEXT(&event, LABELS, "{}"); /* no member: nothing */
	assert_int_equal(na_flat_encode(flat, &event, &out), 0);
	assert_int_equal(out.length, 3);
	assert_memory_equal(out.data, "{}\n", 3);
	na_buffer_done(&out);
	na_flat_free(flat);
}

static void objects_are_taken_apart(void **state)
{
	static const char *const cases[][2] = {
		{"{}", ""},
		{"{\"a\":1}", "\"p.a\":1"},
		{"{ \"a\" : -1.5e3 , \"b\":\"x\"}", "\"p.a\":-1.5e3,\"p.b\":\"x\""},
		{"{\"a\":{\"b\":{\"c\":null}},\"d\":[1,[\"x\"],true]}",
		 "\"p.a.b.c\":null,\"p.d\":[1,[\"x\"],true]"},
		{"{\"a\\\"\":\"\\\\\"}", "\"p.a\\\"\":\"\\\\\""},
		{"{\"a\":[]}", "\"p.a\":[]"},
		/* No object: as it stands. */
		{"", "\"p\":\"\""},
		{"1", "\"p\":\"1\""},
		{"{", "\"p\":\"{\""},
		{"{\"a\":1", "\"p\":\"{\\\"a\\\":1\""},
		{"{\"a\":1}}", "\"p\":\"{\\\"a\\\":1}}\""},
		{"{\"a\":}", "\"p\":\"{\\\"a\\\":}\""},
		{"{\"a\":\"\n\"}", "\"p\":\"{\\\"a\\\":\\\"\\n\\\"}\""},
		{"{\"a\":\"\\", "\"p\":\"{\\\"a\\\":\\\"\\\\\""},
		{"{\"a\":[{}]}", "\"p\":\"{\\\"a\\\":[{}]}\""},
		{"{\"a\":[[[[[[[[[1]]]]]]]]]}", "\"p\":\"{\\\"a\\\":[[[[[[[[[1]]]]]]]]]}\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct na_buffer out = {0};

		na_buffer_append_string(&out, "x");
		na_flatten_append(&out, "p", na_text_of(cases[i][0]));
		na_buffer_append_char(&out, '\0');
		assert_string_equal(out.data + 1, cases[i][1]);
		na_buffer_done(&out);
	}
}

static void without_memory_nothing_breaks(void **state)
{
	struct na_event constants = na_sample_constants(), event = na_sample_event(0);
	bool failed = true;

	(void)state;
	for (size_t n = 1; failed; n++) {
		struct na_buffer out = {0};
		struct na_flat *flat;

		na_failing_alloc_arm(n);
		flat = na_flat_new(&constants);
		if (flat && na_flat_encode(flat, &event, &out) < 0)
			assert_int_equal(out.length, 0);
		failed = na_failing_alloc_disarm();
		na_flat_free(flat);
		na_buffer_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat_is_ecs_with_dotted_names),
		cmocka_unit_test(nothing_is_an_empty_object),
		cmocka_unit_test(objects_are_taken_apart),
		cmocka_unit_test(without_memory_nothing_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
