/* SPDX-License-Identifier: Apache-2.0 */
/* EXEC records: what is read of them, and which are refused. */
#include "process/exec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support.h"

static union test_record record;
static struct na_arena arena;

static const struct test_exec example = {
	.pid = 5,
	.start_ns = 50,
	.time_ns = 60,
	.executable = BYTES("ls\0bin\0usr\0"),
	.directory = BYTES("x\0home\0"),
	.arguments = BYTES("ls\0-l\0\0/tmp\0"),
	.cgroup = BYTES("a.service\0system.slice\0"),
	.comm = "ls",
	.uid = 1,
};

static struct na_facts decode(const struct test_exec *exec)
{
	struct na_facts facts;

	test_make_exec(&record, exec);
	assert_int_equal(na_exec_decode(&record.exec, &arena, &facts), 0);
	return facts;
}

static int decode_error(void)
{
	struct na_facts facts;

	return na_exec_decode(&record.exec, &arena, &facts);
}

#define assert_text(text, expected) test_assert_text((text).length > 0, text, expected, #text)

static void test_whole(void **state)
{
	struct na_facts facts = decode(&example);

	(void)state;
	assert_text(facts.executable, "/usr/bin/ls");
	assert_text(facts.directory, "/home/x");
	assert_text(facts.cgroup_path, "/system.slice/a.service");
	assert_text(facts.comm, "ls");
	assert_int_equal(facts.arguments.length, 12);
	assert_memory_equal(facts.arguments.data, "ls\0-l\0\0/tmp\0", 12);
	assert_true(facts.arguments_known);
	assert_false(facts.arguments_cut);
	assert_int_equal(facts.uid, 1);
	assert_int_equal(facts.namespace_pid, 7);
	assert_int_equal(facts.user_namespace, 104);
}

static void test_nothing_is_the_root_but_no_executable(void **state)
{
	struct na_facts facts = decode(&(struct test_exec){.pid = 1, .start_ns = 1});

	(void)state;
	assert_text(facts.executable, NULL);
	assert_text(facts.directory, "/");
	assert_text(facts.cgroup_path, "/");
	assert_text(facts.comm, NULL);
	assert_int_equal(facts.arguments.length, 0);
}

static void test_last_nul_may_lack(void **state)
{
	struct test_exec exec = example;
	struct na_facts facts;

	(void)state;
	exec.executable.length--;
	exec.arguments.length--;
	facts = decode(&exec);
	assert_text(facts.executable, "/usr/bin/ls");
	assert_memory_equal(facts.arguments.data, "ls\0-l\0\0/tmp\0", 12);
	assert_int_equal(facts.arguments.length, 12);
}

static void test_comm_of_full_length(void **state)
{
	struct test_exec exec = example;
	struct na_facts facts;

	(void)state;
	exec.comm = "0123456789abcdef";
	facts = decode(&exec);
	assert_text(facts.comm, "0123456789abcdef");
}

static void test_cut_arguments(void **state)
{
	struct test_exec exec = example;
	struct na_facts facts;

	(void)state;
	exec.arguments_total = 9000;
	exec.flags = NA_FLAG_TRUNCATED;
	facts = decode(&exec);
	assert_true(facts.arguments_cut);
	assert_text(facts.executable, "/usr/bin/ls"); /* short: it was not what was cut */
}

/* The beginning of a cut path is missing: it must not look absolute. */
static void test_cut_path(void **state)
{
	char components[1800];
	struct test_exec exec = example;
	struct na_facts facts;

	(void)state;
	memset(components, 'x', sizeof(components));
	for (size_t i = 199; i < sizeof(components); i += 200)
		components[i] = '\0';
	exec.executable = (struct na_text){components, sizeof(components)};
	facts = decode(&exec);
	assert_int_equal(facts.executable.length, sizeof(components));
	assert_int_equal(facts.executable.data[0], '/');
	exec.flags = NA_FLAG_TRUNCATED;
	facts = decode(&exec);
	assert_int_equal(facts.executable.length, sizeof(components) - 1);
	assert_int_equal(facts.executable.data[0], 'x');
}

static void test_malformed(void **state)
{
	(void)state;
	test_make_exec(&record, &example);
	record.header.size--;
	assert_int_equal(decode_error(), -EBADMSG); /* texts behind the end */
	record.header.size = sizeof(record.exec) - 1;
	assert_int_equal(decode_error(), -EBADMSG);
	record.header.size = 0;
	assert_int_equal(decode_error(), -EBADMSG);

	test_make_exec(&record, &example);
	record.exec.cgroup_length = UINT16_MAX;
	assert_int_equal(decode_error(), -EBADMSG);

	test_make_exec(&record, &example);
	record.header.size = NA_RECORD_SIZE_MAX + 1;
	assert_int_equal(decode_error(), -EBADMSG);

	test_make_exec(&record, &example);
	record.header.pid = 0;
	assert_int_equal(decode_error(), -EBADMSG);

	test_make_exec(&record, &example);
	record.header.start_ns = 0;
	assert_int_equal(decode_error(), -EBADMSG);
}

static void test_empty_components(void **state)
{
	static const struct na_text paths[] = {
		TEXT("\0"), TEXT("\0\0"), TEXT("ls\0\0usr\0"), TEXT("\0bin\0"), TEXT("ls\0bin\0\0"),
	};
	struct test_exec exec = example;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		exec.executable = paths[i];
		test_make_exec(&record, &exec);
		assert_int_equal(decode_error(), -EBADMSG);
	}
}

/* More behind the texts than they need is not an error: a later kernel program may add some. */
static void test_longer_than_its_texts(void **state)
{
	struct na_facts facts;

	(void)state;
	test_make_exec(&record, &example);
	record.header.size = (uint16_t)(record.header.size + 8);
	assert_int_equal(na_exec_decode(&record.exec, &arena, &facts), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_nothing_is_the_root_but_no_executable),
		cmocka_unit_test(test_last_nul_may_lack),
		cmocka_unit_test(test_comm_of_full_length),
		cmocka_unit_test(test_cut_arguments),
		cmocka_unit_test(test_cut_path),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_empty_components),
		cmocka_unit_test(test_longer_than_its_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
