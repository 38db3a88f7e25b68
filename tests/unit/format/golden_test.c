/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The samples as JSON and as lines, compared byte for byte with tests/golden. After a change that
 * was meant: NA_GOLDEN_WRITE=1 build/golden_test writes the files anew, and the diff is reviewed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "format/ecs.h"
#include "format/line.h"
#include "samples.h"

static void write_file(const char *path, const struct na_buffer *text)
{
	NA_FCLOSE FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text->data, 1, text->length, file), text->length);
}

static void check_file(const char *name, const struct na_buffer *text)
{
	NA_FREE char *path = NULL, *content = calloc(1, text->length + 2);
	size_t length;

	assert_true(asprintf(&path, "%s/%s", NA_GOLDEN, name) > 0);
	if (getenv("NA_GOLDEN_WRITE"))
		write_file(path, text);
	{
		NA_FCLOSE FILE *file = fopen(path, "r");

		if (!file)
			fail_msg("%s is missing", path);
		length = fread(content, 1, text->length + 1, file);
	}
	if (length != text->length || memcmp(content, text->data, length) != 0)
		fail_msg("%s differs; it should be\n%.*s", path, (int)text->length, text->data);
}

static void test_json(void **state)
{
	struct na_event constants = na_sample_constants();
	struct na_ecs *ecs = na_ecs_new(&constants);

	(void)state;
	assert_non_null(ecs);
	for (size_t i = 0; i < na_sample_count; i++) {
		struct na_event event = na_sample_event(i);
		struct na_buffer text = {0};
		char name[64];

		snprintf(name, sizeof(name), "%s.json", na_samples[i].name);
		assert_int_equal(na_ecs_encode(ecs, &event, &text), 0);
		check_file(name, &text);
		na_buffer_done(&text);
	}
	na_ecs_free(ecs);
}

/* A new event type needs a sample; the hooks, whose rows make them alike, have one. */
static void test_every_type_has_one(void **state)
{
	(void)state;
	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		const char *name = na_event_name((enum na_event_type)type);
		size_t i = 0;

		while (i < na_sample_count && strcmp(na_samples[i].name, name) != 0)
			i++;
		if (i == na_sample_count && strncmp(name, "hook.", strlen("hook.")) == 0)
			continue;
		if (i == na_sample_count)
			fail_msg("no sample of %s in samples.c", name);
		assert_int_equal(na_samples[i].type, type);
	}
}

static void check_lines(const char *name, unsigned int width, bool colour)
{
	struct na_line *line = na_line_new(&(struct na_line_options){width, colour});
	struct na_buffer text = {0};

	assert_non_null(line);
	assert_int_equal(na_line_heading(line, &text), 0);
	for (size_t i = 0; i < na_sample_count; i++) {
		struct na_event event = na_sample_event(i);

		assert_int_equal(na_line_encode(line, &event, &text), 0);
	}
	check_file(name, &text);
	na_buffer_done(&text);
	na_line_free(line);
}

static void test_lines(void **state)
{
	(void)state;
	check_lines("line-40.txt", 40, false);
	check_lines("line-80.txt", 80, false);
	check_lines("line-120.txt", 120, false);
	check_lines("line-160.txt", 160, false);
	check_lines("line-240.txt", 240, false);
	check_lines("line-160-colour.txt", 160, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_every_type_has_one),
		cmocka_unit_test(test_lines),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
