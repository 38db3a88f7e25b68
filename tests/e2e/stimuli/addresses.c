/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of address families, MPTCP and Fast Open. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "sandbox.h"
#include "stimulus.h"
#include "talk.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define TFO_CLIENT_AND_SERVER "3"

static void ipv6_required(void)
{
	if (access("/proc/net/if_inet6", R_OK))
		case_skip("this kernel has no IPv6");
}

void case_ipv6(void)
{
	ipv6_required();
	talk_run(&(struct talk){.listen_at = "::1", .up = 6, .down = 66});
}

void case_mapped(void)
{
	ipv6_required();
	talk_run(&(struct talk){
		.listen_at = "127.0.0.1", .connect_to = "::ffff:127.0.0.1", .up = 3, .down = 4});
}

void case_dual_stack(void)
{
	ipv6_required();
	talk_run(&(struct talk){.listen_at = "::", .connect_to = "127.0.0.1", .up = 5, .down = 6});
}

static void mptcp_try(void *argument)
{
	*(bool *)argument = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP) >= 0;
}

/* Tried in a process that is not our own, so that the trial is no event too many. */
static void mptcp_required(void)
{
	bool *works = shared_new(sizeof(*works));

	process_unseen(mptcp_try, works);
	if (!*works)
		case_skip("this kernel has no MPTCP, or it is switched off");
}

void case_mptcp(void)
{
	mptcp_required();
	talk_run(&(struct talk){.listen_protocol = IPPROTO_MPTCP,
				.connect_protocol = IPPROTO_MPTCP,
				.up = 20000,
				.down = 30000});
}

void case_mptcp_plain_client(void)
{
	mptcp_required();
	talk_run(&(struct talk){.listen_protocol = IPPROTO_MPTCP, .up = 200, .down = 300});
}

static void fastopen_prepare(struct link *link)
{
	int queue = 5;

	netns_enter();
	if (!sysctl_write("/proc/sys/net/ipv4/tcp_fastopen", TFO_CLIENT_AND_SERVER))
		case_skip("this kernel has no TCP Fast Open");
	endpoint_serve(&link->listener, "127.0.0.1", 0);
	MUST(setsockopt(link->listener.fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)));
}

static bool was_fast(const struct endpoint *endpoint)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	MUST(getsockopt(endpoint->fd, IPPROTO_TCP, TCP_INFO, &info, &length));
	return info.tcpi_options & TCPI_OPT_SYN_DATA;
}

/* Both sides of one connection, whose first 14 bytes went out with the attempt. */
static bool fastopen_end(struct link *link)
{
	bool fast = was_fast(&link->client);

	endpoint_accept(&link->listener, &link->server);
	link->server.before_ns = link->client.before_ns;
	endpoint_receive(&link->server, 14);
	endpoint_send(&link->server, 15);
	endpoint_receive(&link->client, 15);
	endpoint_close(&link->client);
	endpoint_receive_all(&link->server);
	endpoint_close(&link->server);
	expect_closed(&link->client, ENDED_BY_LOCAL);
	expect_closed(&link->server, ENDED_BY_REMOTE);
	return fast;
}

static bool fastopen_by_sendto(struct link *link)
{
	const union address *address = &link->listener.destination;
	struct endpoint *client = &link->client;

	endpoint_open(client, AF_INET, SOCK_STREAM, 0);
	endpoint_attempt(client, address);
	client->sent = (uint64_t)MUST(sendto(client->fd, "fourteen bytes", 14, MSG_FASTOPEN,
					     &address->any, address_length(address)));
	/* The SYN may be out, and no more, when sendto returns: the answer tells that both are
	 * there. */
	endpoint_attempted(client, 0);
	return fastopen_end(link);
}

/* The first connection fetches the cookie, the second carries data in its SYN. */
void case_fastopen(void)
{
	struct link link = {0};

	fastopen_prepare(&link);
	fastopen_by_sendto(&link);
	if (!fastopen_by_sendto(&link))
		case_die("the SYN carried no data");
	endpoint_finish(&link.listener);
}

static bool fastopen_deferred(struct link *link)
{
	const union address *address = &link->listener.destination;
	struct endpoint *client = &link->client;
	int yes = 1;

	endpoint_open(client, AF_INET, SOCK_STREAM, 0);
	MUST(setsockopt(client->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &yes, sizeof(yes)));
	endpoint_attempt(client, address);
	MUST(connect(client->fd, &address->any, address_length(address)));
	endpoint_send(client, 14);
	endpoint_attempted(client, 0);
	return fastopen_end(link);
}

/* TCP_FASTOPEN_CONNECT: with a cookie, connect(2) returns at once and the SYN leaves with the first
 * write. */
void case_fastopen_connect(void)
{
	struct link link = {0};

	fastopen_prepare(&link);
	fastopen_deferred(&link);
	if (!fastopen_deferred(&link))
		case_die("the SYN carried no data");
	endpoint_finish(&link.listener);
}
