/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of systemd for the shipping process: copied for its group, and gone in the end. */
#include "cli/credentials.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

static char root[] = "/tmp/credentials_test.XXXXXX";

static void write_file(const char *path, const char *text)
{
	NA_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0400);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void copies_for_the_group(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct stat status;
	char text[16] = "";
	bool any = false;
	int fd;

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", "given", 1);
	/* What an agent that was killed left does not stay. */
	assert_int_equal(mkdir("copies", 0700), 0);
	write_file("copies/old", "x");
	assert_int_equal(na_credentials_copy("copies", getgid(), &any, &why), 0);
	assert_true(any);
	assert_int_equal(access("copies/old", F_OK), -1);
	assert_int_equal(stat("copies", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	assert_int_equal(stat("copies/hec", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0440);
	assert_int_equal(status.st_gid, getgid());
	fd = open("copies/hec", O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	close(fd);
	assert_string_equal(text, "s3cret");
	na_credentials_remove("copies");
	assert_int_equal(access("copies", F_OK), -1);
	na_credentials_remove("copies");
}

static void has_none_to_copy(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	bool any = true;

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(na_credentials_copy("copies", getgid(), &any, &why), 0);
	assert_false(any);
	assert_int_equal(access("copies", F_OK), -1);
}

static void names_what_it_cannot_copy(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	bool any;

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", "given", 1);
	assert_int_equal(symlink("/etc/passwd", "given/link"), 0);
	assert_int_equal(na_credentials_copy("copies", getgid(), &any, &why), -ELOOP);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, "credential link"));
	assert_int_equal(access("copies", F_OK), -1);
	unlink("given/link");
	setenv("CREDENTIALS_DIRECTORY", "nowhere", 1);
	assert_int_equal(na_credentials_copy("copies", getgid(), &any, &why), -ENOENT);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(root) || chdir(root) < 0 || mkdir("given", 0700) < 0)
		return -1;
	write_file("given/hec", "s3cret");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_credentials_remove("given");
	return chdir("/") < 0 || rmdir(root) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_for_the_group),
		cmocka_unit_test(has_none_to_copy),
		cmocka_unit_test(names_what_it_cannot_copy),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
