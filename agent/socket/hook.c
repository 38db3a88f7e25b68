/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What security hooks say. A refusal is a `denied` with the hook, and the call's result is told no
 * more; what a hook in mode event allowed, or answered with another error, is hook.<name>: a
 * permission, so the table learns nothing from it.
 */
#include "base/hook.h"

#include "base/family.h"
#include "socket/fill.h"

static struct na_socket *find_of_hook(struct na_sockets *sockets,
				      const struct na_record_hook *record)
{
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);

	if (socket)
		return socket;
	socket = na_sockets_add(sockets, record->cookie, record->cookie, record->inode,
				record->header.time_ns);
	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	/* There is no socket yet, only what is asked for. */
	if (record->hook == NA_HOOK_SOCKET_CREATE) {
		socket->type = (uint16_t)record->first;
		socket->protocol = (uint16_t)record->second;
	}
	socket->netns = record->netns;
	if (record->flags & NA_FLAG_KERNEL)
		socket->flags |= NA_SOCKET_KERNEL;
	return socket;
}

/* What a socket that is not known would be, for as long as its event is made. */
static struct na_socket made_of(const struct na_record_hook *record)
{
	struct na_socket socket = {
		.cookie = record->cookie,
		.inode = record->inode,
		.netns = record->netns,
		.family = record->family,
		.type = record->type,
		.protocol = record->protocol,
		.local_port = record->local_port,
		.remote_port = record->remote_port,
		.flags = record->flags & NA_FLAG_KERNEL ? NA_SOCKET_KERNEL : 0,
	};

	memcpy(&socket.local, record->local, sizeof(socket.local));
	memcpy(&socket.remote, record->remote, sizeof(socket.remote));
	return socket;
}

/* Of a socket that is still to be made, its arguments are what it will be. */
static void foresee(struct na_socket *socket, enum na_hook_argument is, uint64_t value)
{
	if (is == NA_HOOK_ARGUMENT_TYPE)
		socket->type = value & 15; /* without SOCK_CLOEXEC, SOCK_NONBLOCK */
	else if (is == NA_HOOK_ARGUMENT_PROTOCOL)
		socket->protocol = (uint16_t)value;
	else if (is == NA_HOOK_ARGUMENT_FAMILY)
		socket->family = (uint16_t)value;
}

static void fill_how(struct na_event *event, uint64_t how)
{
	static const char *const names[] = {"read", "write", "both"};

	if (how < sizeof(names) / sizeof(*names))
		NA_SET_TEXT(event, NA_SHUTDOWN_HOW, names[how]);
}

/* Arguments of the kernel are of 32 bits, but for a size, which is one too. */
static void fill_argument(struct na_event *event, enum na_hook_argument is, uint64_t value)
{
	int32_t number = (int32_t)value;

	switch (is) {
	case NA_HOOK_ARGUMENT_BACKLOG:
		NA_SET(event, NA_BACKLOG, number);
		break;
	case NA_HOOK_ARGUMENT_HOW:
		fill_how(event, value & UINT32_MAX);
		break;
	case NA_HOOK_ARGUMENT_SIZE:
		NA_SET(event, NA_MESSAGE_SIZE, number);
		break;
	case NA_HOOK_ARGUMENT_FLAGS:
		NA_SET(event, NA_MESSAGE_FLAGS, (uint32_t)value);
		break;
	case NA_HOOK_ARGUMENT_LEVEL:
		NA_SET(event, NA_SOCKOPT_LEVEL, number);
		break;
	case NA_HOOK_ARGUMENT_OPTION:
		NA_SET(event, NA_SOCKOPT_NAME, number);
		break;
	case NA_HOOK_ARGUMENT_SECID:
		NA_SET(event, NA_SECID, (uint32_t)value);
		break;
	default: /* the socket's, which are told as its own */
		break;
	}
}

static void fill_arguments(struct na_event *event, const struct na_record_hook *record)
{
	const struct na_hook_row *row = &na_hook_rows[record->hook];

	NA_SET(event, NA_HOOK, row->name);
	fill_argument(event, row->first_is, record->first);
	fill_argument(event, row->second_is, record->second);
}

static bool has_end(const uint8_t address[16], uint16_t port)
{
	static const uint8_t none[16], any[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return port || (memcmp(address, none, 16) != 0 && memcmp(address, any, 16) != 0);
}

/* An address that was given is where it goes; what is only bound has no other end. */
static void fill_ends(struct na_sockets *sockets, const struct na_socket *known,
		      const struct na_socket *made, const struct na_record_hook *record)
{
	const struct na_hook_row *row = &na_hook_rows[record->hook];
	bool given = row->has_address && has_end(record->remote, record->remote_port);
	struct na_socket shown = *made;

	shown.flags |= known ? known->flags & NA_SOCKET_INGRESS : 0;
	if (known) {
		memcpy(shown.path, known->path, sizeof(shown.path));
		memcpy(shown.path_length, known->path_length, sizeof(shown.path_length));
	}
	if (given && row->operation == NA_OPERATION_BIND)
		na_fill_destination(sockets, &shown, &shown.remote, shown.remote_port);
	else if (given || has_end(record->remote, record->remote_port) || shown.path_length[1])
		na_fill_tuple(sockets, &shown);
	else if (has_end(record->local, record->local_port) || shown.path_length[0])
		na_fill_local(sockets, &shown);
}

static int report_allowed(struct na_sockets *sockets, const struct na_record_hook *record)
{
	const struct na_hook_row *row = &na_hook_rows[record->hook];
	struct na_socket *known = na_sockets_find(sockets, record->cookie, record->inode);
	struct na_socket made = made_of(record);
	int error;

	if (!record->cookie && !record->inode) {
		foresee(&made, row->first_is, record->first);
		foresee(&made, row->second_is, record->second);
	}
	error = na_fill_begin(sockets, row->event, &record->header, known ? known : &made);
	if (error)
		return error;
	na_fill_asker(sockets, known && !(made.flags & NA_SOCKET_KERNEL) ? known : &made,
		      &record->header);
	fill_ends(sockets, known, &made, record);
	fill_arguments(&sockets->event, record);
	if (record->sample > 1)
		NA_SET(&sockets->event, NA_SAMPLE, record->sample);
	if (record->header.error < 0)
		na_event_set_error(&sockets->event, record->header.error);
	return na_fill_put(sockets);
}

/* The result of the call comes after it, and is told by this. */
static int report_refused(struct na_sockets *sockets, const struct na_record_hook *record)
{
	const struct na_record_header *header = &record->header;
	const struct na_hook_row *row = &na_hook_rows[record->hook];
	enum na_operation operation = row->operation;
	struct na_socket *socket = find_of_hook(sockets, record);
	struct na_call given = {.port = record->remote_port};
	bool told = row->has_address && has_end(record->remote, record->remote_port);
	int error;

	socket->touched_ns = header->time_ns;
	/* unix_may_send is asked by connect as well. */
	if (operation == NA_OPERATION_SEND &&
	    na_call_find(sockets, header->tid, NA_OPERATION_CONNECT, socket->cookie))
		operation = NA_OPERATION_CONNECT;
	given.operation = (uint8_t)operation;
	if (operation == NA_OPERATION_CONNECT && socket->link == NA_LINK_ATTEMPTED)
		socket->link = NA_LINK_NONE;
	if (header->tid)
		*na_sockets_call(sockets, header->tid) = (struct na_call){
			.cookie = operation == NA_OPERATION_SOCKET ? 0 : socket->cookie,
			.tid = header->tid,
			.operation = (uint8_t)operation,
			.told = true,
		};
	if (record->flags & NA_FLAG_EXCLUDED)
		return 0;
	memcpy(&given.address, record->remote, sizeof(given.address));
	error = na_denied_begin(sockets, socket, header, operation, "lsm", told ? &given : NULL);
	if (error)
		return error;
	fill_arguments(&sockets->event, record);
	return na_fill_put(sockets);
}

/* ------------------------------------------------------------------------------------------- */

int na_take_hook(struct na_sockets *sockets, const struct na_record_hook *record)
{
	if (record->hook == NA_HOOK_NONE || record->hook >= NA_HOOK_COUNT)
		return 0;
	return na_is_refusal(record->header.error) ? report_refused(sockets, record)
						   : report_allowed(sockets, record);
}
