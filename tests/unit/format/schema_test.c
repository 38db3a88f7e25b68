/* SPDX-License-Identifier: Apache-2.0 */
/* The rows against the rules they state, against ECS, and as the printed reference. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "../capture/failing_alloc.h"
#include "base/cleanup.h"
#include "base/field.h"
#include "format/schema.h"

/* Of a row of ECS's fields.csv; these columns are never quoted. */
struct ecs_field {
	char name[128], type[32], normalization[16];
};

static bool find_ecs(const char *path, struct ecs_field *ret_field)
{
	NA_FCLOSE FILE *file = fopen(NA_ECS_FIELDS, "r");
	char line[8192];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct ecs_field field = {0};

		if (sscanf(line, "%*[^,],%*[^,],%*[^,],%127[^,],%31[^,],%*[^,],%15[^,]", field.name,
			   field.type, field.normalization) < 2 ||
		    strcmp(field.name, path) != 0)
			continue;
		*ret_field = field;
		return true;
	}
	return false;
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* ECS types that a value of ours may be stored as. */
static bool matches(const struct na_field_row *row, const char *type)
{
	static const char *const types[NA_TYPE_COUNT][5] = {
		[NA_TYPE_KEYWORD] = {"keyword", "wildcard", "match_only_text", "constant_keyword"},
		[NA_TYPE_KEYWORDS] = {"keyword", "wildcard"},
		[NA_TYPE_LONG] = {"long"},
		[NA_TYPE_ID] = {"keyword"},
		[NA_TYPE_IP] = {"ip"},
		[NA_TYPE_DATE] = {"date"},
		[NA_TYPE_BOOLEAN] = {"boolean"},
		[NA_TYPE_OBJECT] = {"object", "flattened"},
	};

	if (row->traits & NA_TRAIT_ADDRESSES)
		return strcmp(type, "ip") == 0;
	return is_one_of(type, types[row->type]);
}

static void test_ecs_has_our_ecs_fields(void **state)
{
	(void)state;
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		const struct na_field_row *row = &na_field_rows[i];
		struct ecs_field field;

		if (!(row->traits & NA_TRAIT_ECS)) {
			assert_int_equal(strncmp(row->path, "netaudit.", 9), 0);
			continue;
		}
		if (!find_ecs(row->path, &field))
			fail_msg("ECS has no %s", row->path);
		if (!matches(row, field.type))
			fail_msg("%s is %s in ECS", row->path, field.type);
		if ((row->type == NA_TYPE_KEYWORDS) != (strcmp(field.normalization, "array") == 0))
			fail_msg("%s: one or several values?", row->path);
	}
}

/* Length of the path's objects up to `depth`, the dot included; 0: not that deep. */
static size_t object_length(const char *path, int depth)
{
	const char *at = path;

	while (depth-- >= 0) {
		at = strchr(at, '.');
		if (!at++)
			return 0;
	}
	return (size_t)(at - path);
}

/* What the encoder relies on: an object that was left is never entered again. */
static void test_rows_of_an_object_stand_together(void **state)
{
	(void)state;
	for (int i = 0; i < NA_FIELD_COUNT; i++)
		for (int depth = 0; object_length(na_field_rows[i].path, depth); depth++) {
			const char *path = na_field_rows[i].path;
			size_t length = object_length(path, depth);
			bool left = false;

			for (int k = i + 1; k < NA_FIELD_COUNT; k++) {
				bool same = strncmp(na_field_rows[k].path, path, length) == 0;

				if (same && left)
					fail_msg("%s stands apart from %s", na_field_rows[k].path,
						 path);
				left = left || !same;
			}
		}
}

static void test_every_event_has_what_is_required(void **state)
{
	(void)state;
	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		struct na_event event;

		na_event_init(&event, (enum na_event_type)type, 0);
		NA_SET(&event, TIMESTAMP, 1);
		for (int i = 0; i < NA_FIELD_COUNT; i++)
			if (na_field_rows[i].traits & NA_TRAIT_REQUIRED)
				assert_true(na_event_has(&event, (enum na_field)i));
	}
}

static void test_json_schema(void **state)
{
	struct na_buffer text = {0};
	json_t *root;

	(void)state;
	assert_int_equal(na_schema_print("json-schema", &text), 0);
	root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	json_decref(root);
	na_buffer_done(&text);
}

/* Every event and every field has its row, and no row a cell too many. */
static void test_markdown(void **state)
{
	struct na_buffer text = {0};
	char cell[128];

	(void)state;
	assert_int_equal(na_schema_print("markdown", &text), 0);
	na_buffer_append(&text, "", 1);
	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		snprintf(cell, sizeof(cell), "\n| `%s` | ",
			 na_event_name((enum na_event_type)type));
		assert_non_null(strstr(text.data, cell));
	}
	for (int i = 0; i < NA_FIELD_COUNT; i++) {
		const char *row, *end;
		int bars = 0;

		snprintf(cell, sizeof(cell), "\n| `%s` | ", na_field_rows[i].path);
		row = strstr(text.data, cell);
		assert_non_null(row);
		end = strchr(++row, '\n');
		for (; row < end; row++)
			bars += *row == '|' && row[-1] != '\\';
		assert_int_equal(bars, 5);
	}
	na_buffer_done(&text);
}

static void test_unknown_format(void **state)
{
	struct na_buffer text = {0};

	(void)state;
	assert_int_equal(na_schema_print("yaml", &text), -ENOENT);
	assert_int_equal(text.length, 0);
	for (size_t i = 0; na_schema_formats[i]; i++)
		assert_int_equal(na_schema_print(na_schema_formats[i], &text), 0);
	na_buffer_done(&text);
}

static void test_failing_memory(void **state)
{
	(void)state;
	for (size_t i = 0; na_schema_formats[i]; i++)
		for (size_t n = 1;; n++) {
			struct na_buffer text = {0};
			int result;
			bool failed;

			na_failing_alloc_arm(n);
			result = na_schema_print(na_schema_formats[i], &text);
			failed = na_failing_alloc_disarm();
			assert_int_equal(result, failed ? -ENOMEM : 0);
			na_buffer_done(&text);
			if (!failed)
				break;
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecs_has_our_ecs_fields),
		cmocka_unit_test(test_rows_of_an_object_stand_together),
		cmocka_unit_test(test_every_event_has_what_is_required),
		cmocka_unit_test(test_json_schema),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_unknown_format),
		cmocka_unit_test(test_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
