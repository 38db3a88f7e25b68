/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on sockets that expect their event as they go. */
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "stimulus.h"

#define PORT_FIRST 20000
#define PORT_COUNT 12000
#define CHUNK 65536
/* What may pass between the end of a call here and the end of the connection in the kernel. */
#define SLACK_NS 2000000000LL

union address address_of(const char *text, unsigned int port)
{
	union address address = {0};

	if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons((uint16_t)port);
	} else {
		case_die("not an address: %s", text);
	}
	return address;
}

socklen_t address_length(const union address *address)
{
	const char *path = address->path.sun_path;

	if (address->any.sa_family ==
	    AF_UNIX) /* a path with its NUL, or an abstract name without one */
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				   strlen(path[0] ? path : path + 1));
	if (address->any.sa_family == AF_NETLINK)
		return 12;
	return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

static bool address_is_inet(const union address *address)
{
	return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
}

static bool port_in_table(const char *table, unsigned int port)
{
	char path[64], line[512];
	unsigned int used;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/net/%s", table);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		if (sscanf(line, " %*d: %*[0-9A-F]:%x", &used) == 1 && used == port)
			found = true;
	fclose(file);
	return found;
}

unsigned int port_choose(void)
{
	static unsigned int next;

	if (!next)
		next = (unsigned int)getpid() * 7;
	for (unsigned int tries = 0; tries < PORT_COUNT; tries++) {
		unsigned int port = PORT_FIRST + next++ % PORT_COUNT;

		if (port_in_table("tcp", port) || port_in_table("tcp6", port) ||
		    port_in_table("udp", port) || port_in_table("udp6", port))
			continue;
		own_port(port);
		return port;
	}
	case_die("no free port");
}

void endpoint_open(struct endpoint *endpoint, int family, int type, int protocol)
{
	json_t *event;

	*endpoint = (struct endpoint){.fd = -1, .any_thread = endpoint->any_thread};
	endpoint_learn(endpoint, MUST(socket(family, type | SOCK_CLOEXEC, protocol)));
	endpoint->creator = endpoint->owner = actor_here();
	event = expect("socket_created", &endpoint->creator);
	expect_socket(event, endpoint);
	expect_absent(event, "netaudit.connection.id");
	expect_text(event, "event.outcome", "success");
	expect_print(event);
}

static void endpoint_learn_local(struct endpoint *endpoint, union address *address,
				 socklen_t *length)
{
	*length = sizeof(*address);
	memset(address, 0, sizeof(*address));
	MUST(getsockname(endpoint->fd, &address->any, length));
}

void endpoint_bind(struct endpoint *endpoint, const union address *address)
{
	json_t *event;
	int yes = 1;

	MUST(setsockopt(endpoint->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	MUST(bind(endpoint->fd, &address->any, address_length(address)));
	endpoint->owner = actor_here();
	endpoint_learn_local(endpoint, &endpoint->destination, &endpoint->destination_length);
	if (address_is_inet(address))
		own_port(address_port(&endpoint->destination));
	event = expect("bound", &endpoint->owner);
	expect_socket(event, endpoint);
	if (endpoint->family != AF_NETLINK)
		expect_destination(event, &endpoint->destination, endpoint->destination_length);
	expect_creator(event, &endpoint->creator, &endpoint->owner);
	expect_absent(event, "netaudit.connection.id");
	expect_text(event, "event.outcome", "success");
	expect_print(event);
}

void endpoint_listen(struct endpoint *endpoint, int backlog)
{
	json_t *event;

	MUST(listen(endpoint->fd, backlog));
	endpoint->owner = actor_here();
	endpoint_learn_local(endpoint, &endpoint->destination, &endpoint->destination_length);
	event = expect("listening", &endpoint->owner);
	expect_socket(event, endpoint);
	expect_destination(event, &endpoint->destination, endpoint->destination_length);
	expect_creator(event, &endpoint->creator, &endpoint->owner);
	expect_absent(event, "netaudit.connection.id");
	expect_text(event, "event.outcome", "success");
	expect_print(event);
}

void endpoint_serve(struct endpoint *endpoint, const char *text, int protocol)
{
	union address address = address_of(text, port_choose());

	endpoint_open(endpoint, address.any.sa_family, SOCK_STREAM, protocol);
	endpoint_bind(endpoint, &address);
	endpoint_listen(endpoint, 16);
}

void endpoint_attempt(struct endpoint *endpoint, const union address *address)
{
	static unsigned int count;

	endpoint->destination = *address;
	endpoint->destination_length = address_length(address);
	endpoint->active = true;
	endpoint->closing_ns = 0;
	endpoint->owner = actor_here();
	snprintf(endpoint->label, sizeof(endpoint->label), "active %d.%u", (int)getpid(), count++);
	endpoint->before_ns = now_ns();
}

static void expect_attempt(const struct endpoint *endpoint)
{
	json_t *event = expect("connect_attempted", &endpoint->owner);

	expect_socket(event, endpoint);
	expect_tuple(event, endpoint);
	/* The local end may be chosen only after the call; said wrongly it must not be. */
	expect_loosely(event, "source.ip");
	expect_loosely(event, "source.address");
	expect_loosely(event, "source.port");
	expect_creator(event, &endpoint->creator, &endpoint->owner);
	expect_text(event, "event.outcome", "unknown");
	expect_absent(event, "error.code");
	expect_print(event);
}

static void expect_outcome(const struct endpoint *endpoint, int error)
{
	json_t *event = expect(error ? "connect_failed" : "established", &endpoint->owner);

	expect_socket(event, endpoint);
	expect_tuple(event, endpoint);
	expect_creator(event, &endpoint->creator, &endpoint->owner);
	if (error) {
		expect_error(event, error);
	} else {
		expect_text(event, "event.outcome", "success");
		expect_absent(event, "error.code");
	}
	expect_print(event);
}

void endpoint_attempted(struct endpoint *endpoint, int error)
{
	endpoint->ready_ns = now_ns();
	if (!error) {
		endpoint_learn_local(endpoint, &endpoint->source, &endpoint->source_length);
		endpoint->source_known = true;
	}
	expect_attempt(endpoint);
	expect_outcome(endpoint, error);
}

int endpoint_connect(struct endpoint *endpoint, const union address *address)
{
	int error;

	endpoint_attempt(endpoint, address);
	error = connect(endpoint->fd, &address->any, address_length(address)) < 0 ? errno : 0;
	if (error != EINPROGRESS)
		endpoint_attempted(endpoint, error);
	return error;
}

int endpoint_connect_finish(struct endpoint *endpoint)
{
	struct pollfd ready = {.fd = endpoint->fd, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int error = 0;

	MUST(poll(&ready, 1, -1));
	MUST(getsockopt(endpoint->fd, SOL_SOCKET, SO_ERROR, &error, &length));
	endpoint_attempted(endpoint, error);
	return error;
}

static void endpoint_learn_peer(struct endpoint *endpoint)
{
	endpoint_learn_local(endpoint, &endpoint->destination, &endpoint->destination_length);
	endpoint->source_length = sizeof(endpoint->source);
	memset(&endpoint->source, 0, sizeof(endpoint->source));
	MUST(getpeername(endpoint->fd, &endpoint->source.any, &endpoint->source_length));
	endpoint->source_known = true;
}

void endpoint_accepted(struct endpoint *endpoint, int fd, const struct actor *who)
{
	static unsigned int count;
	json_t *event;

	endpoint_learn(endpoint, fd);
	endpoint_learn_peer(endpoint);
	endpoint->owner = *who;
	endpoint->active = false;
	endpoint->ready_ns = now_ns();
	snprintf(endpoint->label, sizeof(endpoint->label), "passive %d.%u", (int)getpid(), count++);
	event = expect("accepted", who);
	expect_socket(event, endpoint);
	expect_tuple(event, endpoint);
	expect_text(event, "event.outcome", "success");
	expect_print(event);
}

void endpoint_accept(const struct endpoint *listener, struct endpoint *endpoint)
{
	struct actor who = actor_here();

	*endpoint = (struct endpoint){.any_thread = endpoint->any_thread,
				      .before_ns = endpoint->before_ns};
	endpoint_accepted(endpoint, MUST(accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC)), &who);
}

void endpoint_send(struct endpoint *endpoint, uint64_t bytes)
{
	static const char data[CHUNK];

	while (bytes) {
		ssize_t sent =
			MUST(send(endpoint->fd, data, bytes < CHUNK ? bytes : CHUNK, MSG_NOSIGNAL));

		endpoint->sent += (uint64_t)sent;
		bytes -= (uint64_t)sent;
	}
}

void endpoint_receive(struct endpoint *endpoint, uint64_t bytes)
{
	char data[CHUNK];

	while (bytes) {
		ssize_t received = MUST(recv(endpoint->fd, data, bytes < CHUNK ? bytes : CHUNK, 0));

		if (!received)
			case_die("end of stream, %llu bytes short", (unsigned long long)bytes);
		endpoint->received += (uint64_t)received;
		bytes -= (uint64_t)received;
	}
}

void endpoint_receive_all(struct endpoint *endpoint)
{
	char data[CHUNK];
	ssize_t received;

	while ((received = MUST(recv(endpoint->fd, data, CHUNK, 0))) > 0)
		endpoint->received += (uint64_t)received;
}

void endpoint_await_queued(struct endpoint *endpoint, int bytes)
{
	int queued = 0;
	struct pollfd ready = {.fd = endpoint->fd, .events = POLLIN};

	while (queued < bytes) {
		MUST(poll(&ready, 1, 1000));
		MUST(ioctl(endpoint->fd, SIOCINQ, &queued));
	}
	endpoint->received += (uint64_t)queued;
}

void endpoint_may_end(struct endpoint *endpoint)
{
	if (!endpoint->closing_ns)
		endpoint->closing_ns = now_ns();
}

int endpoint_await_error(struct endpoint *endpoint)
{
	struct pollfd ready = {.fd = endpoint->fd};
	socklen_t length = sizeof(int);
	int error = 0;

	MUST(poll(&ready, 1, -1));
	MUST(getsockopt(endpoint->fd, SOL_SOCKET, SO_ERROR, &error, &length));
	return error;
}

void endpoint_close(struct endpoint *endpoint)
{
	endpoint_may_end(endpoint);
	MUST(close(endpoint->fd));
	endpoint->fd = -1;
}

void endpoint_abort(struct endpoint *endpoint)
{
	struct linger linger = {.l_onoff = 1};

	MUST(setsockopt(endpoint->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	endpoint_close(endpoint);
}

static void expect_closer(json_t *event, const struct endpoint *endpoint, struct ending ending)
{
	const struct actor *closer = ending.closer ? ending.closer : &endpoint->owner;

	if (closer->pid == endpoint->owner.pid && !ending.by_exec)
		expect_absent(event, "netaudit.closer.pid");
	else
		expect_number(event, "netaudit.closer.pid", closer->pid);
}

static void expect_duration(json_t *event, const struct endpoint *endpoint)
{
	int64_t held = endpoint->closing_ns > endpoint->ready_ns
			       ? (int64_t)(endpoint->closing_ns - endpoint->ready_ns)
			       : 0;
	int64_t most = endpoint->before_ns ? (int64_t)(now_ns() - endpoint->before_ns) : held;

	expect_range(event, "event.duration", held, most + SLACK_NS);
}

void expect_closed(const struct endpoint *endpoint, struct ending ending)
{
	json_t *event = expect("closed", &endpoint->owner);

	json_object_del(event, "process.thread.id");
	expect_socket(event, endpoint);
	expect_tuple(event, endpoint);
	expect_creator(event, &endpoint->creator, &endpoint->owner);
	expect_closer(event, endpoint, ending);
	expect_text(event, "event.outcome", "success");
	expect_text(event, "event.reason", ending.reason);
	if (ending.by)
		expect_text(event, "netaudit.closed_by", ending.by);
	expect_number(event, "source.bytes",
		      (int64_t)(endpoint->active ? endpoint->sent : endpoint->received));
	expect_number(event, "destination.bytes",
		      (int64_t)(endpoint->active ? endpoint->received : endpoint->sent));
	expect_duration(event, endpoint);
	expect_print(event);
}

void expect_gone(const struct endpoint *endpoint)
{
	json_t *event = expect("closed", &endpoint->owner);

	json_object_del(event, "process.thread.id");
	expect_socket(event, endpoint);
	if (endpoint->family != AF_NETLINK)
		expect_destination(event, &endpoint->destination, endpoint->destination_length);
	expect_creator(event, &endpoint->creator, &endpoint->owner);
	expect_print(event);
}

void endpoint_finish(struct endpoint *endpoint)
{
	endpoint_close(endpoint);
	expect_gone(endpoint);
}
