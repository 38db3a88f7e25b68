/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/securityfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Opens the file in a private mount, which the descriptor keeps. */
static int open_private(const char *name)
{
	char path[] = "/tmp/netaudit-security-XXXXXX";
	NA_CLOSE int folder = -1;
	int fd = -ENOENT;

	if (!mkdtemp(path))
		return -errno;
	if (mount("none", path, "securityfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0) {
		folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fd = folder < 0 ? -errno : openat(folder, name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		umount2(path, MNT_DETACH);
	}
	rmdir(path);
	return fd;
}

/* ------------------------------------------------------------------------------------------- */

int na_securityfs_read(const char *name, char *text, size_t size)
{
	NA_CLOSE int folder = open("/sys/kernel/security", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	NA_CLOSE int fd = folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		fd = open_private(name);
	if (fd < 0)
		return fd;
	length = read(fd, text, size - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}
