/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users from a passwd file, and when it is read again. */
#include "process/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support.h"

struct fixture {
	char *folder;
	char path[128];
	struct na_users *users;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->folder = test_folder_new();
	snprintf(fixture->path, sizeof(fixture->path), "%s/passwd", fixture->folder);
	fixture->users = na_users_new(fixture->path);
	*state = fixture;
	return fixture->users ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	na_users_free(fixture->users);
	test_folder_free(fixture->folder);
	free(fixture);
	return 0;
}

static void write_file(struct fixture *fixture, struct na_text content)
{
	test_write(fixture->folder, "passwd", content);
	test_now_ns += NA_NS_PER_SEC;
}

/* NULL: no name. */
static void check(struct fixture *fixture, uint32_t uid, const char *expected)
{
	struct na_text name = na_users_name(fixture->users, uid);

	test_assert_text(name.length > 0, name, expected, "name");
}

static void test_lines(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, TEXT("root:x:0:0:root:/root:/bin/bash\n"
				 "admin:x:0:0::/:/bin/sh\n" /* the first one counts */
				 "# comment:x:5:0::/:\n"
				 "+nis:x:6:0::/:\n-nis:x:7:0::/:\n"
				 ":x:8:0::/:\n"
				 "short\nshort:x\nshort:x:9\n"
				 "minus:x:-1:0::/:\nword:x:a:0::/:\nlarge:x:4294967296:0::/:\n"
				 "unset:x:4294967295:0::/:\nempty:x::0::/:\nspace:x: 11:0::/:\n\n"
				 "nobody:x:65534:65534::/:\n"
				 "last:x:12:0::/:"));
	check(fixture, 0, "root");
	check(fixture, 65534, "nobody");
	check(fixture, 12, "last");
	for (uint32_t uid = 1; uid < 12; uid++)
		check(fixture, uid, NULL);
	check(fixture, UINT32_MAX, NULL);
}

static void test_no_file(void **state)
{
	struct fixture *fixture = *state;

	check(fixture, 0, NULL);
	write_file(fixture, TEXT("root:x:0:0::/:\n"));
	check(fixture, 0, "root");
}

static void test_is_looked_at_once_a_second(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, TEXT("one:x:1:0::/:\n"));
	check(fixture, 1, "one");
	test_write(fixture->folder, "passwd", TEXT("other:x:1:0::/:\n"));
	test_now_ns += NA_NS_PER_SEC - 1;
	check(fixture, 1, "one");
	test_now_ns += 1;
	check(fixture, 1, "other");
}

/* useradd writes a new file and renames it: another inode. */
static void test_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	char from[160];

	write_file(fixture, TEXT("one:x:1:0::/:\n"));
	check(fixture, 1, "one");
	test_write(fixture->folder, "passwd+", TEXT("two:x:1:0::/:\n"));
	snprintf(from, sizeof(from), "%s/passwd+", fixture->folder);
	assert_int_equal(rename(from, fixture->path), 0);
	test_now_ns += NA_NS_PER_SEC;
	check(fixture, 1, "two");
}

static void test_names_stay_while_the_file_is_gone(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, TEXT("one:x:1:0::/:\n"));
	check(fixture, 1, "one");
	test_remove(fixture->folder, "passwd");
	test_now_ns += NA_NS_PER_SEC;
	check(fixture, 1, "one");
	write_file(fixture, TEXT(""));
	check(fixture, 1, NULL);
}

static void test_many(void **state)
{
	struct fixture *fixture = *state;
	char *text = malloc(3000 * 40), name[16];
	size_t length = 0;

	for (unsigned int i = 0; i < 3000; i++)
		length += (size_t)sprintf(text + length, "u%u:x:%u:0::/:\n", i, i * 1000);
	write_file(fixture, (struct na_text){text, length});
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "u%u", i);
		check(fixture, i * 1000, name);
		check(fixture, i * 1000 + 1, NULL);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_looked_at_once_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_stay_while_the_file_is_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
