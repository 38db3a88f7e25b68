/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of the other families: unix and netlink. Who closed first is left open there (closed_by).
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint.h"
#include "process.h"
#include "stimulus.h"

#define ORDERLY ((struct ending){.reason = "orderly"})

static union address unix_path(const char *name)
{
	union address address = {.path.sun_family = AF_UNIX};

	snprintf(address.path.sun_path, sizeof(address.path.sun_path), "/tmp/netaudit-e2e-%d.%s",
		 (int)getpid(), name);
	return address;
}

static union address unix_abstract(void)
{
	union address address = {.path.sun_family = AF_UNIX};

	snprintf(address.path.sun_path + 1, sizeof(address.path.sun_path) - 1, "netaudit-e2e-%d",
		 (int)getpid());
	return address;
}

static void unix_talk(const union address *address)
{
	struct endpoint listener = {0}, client = {0}, server = {0};

	endpoint_open(&listener, AF_UNIX, SOCK_STREAM, 0);
	endpoint_bind(&listener, address);
	endpoint_listen(&listener, 4);
	endpoint_open(&client, AF_UNIX, SOCK_STREAM, 0);
	if (endpoint_connect(&client, address))
		case_die("connect");
	endpoint_accept(&listener, &server);
	server.before_ns = client.before_ns;
	endpoint_send(&client, 70);
	endpoint_receive(&server, 70);
	endpoint_send(&server, 80);
	endpoint_receive(&client, 80);
	endpoint_close(&client);
	endpoint_receive_all(&server);
	endpoint_close(&server);
	endpoint_finish(&listener);
	expect_closed(&client, ORDERLY);
	expect_closed(&server, ORDERLY);
}

void case_unix_stream(void)
{
	union address address = unix_path("stream");

	unix_talk(&address);
	unlink(address.path.sun_path);
}

void case_unix_abstract(void)
{
	union address address = unix_abstract();

	unix_talk(&address);
}

static void leave_socket_file(void *argument)
{
	union address *address = argument;
	int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));

	MUST(bind(fd, &address->any, address_length(address)));
}

/* The file is there, nobody listens. */
void case_unix_refused(void)
{
	union address address = unix_path("refused");
	struct endpoint client = {0};

	process_unseen(leave_socket_file, &address);
	endpoint_open(&client, AF_UNIX, SOCK_STREAM, 0);
	if (endpoint_connect(&client, &address) != ECONNREFUSED)
		case_die("connect was not refused");
	endpoint_close(&client);
	unlink(address.path.sun_path);
}

/* Permissions of files are no policy: an attempt that fails like others. */
void case_unix_forbidden(void)
{
	union address address = unix_path("forbidden");
	struct endpoint client = {0};

	process_unseen(leave_socket_file, &address);
	MUST(chmod(address.path.sun_path, 0));
	endpoint_open(&client, AF_UNIX, SOCK_STREAM, 0);
	if (endpoint_connect(&client, &address) != EACCES)
		case_die("connect was not forbidden");
	endpoint_close(&client);
	unlink(address.path.sun_path);
}

/* Flows are between addresses; whether unix datagrams have them, surface.md leaves open. */
static void expect_unix_flow(const struct endpoint *endpoint)
{
	json_t *event = expect("flow", &endpoint->owner);

	json_object_del(event, "process.thread.id");
	expect_socket(event, endpoint);
	expect_number(event, "source.bytes", 210);
	expect_maybe(event);
}

void case_unix_dgram(void)
{
	union address address = unix_path("dgram");
	struct endpoint server = {0}, client = {0};
	char data[128] = "";

	endpoint_open(&server, AF_UNIX, SOCK_DGRAM, 0);
	endpoint_bind(&server, &address);
	endpoint_open(&client, AF_UNIX, SOCK_DGRAM, 0);
	for (int i = 0; i < 3; i++) {
		MUST(sendto(client.fd, data, 70, 0, &address.any, address_length(&address)));
		MUST(recv(server.fd, data, sizeof(data), 0));
	}
	endpoint_close(&client);
	expect_unix_flow(&client);
	endpoint_finish(&server);
	expect_unix_flow(&server);
	unlink(address.path.sun_path);
}

void case_unix_socketpair(void)
{
	struct endpoint ends[2] = {0};
	int fds[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	for (int i = 0; i < 2; i++) {
		json_t *event;

		endpoint_learn(&ends[i], fds[i]);
		ends[i].creator = ends[i].owner = actor_here();
		event = expect("socket_created", &ends[i].creator);
		expect_socket(event, &ends[i]);
		expect_text(event, "event.outcome", "success");
		expect_print(event);
	}
	for (int i = 0; i < 2; i++) {
		json_t *event = expect("closed", &ends[i].owner);

		/* Connected from birth, but no connection event began it: surface.md leaves the end
		 * open. */
		endpoint_close(&ends[i]);
		json_object_del(event, "process.thread.id");
		expect_socket(event, &ends[i]);
		expect_maybe(event);
	}
}

void case_netlink(void)
{
	struct endpoint endpoint = {0};
	union address address = {0};

	address.any.sa_family = AF_NETLINK; /* all else zero: the kernel chooses the port id */
	endpoint_open(&endpoint, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	endpoint_bind(&endpoint, &address);
	endpoint_finish(&endpoint);
}
