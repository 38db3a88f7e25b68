/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection: attempted, established or failed, accepted, ended. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "socket/fill.h"

#define IPPROTO_MPTCP_NUMBER 262

static bool is_stream(uint16_t type)
{
	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

/*
 * The TCP sockets below an MPTCP connection are the kernel's own and share its inode: what happens
 * to them is told by the MPTCP socket itself.
 */
static bool is_subflow(const struct na_socket *socket, uint16_t protocol)
{
	return socket->protocol == IPPROTO_MPTCP_NUMBER && protocol == IPPROTO_TCP;
}

static void set_local(struct na_socket *socket, const uint8_t *address, uint16_t port)
{
	memcpy(socket->local.bytes, address, sizeof(socket->local.bytes));
	socket->local_port = port;
}

static void set_remote(struct na_socket *socket, const uint8_t *address, uint16_t port)
{
	memcpy(socket->remote.bytes, address, sizeof(socket->remote.bytes));
	socket->remote_port = port;
}

static bool is_remote(const struct na_socket *socket, const uint8_t *address, uint16_t port)
{
	return socket->remote_port == port &&
	       memcmp(socket->remote.bytes, address, sizeof(socket->remote.bytes)) == 0;
}

/* A socket that began its life unseen: made by the kernel itself, or its record was lost. */
static struct na_socket *add_stranger(struct na_sockets *sockets, uint64_t cookie, uint64_t inode,
				      const struct na_record_header *header)
{
	return na_sockets_add(sockets, cookie, cookie, inode, header->time_ns);
}

static struct na_socket *find_state(struct na_sockets *sockets,
				    const struct na_record_state *record)
{
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);

	if (socket)
		return socket;
	socket = add_stranger(sockets, record->cookie, record->inode, &record->header);
	socket->family = record->family;
	socket->type = SOCK_STREAM;
	socket->protocol = record->protocol;
	socket->netns = record->netns;
	if (record->flags & NA_FLAG_KERNEL)
		socket->flags |= NA_SOCKET_KERNEL;
	set_remote(socket, record->remote, record->remote_port);
	return socket;
}

static int take_established(struct na_sockets *sockets, const struct na_record_state *record)
{
	struct na_socket *socket = find_state(sockets, record);
	int error;

	if (is_subflow(socket, record->protocol) || socket->link == NA_LINK_UP)
		return 0;
	error = na_attempt_tell(sockets, socket, &record->header);
	if (error)
		return error;
	if (socket->link == NA_LINK_NONE)
		na_link_begin(socket, NA_LINK_UP, record->header.time_ns);
	socket->link = NA_LINK_UP;
	socket->touched_ns = record->header.time_ns;
	set_local(socket, record->local, record->local_port);
	return na_link_report(sockets, socket, NA_EVENT_ESTABLISHED, &record->header, 0);
}

static int take_failed(struct na_sockets *sockets, const struct na_record_state *record)
{
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);
	int error;

	if (!socket || is_subflow(socket, record->protocol) || socket->link != NA_LINK_ATTEMPTED)
		return 0;
	error = na_attempt_tell(sockets, socket, &record->header);
	if (error)
		return error;
	socket->link = NA_LINK_NONE;
	socket->flags |= NA_SOCKET_FAILED;
	socket->touched_ns = record->header.time_ns;
	if (record->local_port)
		set_local(socket, record->local, record->local_port);
	error = na_link_report(sockets, socket, NA_EVENT_CONNECT_FAILED, &record->header,
			       record->header.error);
	if (error || !(socket->flags & NA_SOCKET_RELEASED))
		return error;
	if (na_is_end_due(socket)) /* it was bound besides */
		error = na_link_closed(sockets, socket, &record->header);
	return error ? error : na_sockets_remove(sockets, socket, &record->header);
}

static int take_listen(struct na_sockets *sockets, const struct na_record_state *record)
{
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);

	if (!socket || is_subflow(socket, record->protocol))
		return 0;
	socket->netns = record->netns;
	set_local(socket, record->local, record->local_port);
	/* The kernel may still take it back (a conflict): the call's result tells, where it comes.
	 */
	return sockets->options.call_results
		       ? 0
		       : na_listen_report_backlog(sockets, socket, &record->header, -1);
}

struct ending {
	const char *reason, *by;
};

/* How it ended, from the state it ended in and the error that the socket had. */
static struct ending ending_of(const struct na_record_ended *record)
{
	bool peer_first = record->before == TCP_CLOSE_WAIT || record->before == TCP_LAST_ACK;

	switch (record->header.error) {
	case 0:
		break;
	case -ECONNRESET:
	case -EPIPE: /* reset after the peer's FIN */
		return (struct ending){"reset", "remote"};
	case -ECONNABORTED:
		return (struct ending){"aborted", "local"};
	default: /* retransmissions or probes without an answer */
		return (struct ending){"timeout", NULL};
	}
	if (record->before == TCP_ESTABLISHED || record->before == TCP_CLOSE_WAIT ||
	    record->before == TCP_SYN_RECV)
		return (struct ending){"aborted", peer_first ? "remote" : "local"};
	return (struct ending){"orderly", peer_first ? "remote" : "local"};
}

/* MPTCP has no close of its own on the wire before all subflows ended: its states are simpler. */
static struct ending ending_of_mptcp(const struct na_record_ended *record)
{
	bool peer_first = record->before == TCP_CLOSE_WAIT || record->before == TCP_LAST_ACK;

	if (record->header.error)
		return (struct ending){"reset", "remote"};
	return (struct ending){"orderly", peer_first ? "remote" : "local"};
}

static void fill_tcp(struct na_sockets *sockets, const struct na_record_ended *record,
		     const struct na_socket *socket)
{
	bool mptcp = record->protocol == IPPROTO_MPTCP_NUMBER;
	struct ending ending = mptcp ? ending_of_mptcp(record) : ending_of(record);
	const char *state = na_fill_state_name(record->before);
	struct na_traffic traffic = {record->sent_bytes, record->received_bytes,
				     record->sent_packets, record->received_packets, !mptcp};
	struct na_event *event = &sockets->event;

	NA_SET_TEXT(event, EVENT_REASON, ending.reason);
	if (ending.by)
		NA_SET_TEXT(event, NA_CLOSED_BY, ending.by);
	if (state)
		NA_SET_TEXT(event, NA_TCP_STATE_AT_CLOSE, state);
	if (!(record->flags & NA_FLAG_NO_TOTALS))
		na_fill_traffic(sockets, &traffic, socket->flags & NA_SOCKET_INGRESS);
	if (mptcp)
		return;
	NA_SET(event, NA_TCP_RTT_US, record->rtt_us);
	NA_SET(event, NA_TCP_RETRANSMITS, record->retransmits);
}

/* An accepted unix socket has the address of its listener. */
static void inherit_path(struct na_sockets *sockets, struct na_socket *socket,
			 const struct na_record_accepted *record)
{
	const struct na_socket *listener;

	if (record->family != AF_UNIX)
		return;
	listener = na_sockets_find(sockets, record->listener, record->listener_inode);
	if (listener && listener->path_length[0])
		na_socket_set_path(socket, 0, listener->path[0], listener->path_length[0]);
}

/* An accepted MPTCP socket that nobody holds has only its listener's cookie left. */
static struct na_socket *find_ended(struct na_sockets *sockets,
				    const struct na_record_ended *record)
{
	struct na_address remote;
	struct na_socket *socket;

	if (record->protocol != IPPROTO_MPTCP_NUMBER || record->inode)
		return na_sockets_find(sockets, record->cookie, record->inode);
	memcpy(remote.bytes, record->remote, sizeof(remote.bytes));
	socket = na_socket_table_by_key(
		&sockets->table,
		na_socket_key_of_child(record->cookie, &remote, record->remote_port));
	return socket ? socket : na_sockets_find(sockets, record->cookie, 0);
}

/* ------------------------------------------------------------------------------------------- */

void na_link_begin(struct na_socket *socket, enum na_link link, uint64_t time_ns)
{
	socket->link = (uint8_t)link;
	socket->ordinal = ++socket->links;
	socket->start_ns = socket->told_ns = time_ns;
	socket->flags &= (uint16_t) ~(NA_SOCKET_INGRESS | NA_SOCKET_CLOSED | NA_SOCKET_FAILED |
				      NA_SOCKET_HELD);
}

int na_attempt_tell(struct na_sockets *sockets, struct na_socket *socket,
		    const struct na_record_header *header)
{
	struct na_record_header begun = *header;

	if (!(socket->flags & NA_SOCKET_HELD))
		return 0;
	socket->flags &= (uint16_t)~NA_SOCKET_HELD;
	begun.time_ns = socket->start_ns;
	begun.program = socket->family == AF_INET ? NA_PROGRAM_CONNECT4 : NA_PROGRAM_CONNECT6;
	begun.error = 0;
	return na_link_report(sockets, socket, NA_EVENT_CONNECT_ATTEMPTED, &begun, 0);
}

int na_link_report(struct na_sockets *sockets, struct na_socket *socket, enum na_event_type type,
		   const struct na_record_header *header, int error)
{
	int result = na_fill_begin(sockets, type, header, socket);

	if (result)
		return result;
	na_fill_tuple(sockets, socket);
	na_fill_connection(sockets, socket);
	na_fill_owner(sockets, socket, socket->owner_tid);
	if (error)
		na_event_set_error(&sockets->event, error);
	else if (type == NA_EVENT_CONNECT_FAILED) /* closed here before an answer came */
		NA_SET_TEXT(&sockets->event, EVENT_REASON, "aborted");
	return na_fill_put(sockets);
}

int na_link_closed(struct na_sockets *sockets, struct na_socket *socket,
		   const struct na_record_header *header)
{
	struct na_traffic traffic = {socket->sent_bytes, socket->received_bytes,
				     socket->sent_packets, socket->received_packets, true};
	int error = na_fill_begin(sockets, NA_EVENT_CLOSED, header, socket);

	if (error)
		return error;
	if (socket->link == NA_LINK_UP && is_stream(socket->type)) {
		na_fill_tuple(sockets, socket);
		na_fill_connection(sockets, socket);
		na_fill_traffic(sockets, &traffic, socket->flags & NA_SOCKET_INGRESS);
		na_fill_span(sockets, socket->flags & NA_SOCKET_OLD ? 0 : socket->start_ns,
			     header->time_ns);
	} else {
		na_fill_local(sockets, socket);
		na_fill_span(sockets, 0, header->time_ns);
		if (socket->sent_packets || socket->received_packets)
			na_fill_traffic(sockets, &traffic, true);
		NA_SET_TEXT(&sockets->event, NA_CLOSED_BY, "local");
	}
	NA_SET_TEXT(&sockets->event, EVENT_REASON, "orderly");
	na_fill_owner(sockets, socket, 0);
	socket->flags |= NA_SOCKET_CLOSED;
	return na_fill_put(sockets);
}

int na_link_report_unseen(struct na_sockets *sockets, struct na_socket *socket,
			  const struct na_record_header *header)
{
	int error = na_fill_begin(sockets, NA_EVENT_CLOSED, header, socket);

	if (error)
		return error;
	if (socket->link == NA_LINK_UP) {
		na_fill_tuple(sockets, socket);
		na_fill_connection(sockets, socket);
	} else {
		na_fill_local(sockets, socket);
	}
	na_fill_owner(sockets, socket, 0);
	na_event_set_outcome(&sockets->event, NA_OUTCOME_UNKNOWN);
	NA_SET_TEXT(&sockets->event, NA_UNCERTAIN,
		    "its end was not seen: it ended before this, by whom is not known");
	return na_fill_put(sockets);
}

int na_link_unseen(struct na_sockets *sockets, struct na_socket *socket,
		   const struct na_record_header *header)
{
	bool due = !(socket->flags & NA_SOCKET_CLOSED) &&
		   (socket->link == NA_LINK_UP ||
		    socket->flags & (NA_SOCKET_BOUND | NA_SOCKET_LISTENING));
	int error;

	/* No event of the earlier agent tells that a socket without an address is gone. */
	if (socket->flags & NA_SOCKET_RESTORED)
		due = na_is_end_due(socket);
	sockets->counts.ends_unseen += due || !(socket->flags & NA_SOCKET_RESTORED);
	error = due ? na_link_report_unseen(sockets, socket, header) : 0;
	return error ? error : na_sockets_remove(sockets, socket, header);
}

int na_take_connect(struct na_sockets *sockets, const struct na_record_connect *record)
{
	const struct na_record_header *header = &record->header;
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);
	struct na_call *call = na_sockets_call(sockets, header->tid);

	if (!socket) {
		socket = add_stranger(sockets, record->cookie, record->inode, header);
		socket->family = record->family;
		socket->type = record->type;
		socket->protocol = record->protocol;
		socket->netns = record->netns;
		if (record->flags & NA_FLAG_KERNEL)
			socket->flags |= NA_SOCKET_KERNEL;
	}
	if (is_subflow(socket, record->protocol) && socket->link != NA_LINK_NONE)
		return 0;
	*call = (struct na_call){.cookie = socket->cookie,
				 .tid = header->tid,
				 .operation = NA_OPERATION_CONNECT,
				 .told = header->error != 0,
				 .port = record->port,
				 .unsure = record->flags & NA_FLAG_UNSURE};
	memcpy(call->address.bytes, record->address, sizeof(call->address.bytes));
	if (header->error)
		return na_connect_denied(sockets, socket, call, header, "cgroup");
	if (!is_stream(record->type))
		return 0; /* its outcome is known at once: with the result */
	if (socket->link == NA_LINK_ATTEMPTED && is_remote(socket, record->address, record->port))
		return 0;                        /* a deferred Fast Open goes on */
	if (!(socket->flags & NA_SOCKET_KERNEL)) /* else `current` is whoever needed it */
		na_sockets_own(sockets, socket, header);
	set_remote(socket, record->address, record->port);
	if (!(socket->flags & NA_SOCKET_BOUND)) /* of an attempt before */
		set_local(socket, (const uint8_t[16]){0}, 0);
	na_link_begin(socket, NA_LINK_ATTEMPTED, header->time_ns);
	/* SYN_SENT or the result follows at once. */
	if (record->flags & NA_FLAG_UNSURE && record->protocol == IPPROTO_TCP) {
		socket->flags |= NA_SOCKET_HELD;
		return 0;
	}
	return na_link_report(sockets, socket, NA_EVENT_CONNECT_ATTEMPTED, header, 0);
}

int na_take_state(struct na_sockets *sockets, const struct na_record_state *record)
{
	struct na_socket *socket;

	if (record->flags & NA_FLAG_SUBFLOW)
		return 0;
	switch (record->now) {
	case TCP_SYN_SENT:
		socket = na_sockets_find(sockets, record->cookie, record->inode);
		return socket ? na_attempt_tell(sockets, socket, &record->header) : 0;
	case TCP_ESTABLISHED:
		socket = na_sockets_find(sockets, record->cookie, record->inode);
		/* From SYN_RECV: two ends that connected to each other, or itself; else it is a
		 * Fast Open child, whose cookie find has learned. */
		if (record->before != TCP_SYN_SENT &&
		    (!socket || socket->link != NA_LINK_ATTEMPTED))
			return 0;
		return take_established(sockets, record);
	case TCP_LISTEN:
		return take_listen(sockets, record);
	default:
		return take_failed(sockets, record);
	}
}

int na_take_accepted(struct na_sockets *sockets, const struct na_record_accepted *record)
{
	const struct na_record_header *header = &record->header;
	bool mptcp = record->protocol == IPPROTO_MPTCP_NUMBER;
	struct na_socket *socket;
	struct na_address remote;
	uint64_t key = record->cookie;
	int error;

	memcpy(remote.bytes, record->remote, sizeof(remote.bytes));
	if (mptcp)
		key = na_socket_key_of_child(record->cookie, &remote, record->remote_port);
	socket = mptcp ? na_socket_table_by_inode(&sockets->table, record->inode)
		       : na_sockets_find(sockets, record->cookie, record->inode);
	if (!socket)
		socket = na_sockets_add(sockets, record->cookie, key, record->inode,
					header->time_ns);
	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	socket->netns = record->netns;
	set_local(socket, record->local, record->local_port);
	set_remote(socket, record->remote, record->remote_port);
	na_sockets_own(sockets, socket, header);
	na_link_begin(socket, NA_LINK_UP, header->time_ns);
	socket->flags |= NA_SOCKET_INGRESS;
	if (!record->cookie) /* by Fast Open: it gets one later, and keeps its id */
		socket->flags |= NA_SOCKET_NO_COOKIE;
	inherit_path(sockets, socket, record);
	error = na_fill_begin(sockets, NA_EVENT_ACCEPTED, header, socket);
	if (error)
		return error;
	na_fill_tuple(sockets, socket);
	na_fill_connection(sockets, socket);
	na_fill_process(sockets, na_sockets_process(sockets, header), header->tid,
			&header->credentials);
	if (record->flags & NA_FLAG_URING)
		NA_SET(&sockets->event, NA_URING, true);
	return na_fill_put(sockets);
}

int na_take_ended(struct na_sockets *sockets, const struct na_record_ended *record)
{
	struct na_socket *socket = find_ended(sockets, record);
	int error;

	/* Never accepted: no process had it, so it has no events. */
	if (!socket || record->flags & NA_FLAG_SUBFLOW || is_subflow(socket, record->protocol) ||
	    socket->link != NA_LINK_UP)
		return 0;
	error = na_fill_begin(sockets, NA_EVENT_CLOSED, &record->header, socket);
	if (error)
		return error;
	na_fill_tuple(sockets, socket);
	na_fill_connection(sockets, socket);
	na_fill_owner(sockets, socket, 0);
	na_fill_span(sockets,
		     socket->flags & NA_SOCKET_OLD && socket->links == 1 ? 0 : socket->start_ns,
		     record->header.time_ns);
	fill_tcp(sockets, record, socket);
	socket->link = NA_LINK_NONE;
	socket->flags |= NA_SOCKET_CLOSED;
	socket->touched_ns = record->header.time_ns;
	error = na_fill_put(sockets);
	if (!error && socket->flags & NA_SOCKET_RELEASED)
		error = na_sockets_remove(sockets, socket, &record->header);
	return error;
}
