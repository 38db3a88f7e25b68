/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that were there at start. They are reported when all were found, or when the first event
 * is about one: by then the listeners are known, and only they tell which side opened a connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "socket/fill.h"

static bool is_stream(const struct na_socket *socket)
{
	return socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET;
}

static bool is_inet(const struct na_socket *socket)
{
	return socket->family == AF_INET || socket->family == AF_INET6;
}

static void note_listener(struct na_sockets *sockets, const struct na_socket *socket)
{
	if (is_inet(socket))
		sockets->listening[socket->local_port / 8] |=
			(uint8_t)(1 << socket->local_port % 8);
}

static bool has_listener(const struct na_sockets *sockets, uint16_t port)
{
	return sockets->listening[port / 8] >> port % 8 & 1;
}

/* Unconnected streams are nothing yet; so are unnamed and kernel-bound sockets of other families.
 */
static bool is_worth_telling(const struct na_socket *socket)
{
	if (is_stream(socket))
		return socket->state != TCP_CLOSE;
	return is_inet(socket) && socket->local_port;
}

static int push(struct na_sockets *sockets, struct na_socket *socket)
{
	if (sockets->found_count == sockets->found_size) {
		size_t size = sockets->found_size ? sockets->found_size * 2 : 256;
		struct na_socket **more = realloc(sockets->found, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		sockets->found = more;
		sockets->found_size = size;
	}
	sockets->found[sockets->found_count++] = socket;
	return 0;
}

static void set_link(struct na_socket *socket)
{
	if (is_stream(socket) && socket->state == TCP_LISTEN) {
		socket->flags |= NA_SOCKET_LISTENING;
	} else if (is_stream(socket) && socket->state != TCP_CLOSE) {
		socket->link = socket->state == TCP_SYN_SENT ? NA_LINK_ATTEMPTED : NA_LINK_UP;
		socket->ordinal = ++socket->links;
	} else if (!is_stream(socket) && socket->remote_port) {
		socket->link = NA_LINK_UP;
		socket->ordinal = ++socket->links;
	} else if (!is_stream(socket) && socket->local_port) {
		socket->flags |= NA_SOCKET_BOUND;
	}
}

static void copy_found(struct na_socket *socket, const struct na_record_found *record)
{
	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	socket->netns = record->netns;
	socket->local_port = record->local_port;
	socket->remote_port = record->remote_port;
	socket->state = (uint8_t)record->state;
	memcpy(socket->local.bytes, record->local, sizeof(socket->local.bytes));
	memcpy(socket->remote.bytes, record->remote, sizeof(socket->remote.bytes));
}

static const char *state_name(const struct na_socket *socket)
{
	if (!is_stream(socket))
		return socket->remote_port ? "established" : "unconnected";
	return na_fill_state_name(socket->state);
}

/* What is to be told: now, or when all were found. */
static int take_new(struct na_sockets *sockets, struct na_socket *socket,
		    const struct na_record_found *record)
{
	copy_found(socket, record);
	na_sockets_own(sockets, socket, &record->header);
	socket->owner_tid = 0; /* no call of it was seen */
	socket->told_ns = record->header.time_ns;
	set_link(socket);
	socket->flags |= NA_SOCKET_OLD;
	if (socket->flags & NA_SOCKET_LISTENING)
		note_listener(sockets, socket);
	if (!is_worth_telling(socket))
		return 0;
	socket->flags |= NA_SOCKET_FOUND;
	if (socket == &sockets->spare || push(sockets, socket) < 0)
		return na_existing_report(sockets, socket);
	return 0;
}

static bool is_peer(const struct na_socket *socket, const struct na_record_found *record)
{
	return !is_inet(socket) ||
	       (socket->remote_port == record->remote_port &&
		!memcmp(socket->remote.bytes, record->remote, sizeof(record->remote)));
}

static bool is_up(const struct na_record_found *record)
{
	return record->state != TCP_CLOSE && record->state != TCP_LISTEN;
}

/* While nobody watched, it became something else than what the earlier agent told of it. */
static bool has_changed(const struct na_socket *socket, const struct na_record_found *record)
{
	if (!is_stream(socket) && !record->remote_port)
		return is_inet(socket) && record->local_port && !socket->flows &&
		       socket->link == NA_LINK_NONE && !(socket->flags & NA_SOCKET_BOUND);
	if (!is_stream(socket))
		return socket->link != NA_LINK_UP || !is_peer(socket, record);
	if (record->state == TCP_LISTEN)
		return !(socket->flags & NA_SOCKET_LISTENING);
	if (socket->link == NA_LINK_ATTEMPTED)
		return record->state != TCP_SYN_SENT || !is_peer(socket, record);
	if (socket->link == NA_LINK_UP)
		return !is_up(record) || record->state == TCP_SYN_SENT || !is_peer(socket, record);
	return is_inet(socket) && is_up(record); /* the others come in pairs */
}

/* Of an earlier agent, and found for the first time. */
static int take_restored(struct na_sockets *sockets, struct na_socket *socket,
			 const struct na_record_found *record)
{
	bool changed = sockets->gap && has_changed(socket, record);
	int error = 0;

	socket->flags &= (uint16_t)~NA_SOCKET_RESTORED;
	if (!changed) {
		if (socket->flags & NA_SOCKET_LISTENING)
			note_listener(sockets, socket);
		return 0;
	}
	if (is_stream(socket) && socket->link == NA_LINK_UP)
		error = na_link_report_unseen(sockets, socket, &record->header);
	if (socket->link == NA_LINK_ATTEMPTED && is_up(record) && is_peer(socket, record))
		socket->links--; /* it is that connection */
	socket->link = NA_LINK_NONE;
	socket->flags &= (uint16_t) ~(NA_SOCKET_INGRESS | NA_SOCKET_CLOSED | NA_SOCKET_FAILED);
	socket->start_ns = 0;
	return error ? error : take_new(sockets, socket, record);
}

/* ------------------------------------------------------------------------------------------- */

int na_take_found(struct na_sockets *sockets, const struct na_record_found *record)
{
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);
	int error = 0;

	if (socket) {
		socket->touched_ns = record->header.time_ns;
		if (!socket->owner && !socket->creator)
			na_sockets_own(sockets, socket, &record->header);
		if (socket->flags & NA_SOCKET_RESTORED)
			error = take_restored(sockets, socket, record);
		if (error || socket->flags & NA_SOCKET_FOUND)
			return error;
		return na_interval_found(sockets, socket, record);
	}
	if (sockets->found_all && !sockets->lost_ns)
		return 0;
	socket = na_sockets_add(sockets, record->cookie, record->cookie, record->inode,
				record->header.time_ns);
	return take_new(sockets, socket, record);
}

int na_existing_report(struct na_sockets *sockets, struct na_socket *socket)
{
	struct na_record_header header = {.time_ns = socket->touched_ns,
					  .program = NA_PROGRAM_SNAPSHOT};
	const char *state = state_name(socket);
	int error;

	socket->flags &= (uint16_t)~NA_SOCKET_FOUND;
	if (socket->link && is_inet(socket) && has_listener(sockets, socket->local_port))
		socket->flags |= NA_SOCKET_INGRESS;
	error = na_fill_begin(sockets, NA_EVENT_EXISTING, &header, socket);
	if (error)
		return error;
	if (socket->link) {
		na_fill_tuple(sockets, socket);
		na_fill_connection(sockets, socket);
	} else {
		NA_SET_TEXT(&sockets->event, EVENT_ACTION, "listener_found");
		na_fill_local(sockets, socket);
	}
	if (state)
		NA_SET_TEXT(&sockets->event, NA_SOCKET_STATE, state);
	na_fill_owner(sockets, socket, 0);
	return na_fill_put(sockets);
}

void na_existing_forget(struct na_sockets *sockets, const struct na_socket *socket)
{
	for (size_t i = 0; i < sockets->found_count; i++)
		if (sockets->found[i] == socket)
			sockets->found[i] = NULL;
}

int na_sockets_found_all(struct na_sockets *sockets)
{
	int error = 0;

	sockets->found_all = true;
	/* Listeners first: what a newcomer looks for, and few. */
	for (int listeners = 1; listeners >= 0; listeners--)
		for (size_t i = 0; i < sockets->found_count && !error; i++) {
			struct na_socket *socket = sockets->found[i];

			if (socket && socket->flags & NA_SOCKET_FOUND &&
			    (socket->link == NA_LINK_NONE) == (listeners != 0))
				error = na_existing_report(sockets, socket);
		}
	free(sockets->found);
	sockets->found = NULL;
	sockets->found_count = sockets->found_size = 0;
	return error;
}
