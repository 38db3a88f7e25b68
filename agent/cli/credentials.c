/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of systemd's credentials for the shipping process. */
#include "cli/credentials.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CREDENTIAL_MAX (1 << 20) /* systemd's own limit for all of them */

static int copy(int from, int to, const char *name, gid_t group)
{
	NA_CLOSE int source = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	NA_CLOSE int copy = -1;
	ssize_t count = 1;

	if (source < 0)
		return -errno;
	copy = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (copy < 0)
		return -errno;
	while (count > 0)
		count = sendfile(copy, source, NULL, CREDENTIAL_MAX);
	if (count < 0 || fchown(copy, (uid_t)-1, group) < 0 || fchmod(copy, 0440) < 0)
		return -errno;
	return 0;
}

static int copy_all(DIR *from, int to, gid_t group, struct na_buffer *why)
{
	const struct dirent *entry;

	while ((entry = readdir(from))) {
		int error =
			entry->d_name[0] == '.' ? 0 : copy(dirfd(from), to, entry->d_name, group);

		if (error) {
			na_buffer_printf(why, "credential %s: %s", entry->d_name,
					 strerrordesc_np(-error));
			return error;
		}
	}
	return 0;
}

static int make_folder(const char *path, gid_t group, int *ret_fd)
{
	int fd;

	na_credentials_remove(path);
	if (mkdir(path, 0700) < 0)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchown(fd, (uid_t)-1, group) < 0 || fchmod(fd, 0750) < 0) {
		close(fd);
		return -errno;
	}
	*ret_fd = fd;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_credentials_copy(const char *folder, gid_t group, bool *ret_any, struct na_buffer *why)
{
	const char *given = getenv("CREDENTIALS_DIRECTORY");
	NA_CLOSEDIR DIR *from = NULL;
	NA_CLOSE int to = -1;
	int error;

	if (!given) {
		*ret_any = false;
		return 0;
	}
	from = opendir(given);
	if (!from) {
		error = -errno;
		na_buffer_printf(why, "%s: %s", given, strerrordesc_np(-error));
		return error;
	}
	error = make_folder(folder, group, &to);
	if (error)
		na_buffer_printf(why, "%s: %s", folder, strerrordesc_np(-error));
	else
		error = copy_all(from, to, group, why);
	if (error)
		na_credentials_remove(folder);
	else
		*ret_any = true;
	return error;
}

void na_credentials_remove(const char *folder)
{
	NA_CLOSEDIR DIR *open = opendir(folder);
	const struct dirent *entry;

	while (open && (entry = readdir(open)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(open), entry->d_name, 0);
	rmdir(folder);
}
