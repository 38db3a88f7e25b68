/* SPDX-License-Identifier: Apache-2.0 */
/* The common conversation. */
#include "talk.h"

#include <unistd.h>

#include "process.h"
#include "stimulus.h"

struct session {
	struct talk talk;
	struct endpoint listener, client, server;
	struct gate done; /* both may end */
};

static void client_run(void *argument)
{
	struct session *session = argument;
	const struct talk *talk = &session->talk;
	union address address =
		address_of(talk->connect_to, address_port(&session->listener.destination));
	struct endpoint *client = &session->client;

	close(session->listener.fd); /* the server's alone */
	endpoint_open(client, address.any.sa_family, SOCK_STREAM, talk->connect_protocol);
	if (endpoint_connect(client, &address))
		case_die("connect");
	endpoint_send(client, talk->up);
	endpoint_receive(client, talk->down);
	if (talk->half_close)
		endpoint_shutdown(client, SHUT_WR);
	if (talk->server_first || talk->half_close)
		endpoint_receive_all(client);
	endpoint_close(client);
}

static void server_run(struct session *session)
{
	struct endpoint *server = &session->server;

	endpoint_accept(&session->listener, server);
	endpoint_receive(server, session->talk.up);
	endpoint_send(server, session->talk.down);
	if (!session->talk.server_first)
		endpoint_receive_all(server);
	endpoint_close(server);
}

void talk_run(const struct talk *talk)
{
	struct session *session = shared_new(sizeof(*session));
	pid_t child;

	session->talk = *talk;
	if (!session->talk.listen_at)
		session->talk.listen_at = "127.0.0.1";
	if (!session->talk.connect_to)
		session->talk.connect_to = session->talk.listen_at;
	endpoint_serve(&session->listener, session->talk.listen_at, talk->listen_protocol);
	child = process_start(client_run, session);
	server_run(session);
	process_wait(child);
	endpoint_finish(&session->listener);
	expect_closed(&session->client, talk->server_first ? ENDED_BY_REMOTE : ENDED_BY_LOCAL);
	expect_closed(&session->server, talk->server_first ? ENDED_BY_LOCAL : ENDED_BY_REMOTE);
}

void link_make(struct link *link)
{
	endpoint_serve(&link->listener, "127.0.0.1", 0);
	endpoint_open(&link->client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link->client, &link->listener.destination))
		case_die("connect");
	endpoint_accept(&link->listener, &link->server);
	link->server.before_ns = link->client.before_ns;
}

void link_end(struct link *link)
{
	endpoint_close(&link->client);
	endpoint_receive_all(&link->server);
	endpoint_close(&link->server);
	endpoint_finish(&link->listener);
	expect_closed(&link->client, ENDED_BY_LOCAL);
	expect_closed(&link->server, ENDED_BY_REMOTE);
}

void endpoint_shutdown(struct endpoint *endpoint, int how)
{
	static const char *const names[] = {"read", "write", "both"};
	struct actor who = actor_here();
	json_t *event = expect("shutdown", &who);

	endpoint_may_end(endpoint); /* the peer answers */
	MUST(shutdown(endpoint->fd, how));
	expect_socket(event, endpoint);
	expect_tuple(event, endpoint);
	expect_text(event, "netaudit.shutdown_how", names[how]);
	expect_text(event, "event.outcome", "success");
	expect_print(event);
}
