/* SPDX-License-Identifier: Apache-2.0 */
/* What an event of an earlier agent says of its socket: the way back from fill.c. */
#include "socket/restore.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/family.h"

#define IPPROTO_MPTCP_NUMBER 262

static bool is_stream(const struct na_socket *socket)
{
	return socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET;
}

static bool is_inet(const struct na_socket *socket)
{
	return socket->family == AF_INET || socket->family == AF_INET6;
}

static bool has_failed(const struct na_event *event)
{
	return na_event_has(event, NA_FIELD_ERROR_CODE);
}

static bool is_text(struct na_text text, const char *expected)
{
	return text.length == strlen(expected) && !memcmp(text.data, expected, text.length);
}

static void learn(struct na_socket *socket, const struct na_event *event)
{
	unsigned int family;

	if (na_event_has(event, NA_FIELD_NA_SOCKET_FAMILY) &&
	    na_family_find(event->f_NA_SOCKET_FAMILY, &family) == 0)
		socket->family = (uint16_t)family;
	if (na_event_has(event, NA_FIELD_NA_SOCKET_TYPE))
		socket->type = (uint16_t)na_fill_type_number(event->f_NA_SOCKET_TYPE);
	if (na_event_has(event, NA_FIELD_NA_SOCKET_PROTOCOL))
		socket->protocol = (uint16_t)event->f_NA_SOCKET_PROTOCOL;
	if (na_event_has(event, NA_FIELD_NA_SOCKET_NETNS))
		socket->netns = (uint32_t)event->f_NA_SOCKET_NETNS;
	if (na_event_has(event, NA_FIELD_NA_UNATTRIBUTED) &&
	    is_text(event->f_NA_UNATTRIBUTED, NA_UNATTRIBUTED_KERNEL))
		socket->flags |= NA_SOCKET_KERNEL;
}

/* ---- who ---- */

static uint32_t number_of(struct na_text digits)
{
	uint32_t number = 0;

	for (size_t i = 0; i < digits.length; i++)
		number = number * 10 + (uint32_t)(digits.data[i] - '0');
	return number;
}

static struct na_credentials credentials_of(const struct na_event *event)
{
	struct na_credentials credentials = {0};

	if (na_event_has(event, NA_FIELD_USER_ID))
		credentials.uid = credentials.euid = number_of(event->f_USER_ID);
	if (na_event_has(event, NA_FIELD_USER_EFFECTIVE_ID))
		credentials.euid = number_of(event->f_USER_EFFECTIVE_ID);
	if (na_event_has(event, NA_FIELD_GROUP_ID))
		credentials.gid = credentials.egid = number_of(event->f_GROUP_ID);
	return credentials;
}

static uint32_t tid_of(const struct na_event *event)
{
	return na_event_has(event, NA_FIELD_PROCESS_THREAD_ID)
		       ? (uint32_t)event->f_PROCESS_THREAD_ID
		       : 0;
}

static void own(struct na_sockets *sockets, struct na_socket *socket, const struct na_event *event)
{
	struct na_process *process = na_processes_restore(sockets->options.processes, event, false);

	if (!process)
		return;
	na_socket_set_process(&socket->owner, process);
	socket->owner_tid = tid_of(event);
	socket->owner_credentials = credentials_of(event);
}

static void create(struct na_sockets *sockets, struct na_socket *socket,
		   const struct na_event *event)
{
	struct na_process *process = na_processes_restore(sockets->options.processes, event, false);

	if (!process)
		return;
	na_socket_set_process(&socket->creator, process);
	socket->owner_credentials = credentials_of(event);
}

/* Known from here where the event that made it so is not in the journal any more. */
static void learn_processes(struct na_sockets *sockets, struct na_socket *socket,
			    const struct na_event *event)
{
	bool of_owner = event->type == NA_EVENT_ESTABLISHED ||
			event->type == NA_EVENT_CONNECT_FAILED ||
			event->type == NA_EVENT_CONNECTION;
	struct na_process *creator;

	if (of_owner && !socket->owner && !socket->creator)
		own(sockets, socket, event);
	if (socket->creator)
		return;
	creator = na_processes_restore(sockets->options.processes, event, true);
	if (creator)
		na_socket_set_process(&socket->creator, creator);
}

/* ---- where ---- */

static void set_path(struct na_socket *socket, int end, struct na_text text)
{
	char path[UINT8_MAX];

	if (!text.length || text.length > sizeof(path))
		return;
	memcpy(path, text.data, text.length);
	if (path[0] == '@') /* as an abstract name is shown */
		path[0] = '\0';
	na_socket_set_path(socket, end, path, text.length);
}

static void learn_paths(struct na_socket *socket, const struct na_event *event, bool ingress)
{
	if (na_event_has(event, NA_FIELD_SOURCE_ADDRESS))
		set_path(socket, ingress ? 1 : 0, event->f_SOURCE_ADDRESS);
	if (na_event_has(event, NA_FIELD_DESTINATION_ADDRESS))
		set_path(socket, ingress ? 0 : 1, event->f_DESTINATION_ADDRESS);
}

static void learn_local(struct na_socket *socket, const struct na_event *event)
{
	if (!is_inet(socket)) {
		learn_paths(socket, event, true);
		return;
	}
	if (na_event_has(event, NA_FIELD_DESTINATION_IP))
		socket->local = event->f_DESTINATION_IP;
	if (na_event_has(event, NA_FIELD_DESTINATION_PORT))
		socket->local_port = (uint16_t)event->f_DESTINATION_PORT;
}

static void learn_tuple(struct na_socket *socket, const struct na_event *event)
{
	static const struct na_address none;
	struct na_ends ends = na_restore_ends(event);

	if (!is_inet(socket)) {
		learn_paths(socket, event, ends.ingress);
		return;
	}
	/* An address that is not told is "any". */
	if (memcmp(&ends.local, &none, sizeof(none)) != 0)
		socket->local = ends.local;
	if (ends.local_port)
		socket->local_port = ends.local_port;
	socket->remote = ends.remote;
	socket->remote_port = ends.remote_port;
}

/* ---- the link ---- */

/* 0: it names no connection. */
static uint32_t ordinal_of(const struct na_event *event)
{
	struct na_text id = event->f_NA_CONNECTION_ID;
	const char *at;
	uint32_t ordinal = 0;

	if (!na_event_has(event, NA_FIELD_NA_CONNECTION_ID) ||
	    !(at = memrchr(id.data, '-', id.length)))
		return 0;
	while (++at < id.data + id.length)
		ordinal = ordinal << 4 | (uint32_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
	return ordinal;
}

static bool is_by_inode(const struct na_event *event)
{
	struct na_text id = event->f_NA_CONNECTION_ID;

	return na_event_has(event, NA_FIELD_NA_CONNECTION_ID) &&
	       id.length > NA_CONNECTION_ID_BOOT && id.data[NA_CONNECTION_ID_BOOT] == 'i';
}

static void begin(struct na_socket *socket, enum na_link link, uint64_t time_ns,
		  const struct na_event *event)
{
	uint32_t links = socket->links, ordinal = ordinal_of(event);

	na_link_begin(socket, link, time_ns);
	socket->ordinal = ordinal;
	socket->links = ordinal > links ? ordinal : links;
	if (is_by_inode(event) && socket->protocol != IPPROTO_MPTCP_NUMBER)
		socket->flags |= NA_SOCKET_NO_COOKIE;
}

/* The event is about a link that began before: where that is not known, as far as it tells. */
static void go_on(struct na_socket *socket, enum na_link link, const struct na_event *event)
{
	bool has_age = na_event_has(event, NA_FIELD_EVENT_DURATION);
	uint64_t start_ns = event->boot_ns;

	if (socket->link == NA_LINK_NONE || socket->ordinal != ordinal_of(event)) {
		if (has_age && (uint64_t)event->f_EVENT_DURATION < start_ns)
			start_ns -= (uint64_t)event->f_EVENT_DURATION;
		begin(socket, link, start_ns, event);
		if (event->type == NA_EVENT_CONNECTION && !has_age)
			socket->start_ns = 0;
	}
	socket->link = (uint8_t)link;
	if (na_restore_ends(event).ingress)
		socket->flags |= NA_SOCKET_INGRESS;
}

static void attempted(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_event *event)
{
	enum na_link link = NA_LINK_ATTEMPTED;

	if (!is_stream(socket))
		link = has_failed(event) ? NA_LINK_NONE : NA_LINK_UP;
	if (!(socket->flags & NA_SOCKET_KERNEL))
		own(sockets, socket, event);
	if (is_stream(socket) && is_inet(socket) && !(socket->flags & NA_SOCKET_BOUND)) {
		socket->local = (struct na_address){{0}};
		socket->local_port = 0;
	}
	learn_tuple(socket, event);
	begin(socket, link, event->boot_ns, event);
}

static void failed(struct na_socket *socket, const struct na_event *event)
{
	enum na_program program = na_fill_program_number(event->f_NA_SOURCE);

	go_on(socket, NA_LINK_NONE, event);
	learn_tuple(socket, event);
	if (program == NA_PROGRAM_SET_STATE) /* the call's result comes after it */
		socket->flags |= NA_SOCKET_FAILED;
}

static void accepted(struct na_sockets *sockets, struct na_socket *socket,
		     const struct na_event *event)
{
	own(sockets, socket, event);
	begin(socket, NA_LINK_UP, event->boot_ns, event);
	socket->flags |= NA_SOCKET_INGRESS;
	learn_tuple(socket, event);
}

static void closed(struct na_socket *socket, const struct na_event *event)
{
	uint32_t ordinal = ordinal_of(event);

	if (ordinal > socket->links)
		socket->links = ordinal;
	socket->link = NA_LINK_NONE;
	socket->flags |= NA_SOCKET_CLOSED;
}

static void existing(struct na_sockets *sockets, struct na_socket *socket,
		     const struct na_event *event)
{
	unsigned int state = na_fill_state_number(event->f_NA_SOCKET_STATE);

	own(sockets, socket, event);
	socket->owner_tid = 0;
	socket->flags |= NA_SOCKET_OLD;
	if (ordinal_of(event)) {
		bool is_attempt = is_text(event->f_NA_SOCKET_STATE, "syn_sent");

		learn_tuple(socket, event);
		begin(socket, is_attempt ? NA_LINK_ATTEMPTED : NA_LINK_UP, event->boot_ns, event);
		socket->start_ns = 0;
		if (na_restore_ends(event).ingress)
			socket->flags |= NA_SOCKET_INGRESS;
	} else {
		learn_local(socket, event);
		socket->flags |= is_text(event->f_NA_SOCKET_STATE, "listen") ? NA_SOCKET_LISTENING
									     : NA_SOCKET_BOUND;
	}
	socket->state = (uint8_t)state;
}

/* As interval.c counts whole intervals from the start. */
static void told(const struct na_sockets *sockets, struct na_socket *socket,
		 const struct na_event *event)
{
	uint64_t interval_ns = sockets->options.connection_interval_ns;

	go_on(socket, NA_LINK_UP, event);
	learn_tuple(socket, event);
	if (interval_ns && event->boot_ns > socket->told_ns)
		socket->told_ns += (event->boot_ns - socket->told_ns) / interval_ns * interval_ns;
}

/* ---- calls that were refused, and flows ---- */

static enum na_operation operation_of(const struct na_event *event)
{
	static const char *const names[NA_OPERATION_COUNT] = {
		[NA_OPERATION_SOCKET] = "socket", [NA_OPERATION_BIND] = "bind",
		[NA_OPERATION_LISTEN] = "listen", [NA_OPERATION_CONNECT] = "connect",
		[NA_OPERATION_ACCEPT] = "accept", [NA_OPERATION_SHUTDOWN] = "shutdown",
		[NA_OPERATION_SEND] = "send",     [NA_OPERATION_SETSOCKOPT] = "setsockopt",
	};

	for (int i = 1; i < NA_OPERATION_COUNT; i++)
		if (is_text(event->f_NA_OPERATION, names[i]))
			return (enum na_operation)i;
	return NA_OPERATION_NONE;
}

/* The call's result may still come: it is told. */
static void note_call(struct na_sockets *sockets, const struct na_socket *socket,
		      const struct na_event *event, enum na_operation operation)
{
	uint32_t tid = tid_of(event);

	if (tid)
		*na_sockets_call(sockets, tid) = (struct na_call){.cookie = socket->cookie,
								  .tid = tid,
								  .operation = (uint8_t)operation,
								  .told = true};
}

static bool is_result(const struct na_event *event)
{
	enum na_program program = na_fill_program_number(event->f_NA_SOURCE);

	return program == NA_PROGRAM_SYS_EXIT || program == NA_PROGRAM_URING_COMPLETE ||
	       (program >= NA_PROGRAM_CALL_SOCKET && program <= NA_PROGRAM_CALL_SENDMMSG);
}

static void denied(struct na_sockets *sockets, struct na_socket *socket,
		   const struct na_event *event)
{
	enum na_operation operation = operation_of(event);

	if (na_event_has(event, NA_FIELD_NA_HOOK) && operation == NA_OPERATION_CONNECT &&
	    socket->link == NA_LINK_ATTEMPTED)
		socket->link = NA_LINK_NONE;
	if (!is_result(event))
		note_call(sockets, socket, event, operation);
}

static void bound(struct na_sockets *sockets, struct na_socket *socket,
		  const struct na_event *event)
{
	if (has_failed(event))
		return;
	socket->flags |= NA_SOCKET_BOUND;
	own(sockets, socket, event);
	learn_local(socket, event);
	if (!is_result(event))
		note_call(sockets, socket, event, NA_OPERATION_BIND);
}

static void listening(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_event *event)
{
	if (has_failed(event))
		return;
	socket->flags |= NA_SOCKET_LISTENING;
	own(sockets, socket, event);
	learn_local(socket, event);
}

static void flow(struct na_sockets *sockets, struct na_socket *socket, const struct na_event *event)
{
	struct na_restored_flow restored = {
		.ends = na_restore_ends(event),
		.process = na_processes_restore(sockets->options.processes, event, false),
		.credentials = credentials_of(event),
		.time_ns = event->boot_ns,
		.ordinal = ordinal_of(event),
		.program = (uint8_t)na_fill_program_number(event->f_NA_SOURCE),
		.end = event->f_EVENT_TYPE.count == 2 &&
		       is_text(event->f_EVENT_TYPE.items[1], "end"),
	};
	bool of_others = na_event_has(event, NA_FIELD_MESSAGE);

	if (na_event_has(event, NA_FIELD_PROCESS_PID) && !of_others)
		restored.pid = (uint32_t)event->f_PROCESS_PID;
	/* Both by one offset between the clocks. */
	if (na_event_has(event, NA_FIELD_EVENT_END))
		restored.last_ns = event->boot_ns - (event->f_TIMESTAMP - event->f_EVENT_END);
	if (na_event_has(event, NA_FIELD_EVENT_START))
		restored.first_ns = event->boot_ns - (event->f_TIMESTAMP - event->f_EVENT_START);
	if (restored.ordinal > socket->links)
		socket->links = restored.ordinal;
	if (restored.last_ns > socket->touched_ns)
		socket->touched_ns = restored.last_ns;
	na_flow_restore(sockets, socket, &restored);
}

static void restore_link(struct na_sockets *sockets, struct na_socket *socket,
			 const struct na_event *event)
{
	switch (event->type) {
	case NA_EVENT_CONNECT_ATTEMPTED:
		attempted(sockets, socket, event);
		break;
	case NA_EVENT_ESTABLISHED:
		go_on(socket, NA_LINK_UP, event);
		learn_tuple(socket, event);
		break;
	case NA_EVENT_CONNECT_FAILED:
		failed(socket, event);
		break;
	case NA_EVENT_ACCEPTED:
		accepted(sockets, socket, event);
		break;
	case NA_EVENT_CLOSED:
		closed(socket, event);
		break;
	case NA_EVENT_EXISTING:
		existing(sockets, socket, event);
		break;
	case NA_EVENT_CONNECTION:
		told(sockets, socket, event);
		break;
	default: /* SHUTDOWN: the kernel tells what comes of it */
		break;
	}
}

/* ------------------------------------------------------------------------------------------- */

struct na_ends na_restore_ends(const struct na_event *event)
{
	struct na_ends ends = {.ingress = na_event_has(event, NA_FIELD_NETWORK_DIRECTION) &&
					  is_text(event->f_NETWORK_DIRECTION, "ingress")};
	struct na_address *source = ends.ingress ? &ends.remote : &ends.local;
	struct na_address *destination = ends.ingress ? &ends.local : &ends.remote;
	uint16_t *source_port = ends.ingress ? &ends.remote_port : &ends.local_port;
	uint16_t *destination_port = ends.ingress ? &ends.local_port : &ends.remote_port;

	if (na_event_has(event, NA_FIELD_SOURCE_IP))
		*source = event->f_SOURCE_IP;
	if (na_event_has(event, NA_FIELD_DESTINATION_IP))
		*destination = event->f_DESTINATION_IP;
	if (na_event_has(event, NA_FIELD_SOURCE_PORT))
		*source_port = (uint16_t)event->f_SOURCE_PORT;
	if (na_event_has(event, NA_FIELD_DESTINATION_PORT))
		*destination_port = (uint16_t)event->f_DESTINATION_PORT;
	return ends;
}

void na_restore_event(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_event *event)
{
	if (tid_of(event)) /* its last call has returned */
		*na_sockets_call(sockets, tid_of(event)) = (struct na_call){0};
	learn(socket, event);
	switch (event->type) {
	case NA_EVENT_SOCKET_CREATED:
		create(sockets, socket, event);
		return;
	case NA_EVENT_BOUND:
		bound(sockets, socket, event);
		break;
	case NA_EVENT_LISTENING:
		listening(sockets, socket, event);
		break;
	case NA_EVENT_DENIED:
		denied(sockets, socket, event);
		return;
	case NA_EVENT_FLOW:
		flow(sockets, socket, event);
		break;
	default:
		restore_link(sockets, socket, event);
	}
	if (event->type != NA_EVENT_CLOSED)
		learn_processes(sockets, socket, event);
}
