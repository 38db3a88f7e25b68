/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that stands still, for LD_PRELOAD: while the file that NETAUDIT_TEST_STALL names exists,
 * pwrite and fdatasync wait for its end. Nothing of the agent is replaced but these calls.
 */
#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/types.h>
#include <unistd.h>

/* Waits for changes of the folder that the file is in. */
static void wait_for_end(const char *path)
{
	char folder[PATH_MAX], events[4096];
	char *slash;
	int fd;

	strncpy(folder, path, sizeof(folder) - 1);
	folder[sizeof(folder) - 1] = '\0';
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	*slash = '\0';
	fd = inotify_init1(IN_CLOEXEC);
	inotify_add_watch(fd, folder, IN_DELETE | IN_MOVED_FROM);
	while (access(path, F_OK) == 0)
		if (read(fd, events, sizeof(events)) < 0)
			break;
	close(fd);
}

static void stall(void)
{
	const char *path = getenv("NETAUDIT_TEST_STALL");

	if (path && access(path, F_OK) == 0)
		wait_for_end(path);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");

	stall();
	return real(fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");

	stall();
	return real(fd, data, size, offset);
}

int fdatasync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");

	stall();
	return real(fd);
}
