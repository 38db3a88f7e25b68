/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a run that nobody configured. */
#include "cli/private_journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef NA_PRIVATE_JOURNAL_PARENT /* tests have one of their own */
#define NA_PRIVATE_JOURNAL_PARENT "/run/netaudit"
#endif
#define PREFIX "private."

/* Removes what was left by a process that is no more: its lock can be had. */
static void remove_if_left(const char *name)
{
	NA_FREE char *path = NULL, *lock = NULL;
	NA_CLOSE int fd = -1;
	pid_t pid = (pid_t)strtoull(name + strlen(PREFIX), NULL, 10);

	if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
		return;
	if (asprintf(&path, NA_PRIVATE_JOURNAL_PARENT "/%s", name) < 0) {
		path = NULL; /* which the failure leaves as anything */
		return;
	}
	if (asprintf(&lock, "%s/lock", path) < 0) {
		lock = NULL;
		return;
	}
	fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 ? errno == ENOENT : flock(fd, LOCK_EX | LOCK_NB) == 0)
		na_private_journal_remove(path);
}

static void remove_left(void)
{
	NA_CLOSEDIR DIR *parent = opendir(NA_PRIVATE_JOURNAL_PARENT);
	struct dirent *entry;

	while (parent && (entry = readdir(parent)))
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
			remove_if_left(entry->d_name);
}

/* ------------------------------------------------------------------------------------------- */

int na_private_journal_make(char **ret_path, struct na_buffer *why)
{
	NA_FREE char *path = NULL;

	if (mkdir(NA_PRIVATE_JOURNAL_PARENT, 0755) < 0 && errno != EEXIST) {
		int error = -errno;

		na_buffer_printf(why, NA_PRIVATE_JOURNAL_PARENT " cannot be made: %s",
				 strerrordesc_np(-error));
		return error;
	}
	remove_left();
	if (asprintf(&path, NA_PRIVATE_JOURNAL_PARENT "/" PREFIX "%d", (int)getpid()) < 0)
		return -ENOMEM;
	na_private_journal_remove(path); /* of an earlier process with this pid */
	if (mkdir(path, 0700) < 0) {
		int error = -errno;

		na_buffer_printf(why, "%s cannot be made: %s", path, strerrordesc_np(-error));
		return error;
	}
	*ret_path = NA_TAKE_POINTER(path);
	return 0;
}

void na_private_journal_remove(const char *path)
{
	NA_CLOSEDIR DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(folder), entry->d_name, 0);
	rmdir(path);
}
