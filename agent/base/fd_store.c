/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager's file descriptor store. */
#include "base/fd_store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FIRST 3 /* the number of the first descriptor that is handed over */
#define PROBE "netaudit.probe"
#define TIMEOUT_SECONDS 5

struct na_fd_store {
	int socket; /* to the manager */
	size_t count;
	struct handed {
		char *name;
		int fd;
	} handed[];
};

/* A path, or an abstract name behind an @; others are of machines that are not this one. */
static int connect_to(const char *text)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = text ? strlen(text) : 0;
	NA_CLOSE int fd = -1;

	if (length < 2 || length >= sizeof(address.sun_path) || (*text != '/' && *text != '@'))
		return -ENOENT;
	memcpy(address.sun_path, text, length);
	if (*text == '@')
		address.sun_path[0] = '\0';
	else
		length++; /* the NUL */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return -errno;
	return NA_TAKE_FD(fd);
}

/* Of the variable that the manager set for this process, and not for one that started it. */
static size_t count_handed(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	long number =
		pid && count && strtol(pid, NULL, 10) == getpid() ? strtol(count, NULL, 10) : 0;

	if (number <= 0)
		return 0;
	return number > NA_FD_STORE_MAX ? NA_FD_STORE_MAX : (size_t)number;
}

/* Names stand in the order of the numbers; one without a name cannot be asked for. */
static int take_handed(struct na_fd_store *store, size_t count)
{
	const char *names = getenv("LISTEN_FDNAMES");

	for (size_t i = 0; i < count; i++) {
		size_t length = names ? strcspn(names, ":") : 0;
		char *name = names ? strndup(names, length) : strdup("");

		if (!name)
			return -ENOMEM;
		store->handed[store->count++] = (struct handed){name, FIRST + (int)i};
		if (fcntl(FIRST + (int)i, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
		names = names && names[length] ? names + length + 1 : NULL;
	}
	return 0;
}

static void close_handed(size_t count)
{
	if (count)
		close_range(FIRST, FIRST + (unsigned int)count - 1, 0);
}

static void let_go(struct handed *handed)
{
	close(handed->fd);
	free(handed->name);
}

static int send_text(const struct na_fd_store *store, const char *text, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {(char *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (fd >= 0) {
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fd)),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(store->socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* `lines`: what is to be done with it. */
static int send_named(const struct na_fd_store *store, const char *lines, const char *name, int fd)
{
	char text[NA_FD_STORE_NAME_MAX + 64];
	int length = snprintf(text, sizeof(text), "%s\nFDNAME=%s\n", lines, name);

	if (strlen(name) > NA_FD_STORE_NAME_MAX || length < 0 || (size_t)length >= sizeof(text))
		return -ENAMETOOLONG;
	return send_text(store, text, fd);
}

/* Sends the one end of a pipe; the other one, which hangs up when nobody has that any more. */
static int send_end(const struct na_fd_store *store, const char *name)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	error = name ? na_fd_store_put(store, name, ends[1])
		     : send_text(store, "BARRIER=1", ends[1]);
	close(ends[1]);
	if (!error)
		return ends[0];
	close(ends[0]);
	return error;
}

/* 1, 0: it is held still, or negative errno. */
static int has_hung_up(int fd, int timeout_ms)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	int ready;

	do
		ready = poll(&end, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	return ready < 0 ? -errno : ready;
}

/* ------------------------------------------------------------------------------------------- */

int na_fd_store_open(struct na_fd_store **ret_store)
{
	size_t count = count_handed();
	struct na_fd_store *store = calloc(1, sizeof(*store) + count * sizeof(struct handed));
	int error = -ENOMEM;

	if (store) {
		store->socket = -1;
		error = take_handed(store, count);
	}
	if (!error) {
		store->socket = connect_to(getenv("NOTIFY_SOCKET"));
		error = store->socket < 0 ? -ENOENT : 0;
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!error) {
		*ret_store = store;
		return 0;
	}
	na_fd_store_close(&store);
	close_handed(count); /* what it did not come to */
	return error;
}

void na_fd_store_close(struct na_fd_store **pointer)
{
	struct na_fd_store *store = NA_TAKE_POINTER(*pointer);

	if (!store)
		return;
	for (size_t i = 0; i < store->count; i++)
		let_go(&store->handed[i]);
	na_cleanup_fd(&store->socket);
	free(store);
}

int na_fd_store_get(const struct na_fd_store *store, const char *name)
{
	for (size_t i = 0; i < store->count; i++)
		if (!strcmp(store->handed[i].name, name))
			return store->handed[i].fd;
	return -ENOENT;
}

size_t na_fd_store_drop(struct na_fd_store *store, const char *but_prefix)
{
	size_t kept = 0, dropped;

	for (size_t i = 0; i < store->count; i++) {
		struct handed *handed = &store->handed[i];

		if (but_prefix && !strncmp(handed->name, but_prefix, strlen(but_prefix))) {
			store->handed[kept++] = *handed;
			continue;
		}
		/* The last copy is then the manager's, which does not wait for its end. */
		close(NA_TAKE_FD(handed->fd));
		na_fd_store_remove(store, handed->name);
		free(handed->name);
	}
	dropped = store->count - kept;
	store->count = kept;
	return dropped;
}

/* FDPOLL=0: without it the manager forgets what hangs up, as a perf event does while nobody maps
 * it. */
int na_fd_store_put(const struct na_fd_store *store, const char *name, int fd)
{
	return send_named(store, "FDSTORE=1\nFDPOLL=0", name, fd);
}

int na_fd_store_remove(const struct na_fd_store *store, const char *name)
{
	return send_named(store, "FDSTOREREMOVE=1", name, -1);
}

/*
 * The manager answers nothing. But it closes what it does not keep, and what comes with a barrier
 * when it has read that.
 */
int na_fd_store_settle(const struct na_fd_store *store)
{
	NA_CLOSE int probe = send_end(store, PROBE);
	NA_CLOSE int barrier = probe < 0 ? probe : send_end(store, NULL);
	int done, refused;

	if (barrier < 0)
		return barrier;
	done = has_hung_up(barrier, TIMEOUT_SECONDS * 1000);
	refused = has_hung_up(probe, 0);
	na_fd_store_remove(store, PROBE); /* else the next start finds and drops it */
	if (done <= 0)
		return done < 0 ? done : -ETIMEDOUT;
	return refused > 0 ? -ENOSPC : refused;
}
