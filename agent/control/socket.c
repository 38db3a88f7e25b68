/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket file of control. It is made under another name and renamed, so that nobody ever sees
 * one that may be opened by others, or that does not listen yet.
 */
#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "control/control.h"

static int make_address(const char *path, struct sockaddr_un *address)
{
	size_t length = strlen(path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (length >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, length + 1);
	return 0;
}

/* 0: the place is free; -EADDRINUSE, -EEXIST, or another negative errno. */
static int look(const char *path, struct na_buffer *why)
{
	NA_CLOSE int fd = -1;
	struct stat status;

	if (lstat(path, &status) < 0 && errno == ENOENT)
		return 0;
	if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
		na_buffer_printf(why, "%s is there and is no socket", path);
		return -EEXIST;
	}
	fd = na_control_socket_connect(path, false);
	if (fd == -ECONNREFUSED || fd == -ENOENT)
		return 0;
	if (fd >= 0 || fd == -EAGAIN) {
		na_buffer_printf(why, "%s: another agent answers there", path);
		return -EADDRINUSE;
	}
	na_buffer_printf(why, "%s: %s", path, strerrordesc_np(-fd));
	return fd;
}

static int listen_at(int fd, const char *made, const char *path)
{
	struct sockaddr_un address;
	int error = make_address(made, &address);

	if (error)
		return error;
	unlink(made); /* of one with our pid that was killed right here */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (chmod(made, S_IRUSR | S_IWUSR) < 0 || listen(fd, NA_CONTROL_CLIENTS_MAX) < 0 ||
	    rename(made, path) < 0) {
		error = -errno;
		unlink(made);
	}
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_control_socket_connect(const char *path, bool waits)
{
	static const struct timeval patience = {NA_CONTROL_TIMEOUT_NS / NA_NS_PER_SEC, 0};
	NA_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int error = make_address(path, &address);

	if (fd < 0)
		return -errno;
	if (error)
		return error;
	if (!waits && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (waits && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return NA_TAKE_FD(fd);
}

int na_control_socket_listen(const char *path, struct na_buffer *why)
{
	NA_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	NA_FREE char *made = NULL;
	int error;

	if (asprintf(&made, "%s.%d", path, getpid()) < 0) {
		made = NULL;
		return -ENOMEM;
	}
	error = look(path, why);
	if (error)
		return error;
	error = fd < 0 ? -errno : listen_at(fd, made, path);
	if (!error)
		return NA_TAKE_FD(fd);
	na_buffer_printf(why, "%s cannot be made: %s", path, strerrordesc_np(-error));
	return error;
}

unsigned long na_control_socket_inode(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

void na_control_socket_remove(const char *path, unsigned long inode)
{
	if (inode && na_control_socket_inode(path) == inode)
		unlink(path);
}
