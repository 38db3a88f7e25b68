/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of how a connection ends. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "process.h"
#include "sandbox.h"
#include "stimulus.h"
#include "talk.h"

static void end_aborted(struct link *link, struct endpoint *aborter, struct endpoint *victim)
{
	endpoint_may_end(victim);
	endpoint_abort(aborter);
	endpoint_await_error(victim);
	endpoint_close(victim);
	endpoint_finish(&link->listener);
	expect_closed(aborter, ABORTED);
	expect_closed(victim, RESET);
}

void case_reset_by_client(void)
{
	struct link link = {0};

	link_make(&link);
	endpoint_send(&link.client, 11);
	endpoint_receive(&link.server, 11);
	end_aborted(&link, &link.client, &link.server);
}

void case_reset_by_server(void)
{
	struct link link = {0};

	link_make(&link);
	endpoint_send(&link.server, 12);
	endpoint_receive(&link.client, 12);
	end_aborted(&link, &link.server, &link.client);
}

/* close(2) with unread data sends RST; the data was received all the same. */
void case_reset_unread(void)
{
	struct link link = {0};

	link_make(&link);
	endpoint_send(&link.client, 100);
	endpoint_await_queued(&link.server, 100);
	endpoint_may_end(&link.client);
	endpoint_close(&link.server);
	endpoint_await_error(&link.client);
	endpoint_close(&link.client);
	endpoint_finish(&link.listener);
	expect_closed(&link.server, ABORTED);
	expect_closed(&link.client, RESET);
}

struct far {
	struct link link;
	struct gate in_netns, linked, served, gone;
};

static void far_server(void *argument)
{
	struct far *far = argument;

	netns_enter();
	gate_open(&far->in_netns);
	gate_wait(&far->linked);
	endpoint_serve(&far->link.listener, "10.77.0.2", 0);
	gate_open(&far->served);
	endpoint_accept(&far->link.listener, &far->link.server);
	endpoint_receive(&far->link.server, 3);
	gate_wait(&far->gone);
	endpoint_abort(&far->link.server);
	endpoint_finish(&far->link.listener);
	expect_closed(&far->link.server, ABORTED);
}

/* The peer falls silent: the connection ends by the user timeout. */
void case_established_timeout(void)
{
	struct far *far = shared_new(sizeof(*far));
	struct endpoint *client = &far->link.client;
	unsigned int milliseconds = 500;
	pid_t child;

	gate_make(&far->in_netns);
	gate_make(&far->linked);
	gate_make(&far->served);
	gate_make(&far->gone);
	child = process_start(far_server, far);
	gate_wait(&far->in_netns);
	netns_enter();
	veth_make(child);
	gate_open(&far->linked);
	gate_wait(&far->served);
	endpoint_open(client, AF_INET, SOCK_STREAM, 0);
	MUST(setsockopt(client->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
			sizeof(milliseconds)));
	if (endpoint_connect(client, &far->link.listener.destination))
		case_die("connect");
	endpoint_send(client, 3);
	endpoint_may_end(client);
	veth_break();
	endpoint_send(client, 4);
	if (endpoint_await_error(client) != ETIMEDOUT)
		case_die("no timeout");
	endpoint_close(client);
	/* Who ended it? Neither side did: closed_by is left open. */
	expect_closed(client, (struct ending){.reason = "timeout"});
	gate_open(&far->gone);
	process_wait(child);
}

void case_shutdown_wr(void)
{
	talk_run(&(struct talk){.up = 30, .down = 40, .half_close = true});
}

void case_shutdown_not_connected(void)
{
	struct endpoint endpoint = {0};
	struct actor who = actor_here();
	json_t *event;

	endpoint_open(&endpoint, AF_INET, SOCK_STREAM, 0);
	if (shutdown(endpoint.fd, SHUT_RDWR) == 0 || errno != ENOTCONN)
		case_die("shutdown did not fail with ENOTCONN");
	event = expect("shutdown", &who);
	expect_socket(event, &endpoint);
	expect_text(event, "netaudit.shutdown_how", "both");
	expect_error(event, ENOTCONN);
	expect_print(event);
	endpoint_close(&endpoint);
}
