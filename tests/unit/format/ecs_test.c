/* SPDX-License-Identifier: Apache-2.0 */
/* Every line is parsed back by jansson and compared with its event, field by field. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "../capture/failing_alloc.h"
#include "base/field.h"
#include "base/utf8.h"
#include "format/ecs.h"
#include "random_event.h"
#include "samples.h"

#define ROUNDS 3000

static json_t *find(json_t *object, const char *path)
{
	char name[64];

	for (size_t length; object; path += length + 1) {
		length = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		object = json_object_get(object, name);
		if (!path[length])
			return object;
	}
	return NULL;
}

/* What a reader of the line should see of these bytes. */
static void check_text(const json_t *value, struct na_text text)
{
	struct na_buffer expected = {0};

	for (size_t i = 0; i < text.length;) {
		struct na_utf8 next = na_utf8_read(text.data + i, text.length - i);

		if (next.valid)
			na_buffer_append(&expected, text.data + i, next.length);
		else
			na_buffer_append_string(&expected, "\xef\xbf\xbd");
		i += next.length;
	}
	assert_true(json_is_string(value));
	assert_int_equal(json_string_length(value), expected.length);
	assert_memory_equal(json_string_value(value), expected.data ? expected.data : "",
			    expected.length);
	na_buffer_done(&expected);
}

static void check_texts(const json_t *value, const struct na_texts *texts)
{
	assert_true(json_is_array(value));
	assert_int_equal(json_array_size(value), texts->count);
	for (size_t i = 0; i < texts->count; i++)
		check_text(json_array_get(value, i), texts->items[i]);
}

static void check_id(const json_t *value, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	assert_string_equal(json_string_value(value), text);
}

static void check_address(const json_t *value, const struct na_address *address)
{
	char text[INET6_ADDRSTRLEN + sizeof("::ffff:")];
	struct na_address parsed;

	snprintf(text, sizeof(text), "%s%s", na_address_is_v4(address) ? "::ffff:" : "",
		 json_string_value(value));
	assert_int_equal(inet_pton(AF_INET6, text, parsed.bytes), 1);
	assert_memory_equal(parsed.bytes, address->bytes, sizeof(parsed.bytes));
}

static void check_date(const json_t *value, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	char text[64];
	struct tm utc;
	size_t length;

	assert_non_null(gmtime_r(&seconds, &utc));
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%09uZ",
		 (unsigned int)(wall_ns % 1000000000));
	assert_string_equal(json_string_value(value), text);
}

static void check_object(const json_t *value, const struct na_text *text)
{
	json_t *expected = json_loadb(text->data, text->length, 0, NULL);

	assert_non_null(expected);
	assert_true(json_equal(value, expected));
	json_decref(expected);
}

static void check_value(const json_t *value, const struct na_event *event, enum na_field field)
{
	const void *member = na_field_value(event, field);

	switch (na_field_rows[field].type) {
	case NA_TYPE_KEYWORD:
		check_text(value, *(const struct na_text *)member);
		break;
	case NA_TYPE_KEYWORDS:
		check_texts(value, member);
		break;
	case NA_TYPE_LONG:
		assert_true(json_is_integer(value));
		assert_true(json_integer_value(value) == *(const int64_t *)member);
		break;
	case NA_TYPE_ID:
		check_id(value, *(const uint64_t *)member);
		break;
	case NA_TYPE_IP:
		check_address(value, member);
		break;
	case NA_TYPE_DATE:
		check_date(value, *(const uint64_t *)member);
		break;
	case NA_TYPE_BOOLEAN:
		assert_true(json_is_boolean(value));
		assert_int_equal(json_is_true(value), *(const bool *)member);
		break;
	case NA_TYPE_OBJECT:
		check_object(value, member);
		break;
	case NA_TYPE_COUNT:
		fail();
	}
}

static size_t count_leaves(json_t *object, bool is_value)
{
	size_t count = 0;
	const char *key;
	json_t *member;

	if (is_value || !json_is_object(object))
		return 1;
	json_object_foreach(object, key, member) count +=
		count_leaves(member, strcmp(key, "labels") == 0 || strcmp(key, "counters") == 0);
	return count;
}

static void check_line(const char *line, size_t length, const struct na_event *event,
		       const struct na_event *constants)
{
	json_error_t error;
	size_t count = 0;
	json_t *root;

	assert_int_equal(line[length - 1], '\n');
	for (size_t i = 0; i < length - 1; i++)
		assert_false((unsigned char)line[i] < ' ' || line[i] == 0x7f);
	root = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!root)
		fail_msg("%s at %d in %.*s", error.text, error.position, (int)length, line);
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		enum na_field field = (enum na_field)i;
		json_t *value = find(root, na_field_rows[i].path);

		if (na_event_has(event, field))
			check_value(value, event, field);
		else if (constants && na_event_has(constants, field))
			check_value(value, constants, field);
		else
			assert_null(value);
		count += value != NULL;
	}
	assert_int_equal(count_leaves(root, false), count);
	json_decref(root);
}

static void check_random(unsigned int percent, const struct na_event *constants, uint64_t seed)
{
	static struct na_random_event random;
	struct na_ecs *ecs = na_ecs_new(constants);
	struct na_buffer text = {0};
	uint64_t state = seed;

	print_message("seed %llu\n", (unsigned long long)seed);
	assert_non_null(ecs);
	for (int i = 0; i < ROUNDS; i++) {
		size_t before = text.length;

		na_random_event_make(&random, percent, &state);
		assert_int_equal(na_ecs_encode(ecs, &random.event, &text), 0);
		check_line(text.data + before, text.length - before, &random.event, constants);
		if (text.length > 100000)
			na_buffer_clear(&text);
	}
	na_buffer_done(&text);
	na_ecs_free(ecs);
}

/* ------------------------------------------------------------------------------------------- */

static void test_random_events(void **state)
{
	struct na_event constants = na_sample_constants();

	(void)state;
	check_random(2, NULL, 1);
	check_random(30, NULL, 2);
	check_random(100, NULL, 3);
	check_random(30, &constants, 4);
	check_random(2, &constants, 5);
}

/* Constants anywhere among the rows are merged into their objects; the event's own value wins. */
static void test_random_constants(void **state)
{
	static struct na_random_event constants;
	uint64_t seed = 6;

	(void)state;
	for (int i = 0; i < 3; i++) {
		na_random_event_make(&constants, 20, &seed);
		check_random(20, &constants.event, seed);
	}
}

static void test_no_fields(void **state)
{
	struct na_event event = {0};
	struct na_ecs *ecs = na_ecs_new(NULL);
	struct na_buffer text = {0};

	(void)state;
	assert_int_equal(na_ecs_encode(ecs, &event, &text), 0);
	assert_int_equal(text.length, 3);
	assert_memory_equal(text.data, "{}\n", 3);
	na_buffer_done(&text);
	na_ecs_free(ecs);
}

static void test_escapes(void **state)
{
	static const char bytes[] = "\"\\/\b\f\n\r\t\0\x1f\x7f\xc2\x85\xc2\xa0\xe2\x82";
	static const char expected[] =
		"{\"message\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f"
		"\\u0085\xc2\xa0\xef\xbf\xbd\"}\n";
	struct na_event event = {0};
	struct na_ecs *ecs = na_ecs_new(NULL);
	struct na_buffer text = {0};

	(void)state;
	NA_SET(&event, MESSAGE, ((struct na_text){bytes, sizeof(bytes) - 1}));
	assert_int_equal(na_ecs_encode(ecs, &event, &text), 0);
	assert_int_equal(text.length, sizeof(expected) - 1);
	assert_memory_equal(text.data, expected, text.length);
	na_buffer_done(&text);
	na_ecs_free(ecs);
}

/* One more line on a buffer that holds one: whatever fails, the first one is untouched. */
static bool encode_failing_at(size_t n)
{
	struct na_event constants = na_sample_constants(), event = na_sample_event(7);
	struct na_buffer text = {0};
	struct na_ecs *ecs;
	int result = 0;
	bool failed;

	na_buffer_append_string(&text, "before\n");
	na_failing_alloc_arm(n);
	ecs = na_ecs_new(&constants);
	if (ecs)
		result = na_ecs_encode(ecs, &event, &text);
	failed = na_failing_alloc_disarm();
	if (ecs && failed) {
		assert_int_equal(result, -ENOMEM);
		assert_int_equal(text.length, strlen("before\n"));
		assert_int_equal(na_buffer_error(&text), 0);
		assert_int_equal(na_ecs_encode(ecs, &event, &text), 0);
	}
	if (ecs)
		check_line(text.data + 7, text.length - 7, &event, &constants);
	assert_memory_equal(text.data, "before\n", 7);
	na_buffer_done(&text);
	na_ecs_free(ecs);
	return failed;
}

static void test_failing_memory(void **state)
{
	size_t n = 1;

	(void)state;
	while (encode_failing_at(n))
		n++;
	assert_true(n > 5);
}

static void test_failed_buffer_stays_failed(void **state)
{
	struct na_event event = na_sample_event(0);
	struct na_ecs *ecs = na_ecs_new(NULL);
	struct na_buffer text = {.error = -ENOMEM};

	(void)state;
	assert_int_equal(na_ecs_encode(ecs, &event, &text), -ENOMEM);
	assert_int_equal(na_buffer_error(&text), -ENOMEM);
	na_ecs_free(ecs);
	na_ecs_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_events),
		cmocka_unit_test(test_random_constants),
		cmocka_unit_test(test_no_fields),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_failing_memory),
		cmocka_unit_test(test_failed_buffer_stays_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
