/* SPDX-License-Identifier: Apache-2.0 */
/* What is a record and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/record_check.h"

static union {
	struct na_record_header header;
	struct na_record_exec exec;
	struct na_record_unix unix_name;
	uint8_t bytes[NA_RECORD_SIZE_MAX + 8];
} record;

static void make(uint8_t type, size_t size)
{
	memset(&record, 0, sizeof(record));
	record.header.type = type;
	record.header.program = NA_PROGRAM_AGENT;
	record.header.size = (uint16_t)size;
}

static void check_fixed(uint8_t type, size_t size)
{
	make(type, size);
	assert_true(na_record_valid(&record.header, size));
	assert_true(na_record_valid(&record.header, size + 8));
	assert_false(na_record_valid(&record.header, size - 1));
	record.header.size = (uint16_t)(size - 1);
	assert_false(na_record_valid(&record.header, size));
	record.header.size = (uint16_t)(size + 1);
	assert_true(na_record_valid(&record.header, size + 8) == (type == NA_RECORD_EXEC));
}

static void every_type_has_its_size(void **state)
{
	(void)state;
#define NA_RECORD(id, name) check_fixed(NA_RECORD_##id, sizeof(struct na_record_##name));
#define NA_MEMBER(type, name)
#define NA_ARRAY(type, name, count)
#define NA_RECORD_END(id, name)
#include "records.def"
}

static void unknown_types_and_programs_are_refused(void **state)
{
	const size_t size = sizeof(struct na_record_exited);

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		make((uint8_t)type, size);
		if (type == NA_RECORD_NONE || type >= NA_RECORD_COUNT)
			assert_false(na_record_valid(&record.header, sizeof(record)));
	}
	for (unsigned int program = 0; program < 256; program++) {
		make(NA_RECORD_EXITED, size);
		record.header.program = (uint8_t)program;
		assert_true(na_record_valid(&record.header, size) ==
			    (program > NA_PROGRAM_NONE && program < NA_PROGRAM_COUNT));
	}
}

/* With memory of exactly that size, so that a sanitizer sees a read behind it. */
static void less_than_a_header_is_refused(void **state)
{
	(void)state;
	for (size_t available = 0; available < sizeof(struct na_record_header); available++) {
		struct na_record_header *header = test_malloc(sizeof(*header));

		memset(header, 0, sizeof(*header));
		header->type = NA_RECORD_EXITED;
		assert_false(na_record_valid(header, available));
		test_free(header);
	}
	make(NA_RECORD_EXEC, sizeof(record.header));
	assert_false(na_record_valid(&record.header, sizeof(record.header)));
}

static void texts_of_exec_lie_within(void **state)
{
	(void)state;
	make(NA_RECORD_EXEC, sizeof(record.exec) + 10);
	record.exec.executable_length = 1;
	record.exec.directory_length = 2;
	record.exec.arguments_length = 3;
	record.exec.cgroup_length = 4;
	assert_true(na_record_valid(&record.header, sizeof(record.exec) + 10));
	record.exec.cgroup_length = 5;
	assert_false(na_record_valid(&record.header, sizeof(record.exec) + 10));
	memset(&record.exec.executable_length, 0xff, 4 * sizeof(uint16_t));
	assert_false(na_record_valid(&record.header, sizeof(record.exec) + 10));
}

static void exec_has_a_largest_size(void **state)
{
	(void)state;
	make(NA_RECORD_EXEC, NA_RECORD_SIZE_MAX);
	assert_true(na_record_valid(&record.header, sizeof(record)));
	make(NA_RECORD_EXEC, NA_RECORD_SIZE_MAX + 1);
	assert_false(na_record_valid(&record.header, sizeof(record)));
}

static void length_of_a_unix_path_is_within_it(void **state)
{
	(void)state;
	make(NA_RECORD_UNIX, sizeof(record.unix_name));
	record.unix_name.length = sizeof(record.unix_name.path);
	assert_true(na_record_valid(&record.header, sizeof(record.unix_name)));
	record.unix_name.length++;
	assert_false(na_record_valid(&record.header, sizeof(record.unix_name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_size),
		cmocka_unit_test(unknown_types_and_programs_are_refused),
		cmocka_unit_test(less_than_a_header_is_refused),
		cmocka_unit_test(texts_of_exec_lie_within),
		cmocka_unit_test(exec_has_a_largest_size),
		cmocka_unit_test(length_of_a_unix_path_is_within_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
