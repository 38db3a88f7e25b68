/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors of outputs that went and came back. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "ship/retire.h"

static char folder[] = "/tmp/netaudit-retire.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make(const char *name)
{
	close(open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static bool there(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void test_goes_and_comes_back(void **state)
{
	struct na_output_common a = {.name = na_text_of("a")}, ab = {.name = na_text_of("ab")};
	struct na_ship_output outputs[] = {{.common = &a}, {.common = &ab}};

	(void)state;
	make("a.cursor");
	make("ab.cursor");
	make("ab.mark");
	make(".cursor");
	assert_int_equal(na_ship_retire(folder, outputs, 1), 0);
	assert_true(there("a.cursor") && there("ab.mark") && there(".cursor"));
	assert_true(!there("ab.cursor") && there("ab.cursor.unused"));
	assert_int_equal(na_ship_retire(folder, outputs, 2), 0);
	assert_true(there("a.cursor") && there("ab.cursor") && !there("ab.cursor.unused"));
}

/* One that has a cursor keeps it, whatever an old one says. */
static void test_newer_stays(void **state)
{
	struct na_output_common a = {.name = na_text_of("a")};
	struct na_ship_output output = {.common = &a};

	(void)state;
	make("a.cursor");
	make("a.cursor.unused");
	assert_int_equal(na_ship_retire(folder, &output, 1), 0);
	assert_true(there("a.cursor") && there("a.cursor.unused"));
}

static void test_no_folder(void **state)
{
	(void)state;
	assert_int_equal(na_ship_retire("/nowhere", NULL, 0), -ENOENT);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"a.cursor",  "a.cursor.unused", "ab.cursor.unused",
					    "ab.cursor", "ab.mark",         ".cursor"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_and_comes_back),
		cmocka_unit_test(test_newer_stays),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
