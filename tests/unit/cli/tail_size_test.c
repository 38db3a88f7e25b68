/* SPDX-License-Identifier: Apache-2.0 */
/* The tail's size, with a file system whose room the test decides. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/tail_size.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t room; /* bytes that are free; UINT64_MAX: not known */

int __wrap_statvfs(const char *path, struct statvfs *system);

int __wrap_statvfs(const char *path, struct statvfs *system)
{
	assert_string_equal(path, "/tmp");
	if (room == UINT64_MAX)
		return -1;
	*system = (struct statvfs){.f_frsize = 4096, .f_bavail = room / 4096};
	return 0;
}

static void test_fits(void **state)
{
	(void)state;
	room = 256 * MIB;
	assert_int_equal(na_tail_fitting("/tmp/no.such.tail", 128 * MIB), 128 * MIB);
	room = UINT64_MAX;
	assert_int_equal(na_tail_fitting("/tmp/no.such.tail", 128 * MIB), 128 * MIB);
}

static void test_half_of_what_is_free(void **state)
{
	(void)state;
	room = 255 * MIB;
	assert_int_equal(na_tail_fitting("/tmp/no.such.tail", 128 * MIB), 127 * MIB);
	room = 0; /* the tail cannot be made, and says so: a size of 0 it could not explain */
	assert_int_equal(na_tail_fitting("/tmp/no.such.tail", 128 * MIB), MIB);
}

/* Started again beside its own tail, the agent takes the same size. */
static void test_own_tail_is_no_obstacle(void **state)
{
	char path[] = "/tmp/tail_size_test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, 4 * MIB), 0);
	room = 4 * MIB;
	assert_int_equal(na_tail_fitting(path, 4 * MIB), 4 * MIB);
	close(fd);
	unlink(path);
	assert_int_equal(na_tail_fitting(path, 4 * MIB), 2 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_half_of_what_is_free),
		cmocka_unit_test(test_own_tail_is_no_obstacle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
