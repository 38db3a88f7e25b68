/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of connect(2) and its outcomes. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "process.h"
#include "sandbox.h"
#include "stimulus.h"
#include "talk.h"

void case_connect_ok(void)
{
	talk_run(&(struct talk){.up = 123, .down = 4567});
}

void case_server_closes_first(void)
{
	talk_run(&(struct talk){.up = 1, .down = 2, .server_first = true});
}

void case_marker(void)
{
	talk_run(&(struct talk){.up = 1});
}

/* The softirq that completes the handshake runs over the other side: current is a stranger there.
 */
void case_one_cpu(void)
{
	pin_to_cpu(0);
	talk_run(&(struct talk){.up = 10, .down = 20});
}

static void expect_refusal(struct endpoint *client)
{
	union address nobody = address_of("127.0.0.1", port_choose());

	if (endpoint_connect(client, &nobody) != ECONNREFUSED)
		case_die("connect was not refused");
}

void case_refused(void)
{
	struct endpoint client = {0};

	endpoint_open(&client, AF_INET, SOCK_STREAM, 0);
	expect_refusal(&client);
	endpoint_close(&client);
}

/* A bound socket that never connected still had an address: its end is a closed. */
void case_refused_bound(void)
{
	union address local = address_of("127.0.0.1", port_choose());
	struct endpoint client = {0}, bound;

	endpoint_open(&client, AF_INET, SOCK_STREAM, 0);
	endpoint_bind(&client, &local);
	bound = client;
	client.source = client.destination;
	client.source_known = true;
	expect_refusal(&client);
	endpoint_close(&client);
	expect_gone(&bound);
}

void case_unreachable(void)
{
	struct endpoint client = {0};
	union address nowhere = address_of("192.0.2.77", 80);

	netns_enter();
	endpoint_open(&client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&client, &nowhere) != ENETUNREACH)
		case_die("connect did not fail as unreachable");
	endpoint_close(&client);
}

/* A prohibiting route is EACCES, but no policy on the process: a failure, not a denial. */
void case_prohibited(void)
{
	struct endpoint client = {0};
	union address nowhere = address_of("10.9.0.1", 80);

	netns_enter();
	if (command("ip route add prohibit 10.9.0.0/16"))
		case_die("ip route");
	endpoint_open(&client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&client, &nowhere) != EACCES)
		case_die("connect did not fail as prohibited");
	endpoint_close(&client);
}

void case_timed_out(void)
{
	struct endpoint client = {0};
	union address hole = address_of("10.77.0.2", 80);
	int once = 1;

	netns_enter();
	veth_make(0);
	/* Linear timeouts come first: without them the second SYN is the last. */
	sysctl_write("/proc/sys/net/ipv4/tcp_syn_linear_timeouts", "0");
	endpoint_open(&client, AF_INET, SOCK_STREAM, 0);
	MUST(setsockopt(client.fd, IPPROTO_TCP, TCP_SYNCNT, &once, sizeof(once)));
	if (endpoint_connect(&client, &hole) != ETIMEDOUT)
		case_die("connect did not time out");
	endpoint_close(&client);
}

static void set_nonblocking(const struct endpoint *endpoint)
{
	MUST(fcntl(endpoint->fd, F_SETFL, O_NONBLOCK));
}

void case_nonblocking_connect(void)
{
	struct link link = {0};

	endpoint_serve(&link.listener, "127.0.0.1", 0);
	endpoint_open(&link.client, AF_INET, SOCK_STREAM, 0);
	set_nonblocking(&link.client);
	if (endpoint_connect(&link.client, &link.listener.destination) != EINPROGRESS)
		case_die("connect did not say EINPROGRESS");
	if (endpoint_connect_finish(&link.client))
		case_die("connect failed");
	endpoint_accept(&link.listener, &link.server);
	link_end(&link);
}

void case_nonblocking_refused(void)
{
	struct endpoint client = {0};
	union address nobody = address_of("127.0.0.1", port_choose());
	int error;

	endpoint_open(&client, AF_INET, SOCK_STREAM, 0);
	set_nonblocking(&client);
	error = endpoint_connect(&client, &nobody);
	if (error == EINPROGRESS)
		error = endpoint_connect_finish(&client);
	if (error != ECONNREFUSED)
		case_die("connect was not refused");
	endpoint_close(&client);
}

/* One socket, two connections: two ids. */
void case_connect_again_after_refusal(void)
{
	struct link link = {0};
	union address address = address_of("127.0.0.1", port_choose());

	endpoint_open(&link.client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link.client, &address) != ECONNREFUSED)
		case_die("connect was not refused");
	endpoint_open(&link.listener, AF_INET, SOCK_STREAM, 0);
	endpoint_bind(&link.listener, &address);
	endpoint_listen(&link.listener, 1);
	if (endpoint_connect(&link.client, &address))
		case_die("second connect");
	endpoint_accept(&link.listener, &link.server);
	endpoint_send(&link.client, 5);
	endpoint_receive(&link.server, 5);
	link_end(&link);
}

static void *connect_thread(void *argument)
{
	struct link *link = argument;

	endpoint_open(&link->client, AF_INET, SOCK_STREAM, 0);
	if (endpoint_connect(&link->client, &link->listener.destination))
		case_die("connect");
	return NULL;
}

void case_threads(void)
{
	struct link link = {0};

	endpoint_serve(&link.listener, "127.0.0.1", 0);
	thread_run(connect_thread, &link);
	endpoint_accept(&link.listener, &link.server);
	link_end(&link);
}
