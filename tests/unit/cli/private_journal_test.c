/* SPDX-License-Identifier: Apache-2.0 */
/* Private journals: what a run leaves, what the next one removes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/private_journal.h"

#define PARENT NA_PRIVATE_JOURNAL_PARENT

/* A pid that nobody has: of a child that was waited for. */
static int ended_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

/* The folder of that process, with a lock file that is returned open. */
static int leave(int pid, char path[256])
{
	char lock[300];
	int fd;

	snprintf(path, 256, PARENT "/private.%d", pid);
	snprintf(lock, sizeof(lock), "%s/lock", path);
	assert_int_equal(mkdir(path, 0700), 0);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static char *make(void)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	char *path = NULL;

	assert_int_equal(na_private_journal_make(&path, &why), 0);
	assert_int_equal(access(path, W_OK), 0);
	return path;
}

static int setup(void **state)
{
	(void)state;
	return mkdir(PARENT, 0755);
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(PARENT); /* fails when something is left */
}

static void test_makes_and_removes(void **state)
{
	char *path = make(), *again, file[300];
	struct stat status;

	(void)state;
	snprintf(file, sizeof(file), "%s/tail", path);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	again = make(); /* an earlier process had this pid */
	assert_string_equal(again, path);
	assert_int_not_equal(access(file, F_OK), 0);
	na_private_journal_remove(path);
	assert_int_not_equal(access(path, F_OK), 0);
	free(again);
	free(path);
}

static void test_removes_what_is_left(void **state)
{
	char left[256];
	char *path;

	(void)state;
	close(leave(ended_pid(), left));
	path = make();
	assert_int_not_equal(access(left, F_OK), 0);
	na_private_journal_remove(path);
	free(path);
}

/* By its pid, or by its lock where the pid is one of another namespace. */
static void test_keeps_the_living(void **state)
{
	char living[256], locked[256];
	char *path;
	int fd, other = leave(getppid(), living);

	(void)state;
	fd = leave(ended_pid(), locked);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	path = make();
	assert_int_equal(access(living, F_OK), 0);
	assert_int_equal(access(locked, F_OK), 0);
	close(fd);
	close(other);
	na_private_journal_remove(living);
	na_private_journal_remove(locked);
	na_private_journal_remove(path);
	free(path);
}

static void test_says_what_cannot_be_made(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	char *path = NULL, file[256];
	int fd;

	(void)state;
	snprintf(file, sizeof(file), PARENT "/private.%d", (int)getpid());
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(na_private_journal_make(&path, &why), -EEXIST);
	assert_null(path);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, file));
	assert_int_equal(unlink(file), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_makes_and_removes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removes_what_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_the_living, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says_what_cannot_be_made, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
