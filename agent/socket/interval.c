/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open connections at intervals. The session has the kernel look for what is open once in each
 * interval, and a FOUND record of a connection that is known brings what passed so far.
 *
 * Due is what has an age of one more interval than when it was reported last: `told_ns` moves by
 * whole intervals, so that one look reports a connection once however many descriptors hold it, and
 * the next look again although it reaches the descriptor a little sooner than the one before.
 */
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "socket/fill.h"

#define IPPROTO_MPTCP_NUMBER 262

static bool is_due(const struct na_sockets *sockets, const struct na_socket *socket,
		   uint64_t now_ns)
{
	uint64_t interval_ns = sockets->options.connection_interval_ns;
	bool stream = socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET;

	/* Datagrams have flows. */
	if (!interval_ns || !stream || socket->link != NA_LINK_UP)
		return false;
	return now_ns >= socket->told_ns && now_ns - socket->told_ns >= interval_ns;
}

/* As `closed` will tell it. */
static void fill_traffic(struct na_sockets *sockets, const struct na_socket *socket,
			 const struct na_record_found *record)
{
	bool mptcp = socket->protocol == IPPROTO_MPTCP_NUMBER;
	bool inet = socket->family == AF_INET || socket->family == AF_INET6;
	struct na_traffic traffic = {record->sent_bytes, record->received_bytes,
				     record->sent_packets, record->received_packets, !mptcp};

	if (!(record->flags & NA_FLAG_NO_TOTALS))
		na_fill_traffic(sockets, &traffic, socket->flags & NA_SOCKET_INGRESS);
	if (!inet || mptcp)
		return;
	NA_SET(&sockets->event, NA_TCP_RTT_US, record->rtt_us);
	NA_SET(&sockets->event, NA_TCP_RETRANSMITS, record->retransmits);
}

/* ------------------------------------------------------------------------------------------- */

int na_interval_found(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_record_found *record)
{
	static const struct na_text open[] = {{"connection", 10}, {"info", 4}};
	uint64_t interval_ns = sockets->options.connection_interval_ns;
	uint64_t now_ns = record->header.time_ns;
	const char *state = na_fill_state_name(record->state);
	int error;

	/* Closed already: its `closed` is on its way. */
	if (record->state == TCP_CLOSE || !is_due(sockets, socket, now_ns))
		return 0;
	error = na_fill_begin(sockets, NA_EVENT_CONNECTION, &record->header, socket);
	if (error)
		return error;
	socket->told_ns += (now_ns - socket->told_ns) / interval_ns * interval_ns;
	NA_SET(&sockets->event, EVENT_TYPE, ((struct na_texts){open, 2}));
	na_fill_tuple(sockets, socket);
	na_fill_connection(sockets, socket);
	na_fill_owner(sockets, socket, 0);
	na_fill_age(sockets, socket->start_ns, now_ns);
	fill_traffic(sockets, socket, record);
	if (state)
		NA_SET_TEXT(&sockets->event, NA_SOCKET_STATE, state);
	return na_fill_put(sockets);
}
