/* SPDX-License-Identifier: Apache-2.0 */
/* The root of the cgroup2 hierarchy. */
#include "capture/cgroup_root.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_mounted(void)
{
	struct mntent entry;
	char line[4096];
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	int fd = -ENOENT;

	if (!mounts)
		return -errno;
	while (fd < 0 && getmntent_r(mounts, &entry, line, sizeof(line))) {
		if (strcmp(entry.mnt_type, "cgroup2") != 0)
			continue;
		fd = open(entry.mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	endmntent(mounts);
	return fd;
}

static int open_private(void)
{
	char path[] = "/tmp/netaudit-cgroup-XXXXXX";
	int fd = -1, error = 0;

	if (!mkdtemp(path))
		return -errno;
	if (mount("none", path, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
		error = -errno;
	} else {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			error = -errno;
		umount2(path, MNT_DETACH);
	}
	rmdir(path);
	return fd >= 0 ? fd : error;
}

int na_cgroup_root_open(void)
{
	int fd = open_mounted();

	return fd >= 0 ? fd : open_private();
}
