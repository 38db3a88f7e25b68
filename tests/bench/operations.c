/* SPDX-License-Identifier: Apache-2.0 */
/* The loads: a whole connection, a system call that is not networking, a file opened and closed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "load.h"

#define BACKLOG 16
#define TRIES_MAX 10000000

/* Both ends of the connections of one thread. */
struct ends {
	struct sockaddr_in address;
	int listener;
};

static int listen_on_loopback(struct ends *ends)
{
	socklen_t length = sizeof(ends->address);

	ends->address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	ends->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ends->listener < 0 ||
	    bind(ends->listener, (struct sockaddr *)&ends->address, length) < 0 ||
	    listen(ends->listener, BACKLOG) < 0 ||
	    getsockname(ends->listener, (struct sockaddr *)&ends->address, &length) < 0)
		return -errno;
	return 0;
}

static void end_connect(void *state)
{
	struct ends *ends = state;

	if (ends->listener >= 0)
		close(ends->listener);
	free(ends);
}

static int begin_connect(void **ret_state)
{
	struct ends *ends = malloc(sizeof(*ends));
	int error;

	if (!ends)
		return -ENOMEM;
	error = listen_on_loopback(ends);
	if (error < 0)
		end_connect(ends);
	else
		*ret_state = ends;
	return error;
}

/*
 * Asks again until it is there: to sleep for it would measure the scheduler. Something is wrong
 * when it takes seconds: then the last EAGAIN stands.
 */
#define ASK_AGAIN(call)                                                                            \
	({                                                                                         \
		ssize_t result_;                                                                   \
		long tries_ = 0;                                                                   \
		do                                                                                 \
			result_ = (call);                                                          \
		while (result_ < 0 && errno == EAGAIN && ++tries_ < TRIES_MAX);                    \
		result_;                                                                           \
	})

static int pass_byte(int from, int to)
{
	char byte = 'x';

	ssize_t got;

	if (ASK_AGAIN(send(from, &byte, 1, MSG_NOSIGNAL)) < 0)
		return -errno;
	got = ASK_AGAIN(recv(to, &byte, 1, 0));
	if (got < 0)
		return -errno;
	return got == 1 ? 0 : -EPIPE;
}

/* Connect, accept, one byte each way, close: the client first, which keeps TIME_WAIT. */
static int step_connect(void *state)
{
	struct ends *ends = state;
	NA_CLOSE int server = -1; /* closed last: cleanups run in reverse order */
	NA_CLOSE int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (client < 0)
		return -errno;
	if (connect(client, (struct sockaddr *)&ends->address, sizeof(ends->address)) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	server = (int)ASK_AGAIN(accept4(ends->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	if (server < 0)
		return -errno;
	error = pass_byte(client, server);
	return error < 0 ? error : pass_byte(server, client);
}

static int begin_nothing(void **ret_state)
{
	*ret_state = NULL;
	return 0;
}

static void end_nothing(void *state)
{
	(void)state;
}

/* Not by the library's function: the system call is what is measured. */
static int step_getppid(void *state)
{
	(void)state;
	return syscall(SYS_getppid) < 0 ? -errno : 0;
}

static int step_open(void *state)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	(void)state;
	return fd < 0 || close(fd) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------- */

static const struct bench_operation connect_operation = {
	.name = "connect",
	.doc = "a loopback connection, both ends: connect, accept, one byte each way, close",
	.threads = 2,
	.begin = begin_connect,
	.step = step_connect,
	.end = end_connect,
};

static const struct bench_operation getppid_operation = {
	.name = "getppid",
	.doc = "a system call that is not networking",
	.threads = 1,
	.begin = begin_nothing,
	.step = step_getppid,
	.end = end_nothing,
};

static const struct bench_operation open_operation = {
	.name = "open",
	.doc = "a file opened and closed",
	.threads = 1,
	.begin = begin_nothing,
	.step = step_open,
	.end = end_nothing,
};

const struct bench_operation *const bench_operations[] = {
	&connect_operation,
	&getppid_operation,
	&open_operation,
	NULL,
};
