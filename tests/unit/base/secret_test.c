/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: where they are read from, what is none. */
#include "base/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

static char folder[] = "/tmp/secret_test.XXXXXX";

static void write_file(const char *name, const char *data, size_t length)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};
	FILE *file;

	na_buffer_printf(&path, "%s/%s%c", folder, name, '\0');
	file = fopen(path.data, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static int read_secret(const char *name, struct na_buffer *out, const char *reason)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_secret_read(name, out, &why);

	na_buffer_append_char(&why, '\0');
	if (error)
		assert_non_null(strstr(why.data, reason));
	return error;
}

static void reads_a_line(void **state)
{
	NA_CLEANUP(na_secret_done) struct na_buffer secret = {0};
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};

	(void)state;
	write_file("token", "s3cret\n", 7);
	na_buffer_printf(&path, "%s/token%c", folder, '\0');
	assert_int_equal(read_secret(path.data, &secret, ""), 0);
	assert_int_equal(secret.length, 6);
	assert_string_equal(secret.data, "s3cret");
}

static void reads_a_credential(void **state)
{
	NA_CLEANUP(na_secret_done) struct na_buffer secret = {0};

	(void)state;
	write_file("hec", "abc", 3);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(read_secret("hec", &secret, "no credentials"), -ENOENT);
	assert_int_equal(secret.length, 0);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_int_equal(read_secret("hec", &secret, ""), 0);
	assert_string_equal(secret.data, "abc");
	assert_int_equal(read_secret("none", &secret, "/none cannot be read: No such file"),
			 -ENOENT);
}

static void refuses_what_is_none(void **state)
{
	NA_CLEANUP(na_secret_done) struct na_buffer secret = {0};
	NA_FREE char *large = calloc(1, 65537);

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	memset(large, 'x', 65537);
	write_file("empty", "\n", 1);
	write_file("nul", "a\0b", 3);
	write_file("large", large, 65537);
	write_file("largest", large, 65536);
	assert_int_equal(read_secret("empty", &secret, "no secret"), -EINVAL);
	assert_int_equal(read_secret("nul", &secret, "no secret"), -EINVAL);
	assert_int_equal(read_secret("large", &secret, "no secret"), -EINVAL);
	assert_int_equal(secret.length, 0);
	assert_int_equal(read_secret("largest", &secret, ""), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"token", "hec", "empty", "nul", "large", "largest"};

	(void)state;
	if (chdir(folder) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(names[i]);
	return chdir("/") < 0 || rmdir(folder) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_line),
		cmocka_unit_test(reads_a_credential),
		cmocka_unit_test(refuses_what_is_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
