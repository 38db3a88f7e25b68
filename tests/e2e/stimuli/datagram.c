/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of UDP: a flow per (socket, peer, process), at its end. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <liburing.h>

#include "endpoint.h"
#include "process.h"
#include "stimulus.h"

struct traffic {
	int64_t sent_packets, sent_bytes, received_packets, received_bytes;
};

static void expect_counters(json_t *event, const char *side, int64_t packets, int64_t bytes)
{
	char path[64];

	snprintf(path, sizeof(path), "%s.packets", side);
	expect_number(event, path, packets);
	snprintf(path, sizeof(path), "%s.bytes", side);
	expect_number(event, path, bytes);
}

/* `endpoint` as seen by `who`; active: it sent first. */
static void expect_flow(const struct endpoint *endpoint, const struct actor *who,
			struct traffic traffic)
{
	json_t *event = expect("flow", who);

	json_object_del(event, "process.thread.id");
	expect_socket(event, endpoint);
	expect_tuple(event, endpoint);
	expect_creator(event, &endpoint->creator, who);
	expect_counters(event, endpoint->active ? "source" : "destination", traffic.sent_packets,
			traffic.sent_bytes);
	expect_counters(event, endpoint->active ? "destination" : "source",
			traffic.received_packets, traffic.received_bytes);
	json_object_set_new(event, "event.type", json_pack("[s,s]", "connection", "end"));
	expect_print(event);
}

static void udp_send(struct endpoint *endpoint, const union address *to, size_t bytes)
{
	static const char data[4096];

	MUST(sendto(endpoint->fd, data, bytes, 0, to ? &to->any : NULL,
		    to ? address_length(to) : 0));
}

static void udp_receive(struct endpoint *endpoint, union address *from)
{
	char data[4096];
	socklen_t length = sizeof(*from);

	MUST(recvfrom(endpoint->fd, data, sizeof(data), 0, from ? &from->any : NULL,
		      from ? &length : NULL));
}

static void udp_serve(struct endpoint *server, const char *at)
{
	union address address = address_of(at, port_choose());

	endpoint_open(server, address.any.sa_family, SOCK_DGRAM, 0);
	endpoint_bind(server, &address);
}

/* A datagram connect has its outcome at once, and no handshake. */
static void udp_connect(struct endpoint *client, const union address *to)
{
	json_t *event;

	endpoint_attempt(client, to);
	MUST(connect(client->fd, &to->any, address_length(to)));
	client->source_length = sizeof(client->source);
	MUST(getsockname(client->fd, &client->source.any, &client->source_length));
	client->source_known = true;
	event = expect("connect_attempted", &client->owner);
	expect_socket(event, client);
	expect_tuple(event, client);
	expect_loosely(event, "source.ip");
	expect_loosely(event, "source.address");
	expect_loosely(event, "source.port");
	expect_text(event, "event.outcome", "success");
	expect_print(event);
}

/* The passive end of what the client did: the same addresses, seen from the server's socket. */
static struct endpoint passive_end(const struct endpoint *server, const union address *client)
{
	struct endpoint end = *server;

	end.source = *client;
	end.source_known = true;
	return end;
}

/* An unconnected sender has a port, but its address is chosen for each datagram. */
static void learn_unconnected(struct endpoint *client, const union address *to,
			      const union address *seen)
{
	client->active = true;
	client->destination = *to;
	client->source = *seen;
	client->source_known = true;
}

/* The flow of a socket that is not connected: no id of a connection, and the local address is
 * optional. */
static void expect_unconnected(const struct endpoint *endpoint, const struct actor *who,
			       struct traffic traffic)
{
	json_t *event = expect("flow", who);

	json_object_del(event, "process.thread.id");
	expect_socket(event, endpoint);
	expect_tuple(event, endpoint);
	expect_loosely(event, "source.ip");
	expect_loosely(event, "source.address");
	expect_creator(event, &endpoint->creator, who);
	expect_counters(event, "source", traffic.sent_packets, traffic.sent_bytes);
	expect_counters(event, "destination", traffic.received_packets, traffic.received_bytes);
	json_object_set_new(event, "event.type", json_pack("[s,s]", "connection", "end"));
	expect_print(event);
}

/* The client's messages by socket calls, or as those of any file. */
static void connected(bool as_file)
{
	char data[100];
	struct endpoint server = {0}, client = {0}, end;
	union address from;

	udp_serve(&server, "127.0.0.1");
	endpoint_open(&client, AF_INET, SOCK_DGRAM, 0);
	udp_connect(&client, &server.destination);
	for (int i = 0; i < 3; i++) {
		if (as_file)
			MUST(write(client.fd, memset(data, 0, sizeof(data)), sizeof(data)));
		else
			udp_send(&client, NULL, sizeof(data));
		udp_receive(&server, &from);
	}
	udp_send(&server, &from, 40);
	if (as_file)
		MUST(read(client.fd, data, sizeof(data)));
	else
		udp_receive(&client, NULL);
	endpoint_close(&client);
	expect_flow(&client, &client.owner, (struct traffic){3, 300, 1, 40});
	endpoint_finish(&server);
	end = passive_end(&server, &from);
	expect_flow(&end, &server.owner, (struct traffic){1, 40, 3, 300});
}

void case_udp_connected(void)
{
	connected(false);
}

void case_udp_written(void)
{
	connected(true);
}

static void send_by_ring(struct io_uring *ring, const struct endpoint *client, size_t bytes)
{
	static const char data[100];
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;

	if (!sqe)
		case_die("submission queue is full");
	io_uring_prep_send(sqe, client->fd, data, bytes, 0);
	if (io_uring_submit(ring) < 0 || io_uring_wait_cqe(ring, &cqe) < 0 ||
	    cqe->res != (int)bytes)
		case_die("io_uring");
	io_uring_cqe_seen(ring, cqe);
}

void case_udp_uring(void)
{
	struct endpoint server = {0}, client = {0}, end;
	struct io_uring ring;
	union address from;

	if (io_uring_queue_init(4, &ring, 0) < 0)
		case_skip("this kernel has no io_uring, or it is switched off");
	udp_serve(&server, "127.0.0.1");
	endpoint_open(&client, AF_INET, SOCK_DGRAM, 0);
	udp_connect(&client, &server.destination);
	for (int i = 0; i < 3; i++) {
		send_by_ring(&ring, &client, 100);
		udp_receive(&server, &from);
	}
	endpoint_close(&client);
	expect_flow(&client, &client.owner, (struct traffic){3, 300, 0, 0});
	endpoint_finish(&server);
	end = passive_end(&server, &from);
	expect_flow(&end, &server.owner, (struct traffic){0, 0, 3, 300});
	io_uring_queue_exit(&ring);
}

static void unconnected(const char *at)
{
	struct endpoint server = {0}, client = {0}, end;
	union address from, back;

	udp_serve(&server, at);
	endpoint_open(&client, server.family, SOCK_DGRAM, 0);
	for (int i = 0; i < 3; i++) {
		udp_send(&client, &server.destination, 200);
		udp_receive(&server, &from);
		udp_send(&server, &from, 20);
		udp_receive(&client, &back);
	}
	udp_send(&client, &server.destination, 0); /* an empty datagram is one, too */
	udp_receive(&server, &from);
	learn_unconnected(&client, &server.destination, &from);
	endpoint_close(&client);
	expect_unconnected(&client, &client.creator, (struct traffic){4, 600, 3, 60});
	endpoint_finish(&server);
	end = passive_end(&server, &from);
	expect_flow(&end, &server.owner, (struct traffic){3, 60, 4, 600});
}

void case_udp_unconnected(void)
{
	unconnected("127.0.0.1");
}

void case_udp_ipv6(void)
{
	if (access("/proc/net/if_inet6", R_OK))
		case_skip("this kernel has no IPv6");
	unconnected("::1");
}

#define MANY 4

/* Several messages by one call: the kernel asks its hooks for the first one only. */
void case_udp_many(void)
{
	struct endpoint server = {0}, client = {0}, end;
	struct mmsghdr messages[MANY] = {0};
	union address froms[MANY];
	char data[100] = {0};
	struct iovec part = {data, sizeof(data)};

	udp_serve(&server, "127.0.0.1");
	endpoint_open(&client, AF_INET, SOCK_DGRAM, 0);
	for (int i = 0; i < MANY; i++)
		messages[i].msg_hdr = (struct msghdr){&server.destination,
						      address_length(&server.destination),
						      &part,
						      1,
						      NULL,
						      0,
						      0};
	MUST(sendmmsg(client.fd, messages, MANY, 0));
	for (int i = 0; i < MANY; i++)
		messages[i].msg_hdr.msg_name = &froms[i];
	MUST(recvmmsg(server.fd, messages, MANY, MSG_WAITFORONE, NULL));
	learn_unconnected(&client, &server.destination, &froms[0]);
	endpoint_close(&client);
	expect_unconnected(&client, &client.creator,
			   (struct traffic){MANY, MANY * sizeof(data), 0, 0});
	endpoint_finish(&server);
	end = passive_end(&server, &froms[0]);
	expect_flow(&end, &server.owner, (struct traffic){0, 0, MANY, MANY * sizeof(data)});
}

struct shared {
	struct endpoint server, client;
	struct actor child;
};

static void send_five(void *argument)
{
	struct shared *shared = argument;

	close(shared->server.fd);
	shared->child = actor_here();
	for (int i = 0; i < 5; i++)
		udp_send(&shared->client, &shared->server.destination, 50);
}

/* One socket, two processes: a flow for each. */
void case_udp_shared_two_senders(void)
{
	struct shared *shared = shared_new(sizeof(*shared));
	struct endpoint end;
	union address from;

	udp_serve(&shared->server, "127.0.0.1");
	endpoint_open(&shared->client, AF_INET, SOCK_DGRAM, 0);
	for (int i = 0; i < 3; i++)
		udp_send(&shared->client, &shared->server.destination, 100);
	process_wait(process_start(send_five, shared));
	for (int i = 0; i < 8; i++)
		udp_receive(&shared->server, &from);
	learn_unconnected(&shared->client, &shared->server.destination, &from);
	endpoint_close(&shared->client);
	expect_unconnected(&shared->client, &shared->client.creator,
			   (struct traffic){3, 300, 0, 0});
	expect_unconnected(&shared->client, &shared->child, (struct traffic){5, 250, 0, 0});
	endpoint_finish(&shared->server);
	end = passive_end(&shared->server, &from);
	expect_flow(&end, &shared->server.owner, (struct traffic){0, 0, 8, 550});
}

void case_udp_refused(void)
{
	struct endpoint client = {0};
	union address nobody = address_of("127.0.0.1", port_choose());
	char byte;

	endpoint_open(&client, AF_INET, SOCK_DGRAM, 0);
	udp_connect(&client, &nobody);
	udp_send(&client, NULL, 10);
	if (recv(client.fd, &byte, 1, 0) >= 0 || errno != ECONNREFUSED)
		case_die("nobody refused");
	endpoint_close(&client);
	expect_flow(&client, &client.owner, (struct traffic){1, 10, 0, 0});
}
