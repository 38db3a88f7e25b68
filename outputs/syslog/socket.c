/* SPDX-License-Identifier: Apache-2.0 */
/* connect(2), to one address of a name after the other. */
#include "syslog/socket.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void addresses_done(struct addrinfo **addresses)
{
	if (*addresses)
		freeaddrinfo(*addresses);
}

static int outcome_of_connect(int fd, uint64_t deadline_ns)
{
	socklen_t size = sizeof(int);
	int error = na_syslog_socket_await(fd, POLLOUT, deadline_ns), result = 0;

	if (error < 0)
		return error;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) < 0)
		return -errno;
	return -result;
}

static int connect_one(int family, int type, const struct sockaddr *to, socklen_t length,
		       uint64_t deadline_ns, int *ret_fd)
{
	NA_CLOSE int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, to, length) < 0)
		error = errno == EINPROGRESS ? outcome_of_connect(fd, deadline_ns) : -errno;
	if (!error)
		*ret_fd = NA_TAKE_FD(fd);
	return error;
}

static int connect_unix(const struct na_syslog_address *address, uint64_t deadline_ns, int *ret_fd,
			int *ret_type)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct sockaddr *name = (const struct sockaddr *)&to;
	int error, type = SOCK_DGRAM;

	memcpy(to.sun_path, address->path, strlen(address->path));
	error = connect_one(AF_UNIX, type, name, sizeof(to), deadline_ns, ret_fd);
	if (error == -EPROTOTYPE && address->scheme == NA_SYSLOG_UNIX) {
		type = SOCK_STREAM;
		error = connect_one(AF_UNIX, type, name, sizeof(to), deadline_ns, ret_fd);
	}
	if (!error)
		*ret_type = type;
	return error;
}

static int look_up(const struct na_syslog_address *address, int type,
		   struct addrinfo **ret_addresses, struct na_buffer *why)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = type,
				 .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
	int error = getaddrinfo(address->host, address->port, &hints, ret_addresses);

	if (!error)
		return 0;
	na_buffer_printf(why, "%s is not found: %s", address->host,
			 error == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(error));
	return -EHOSTUNREACH;
}

/* A silent address leaves time for those behind it. */
static uint64_t share_of(const struct addrinfo *addresses, uint64_t deadline_ns)
{
	uint64_t now_ns = na_clock_boot_ns(), count = 0;

	for (; addresses; addresses = addresses->ai_next)
		count++;
	return deadline_ns > now_ns ? now_ns + (deadline_ns - now_ns) / count : now_ns;
}

static int connect_inet(const struct na_syslog_address *address, int type, uint64_t deadline_ns,
			int *ret_fd, struct na_buffer *why)
{
	NA_CLEANUP(addresses_done) struct addrinfo *addresses = NULL;
	int error = look_up(address, type, &addresses, why);

	if (error < 0)
		return error;
	for (struct addrinfo *at = addresses; at; at = at->ai_next) {
		error = connect_one(at->ai_family, type, at->ai_addr, at->ai_addrlen,
				    share_of(at, deadline_ns), ret_fd);
		if (!error)
			return 0;
	}
	na_buffer_printf(why, "%s port %s: %s", address->host, address->port,
			 strerrordesc_np(-error));
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_socket_await(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd ready = {.fd = fd, .events = events};
	int count;

	do {
		uint64_t now_ns = na_clock_boot_ns();
		uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
		struct timespec timeout = {.tv_sec = (time_t)(left_ns / NA_NS_PER_SEC),
					   .tv_nsec = (long)(left_ns % NA_NS_PER_SEC)};

		count = ppoll(&ready, 1, &timeout, NULL);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	return count ? 0 : -ETIMEDOUT;
}

int na_syslog_socket_connect(const struct na_syslog_address *address, uint64_t deadline_ns,
			     int *ret_fd, int *ret_type, struct na_buffer *why)
{
	int type = address->scheme == NA_SYSLOG_UDP ? SOCK_DGRAM : SOCK_STREAM, error;

	if (!na_syslog_address_is_local(address)) {
		error = connect_inet(address, type, deadline_ns, ret_fd, why);
		if (!error)
			*ret_type = type;
		return error;
	}
	error = connect_unix(address, deadline_ns, ret_fd, ret_type);
	if (error < 0)
		na_buffer_printf(why, "%s: %s", address->path, strerrordesc_np(-error));
	return error;
}
