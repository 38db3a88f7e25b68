/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table as an earlier agent of this boot had it, from its events. The kernel names sockets by
 * cookie and inode for a whole boot, so an event finds its socket as a record does.
 *
 * Events tell neither that a socket went which had no connection and no address, nor that nobody
 * holds a connection any more. So what they tell of stays, also when it is closed, until the
 * snapshot has found it or has not. That is far more than is open: where it gets much, those go
 * that no event named lately and that hold nothing. What goes so is new when it is found.
 *
 * An agent that was killed may have told what the rings still have. Records pass in order of time:
 * all that is not newer than the newest event was taken before that was made. What made no event
 * then makes none now, and is taken again.
 */
#include "socket/restore.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define IPPROTO_MPTCP_NUMBER 262

/* Of the table: so many come between two purges at least. */
#define PURGE_PART 16

static void remove_quietly(struct na_sockets *sockets, struct na_socket *socket)
{
	na_flows_drop(sockets, socket);
	na_socket_table_remove(&sockets->table, socket);
}

static bool holds_something(const struct na_socket *socket)
{
	bool stream = socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET;

	if (socket->flags & NA_SOCKET_CLOSED)
		return false;
	if (socket->flags & (NA_SOCKET_BOUND | NA_SOCKET_LISTENING))
		return true;
	return stream ? socket->link != NA_LINK_NONE : !na_flows_are_over(socket);
}

struct purge {
	struct na_sockets *sockets;
	size_t held;
};

static int purge_visited(void *context, struct na_socket *socket)
{
	struct purge *purge = context;

	if (holds_something(socket))
		purge->held++;
	else if (socket->touched_ns <= purge->sockets->purged_ns)
		remove_quietly(purge->sockets, socket);
	return 0;
}

/* Of all that came since the one before, so that each socket is looked at a few times at most. */
static void purge(struct na_sockets *sockets)
{
	struct na_socket_table *table = &sockets->table;
	struct purge purge = {.sockets = sockets};
	size_t part = table->max / PURGE_PART + 1;

	na_socket_table_each(table, purge_visited, &purge);
	sockets->purged_ns = sockets->restored_ns;
	sockets->purge_in = purge.held > part ? purge.held : part;
}

static bool make_room(struct na_sockets *sockets)
{
	if (!sockets->purge_in)
		purge(sockets);
	sockets->purge_in--;
	return sockets->table.count < sockets->table.max;
}

static struct na_socket *find(struct na_sockets *sockets, uint64_t cookie, uint64_t inode)
{
	struct na_socket_table *table = &sockets->table;
	struct na_socket *socket = na_socket_table_by_key(table, cookie);

	/* An accepted MPTCP socket has its listener's cookie. */
	if (socket &&
	    (socket->protocol != IPPROTO_MPTCP_NUMBER || !inode || socket->inode == inode))
		return socket;
	socket = na_socket_table_by_inode(table, inode);
	if (!socket || !cookie || socket->cookie == cookie)
		return socket;
	if (!socket->key) {
		na_socket_table_set_key(table, socket, cookie);
		socket->cookie = cookie;
		return socket;
	}
	remove_quietly(sockets, socket); /* the inode is another's by now */
	return NULL;
}

static struct na_socket *add(struct na_sockets *sockets, const struct na_event *event,
			     uint64_t cookie, uint64_t inode)
{
	struct na_ends ends = na_restore_ends(event);
	uint64_t key = cookie;
	struct na_socket *socket;

	if (!make_room(sockets))
		return NULL;
	if (event->f_NA_SOCKET_PROTOCOL == IPPROTO_MPTCP_NUMBER && ends.ingress &&
	    na_event_has(event, NA_FIELD_NA_CONNECTION_ID))
		key = na_socket_key_of_child(cookie, &ends.remote, ends.remote_port);
	socket = na_sockets_add(sockets, cookie, key, inode, 0);
	return socket == &sockets->spare ? NULL : socket;
}

/* Then it is another one than the one that had the inode before, and whose end nothing told. */
static bool begins_life(enum na_event_type type)
{
	return type == NA_EVENT_SOCKET_CREATED || type == NA_EVENT_ACCEPTED;
}

/* What all records of sockets begin with; BIND knows no inode. */
struct subject {
	struct na_record_header header;
	uint64_t cookie, inode;
};

/* Without a change to what is there. */
static const struct na_socket *look_up(const struct na_sockets *sockets,
				       const struct subject *subject)
{
	uint64_t inode = subject->header.type == NA_RECORD_BIND ? 0 : subject->inode;
	const struct na_socket *socket = na_socket_table_by_inode(&sockets->table, inode);

	if (socket && (!socket->cookie || !subject->cookie || socket->cookie == subject->cookie))
		return socket;
	return na_socket_table_by_key(&sockets->table, subject->cookie);
}

static bool is_stream(uint16_t type)
{
	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

/* Is about a socket, and only changes what is known where no event came of it. */
static bool may_be_silent(const struct na_record_header *record)
{
	switch (record->type) {
	case NA_RECORD_BIND:
		return !record->error;
	case NA_RECORD_CONNECT:
		return !record->error &&
		       !is_stream(((const struct na_record_connect *)record)->type);
	case NA_RECORD_UNIX:
		return ((const struct na_record_unix *)record)->operation != NA_OPERATION_CONNECT;
	case NA_RECORD_RELEASED:
		return true;
	default:
		return false;
	}
}

/* ------------------------------------------------------------------------------------------- */

struct na_socket *na_restore_socket(struct na_sockets *sockets, const struct na_event *event)
{
	bool has_cookie = na_event_has(event, NA_FIELD_NA_SOCKET_COOKIE);
	bool has_inode = na_event_has(event, NA_FIELD_NA_SOCKET_INODE);
	uint64_t cookie = has_cookie ? event->f_NA_SOCKET_COOKIE : 0;
	uint64_t inode = has_inode ? event->f_NA_SOCKET_INODE : 0;
	struct na_socket *socket;

	if (!cookie && !inode)
		return NULL;
	socket = find(sockets, cookie, inode);
	if (socket && !cookie && begins_life(event->type)) {
		remove_quietly(sockets, socket);
		socket = NULL;
	}
	if (!socket)
		socket = add(sockets, event, cookie, inode);
	if (!socket)
		return NULL;
	if (!socket->inode && inode && !na_socket_table_by_inode(&sockets->table, inode))
		na_socket_table_set_inode(&sockets->table, socket, inode);
	socket->flags |= NA_SOCKET_RESTORED;
	return socket;
}

bool na_restore_is_told(const struct na_sockets *sockets, const struct na_record_header *record)
{
	const struct na_socket *socket;

	if (record->time_ns > sockets->restored_ns || record->type == NA_RECORD_FOUND ||
	    record->type == NA_RECORD_FLOW) /* the flow knows what was told of it */
		return false;
	if (!may_be_silent(record))
		return true;
	socket = look_up(sockets, (const struct subject *)record);
	return !socket || record->time_ns <= socket->touched_ns;
}

bool na_sockets_restores(enum na_event_type type)
{
	switch (type) {
	case NA_EVENT_SOCKET_CREATED:
	case NA_EVENT_BOUND:
	case NA_EVENT_LISTENING:
	case NA_EVENT_CONNECT_ATTEMPTED:
	case NA_EVENT_ESTABLISHED:
	case NA_EVENT_CONNECT_FAILED:
	case NA_EVENT_ACCEPTED:
	case NA_EVENT_SHUTDOWN:
	case NA_EVENT_CLOSED:
	case NA_EVENT_FLOW:
	case NA_EVENT_EXISTING:
	case NA_EVENT_DENIED:
	case NA_EVENT_CONNECTION:
		return true;
	default:
		return false;
	}
}

void na_sockets_restore(struct na_sockets *sockets, const struct na_event *event)
{
	bool by_record =
		!na_event_has(event, NA_FIELD_NA_UNCERTAIN) && event->type != NA_EVENT_FLOW;
	struct na_socket *socket;

	if (!na_sockets_restores(event->type))
		return;
	/* Flows and unseen ends have the agent's own time. */
	if (by_record && event->boot_ns > sockets->restored_ns)
		sockets->restored_ns = event->boot_ns;
	socket = na_restore_socket(sockets, event);
	if (!socket)
		return;
	if (by_record && event->boot_ns > socket->touched_ns)
		socket->touched_ns = event->boot_ns;
	na_restore_event(sockets, socket, event);
}

void na_sockets_restored(struct na_sockets *sockets, bool gap)
{
	sockets->gap = gap;
}
