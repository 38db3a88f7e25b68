/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes ask for and get: socket, bind, listen, shutdown, close, and refusals.
 *
 * A refusal is told once, as `denied`. Who refused follows from how far the call came: LSMs look
 * before the cgroup programs and these before the operation, so a call that a cgroup program saw
 * was not refused by an LSM; one that no program saw was, or by seccomp where the task has a
 * filter that does not let all such calls pass.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "socket/fill.h"

#define PRIVILEGED_PORTS 1024

static bool is_stream(const struct na_socket *socket)
{
	return socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET;
}

static bool is_inet(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static int report_denied(struct na_sockets *sockets, struct na_socket *socket,
			 const struct na_record_header *header, enum na_operation operation,
			 const char *policy, const struct na_call *call)
{
	int error = na_denied_begin(sockets, socket, header, operation, policy, call);

	return error ? error : na_fill_put(sockets);
}

/* Who refused a call that nobody saw on its way in. */
static const char *unseen_policy(uint16_t flags)
{
	bool seccomp = flags & NA_FLAG_SECCOMP, lsm = !(flags & NA_FLAG_NO_LSM);

	if (seccomp == lsm)
		return "unknown";
	return seccomp ? "seccomp" : "lsm";
}

/* What file permissions refuse is a failure like others; an abstract name has none. */
static bool has_permissions(const struct na_socket *socket, int error)
{
	return error == -EACCES && socket->path_length[1] && socket->path[1][0];
}

/*
 * Of unix sockets, for which a cgroup program is asked from 6.7 on, and before the file's
 * permissions and two of the hooks. A datagram socket that has another peer refuses as well, with
 * EPERM.
 */
static const char *unix_policy(const struct na_socket *socket,
			       const struct na_record_result *record, bool seen)
{
	bool permissions = has_permissions(socket, record->header.error);

	if (record->flags & NA_FLAG_NO_LSM && (seen || !(record->flags & NA_FLAG_SECCOMP)))
		return NULL;
	if (permissions)
		return seen ? NULL : "unknown";
	if (!seen)
		return unseen_policy(record->flags);
	return is_stream(socket) ? "lsm" : "unknown";
}

/* Who refused a connect; NULL: nobody, it failed. */
static const char *connect_policy(const struct na_socket *socket,
				  const struct na_record_result *record, const struct na_call *call)
{
	bool seen = call || socket->link == NA_LINK_ATTEMPTED;

	if (!na_is_refusal(record->header.error))
		return NULL;
	if (socket->family == AF_UNIX)
		return unix_policy(socket, record, seen);
	if (call && call->unsure && record->header.error == -EPERM)
		return "cgroup";
	return seen ? NULL : unseen_policy(record->flags);
}

/* Sockets of these are refused with EACCES by LSMs alone, but for ping's (ping_group_range). */
static bool is_lsms_alone(const struct na_record_created *record)
{
	bool ping = record->type == SOCK_DGRAM &&
		    (record->protocol == IPPROTO_ICMP || record->protocol == IPPROTO_ICMPV6);

	return record->header.error == -EACCES &&
	       (record->family == AF_UNIX || (is_inet(record->family) && !ping));
}

static const char *socket_policy(const struct na_record_created *record)
{
	bool needs_capability = record->type == SOCK_RAW || record->family == AF_PACKET;

	if (record->header.program == NA_PROGRAM_SOCK_CREATE)
		return "cgroup";
	if (record->header.program == NA_PROGRAM_CALL_CREATE)
		return "lsm";
	if (!(record->flags & NA_FLAG_SECCOMP) && needs_capability)
		return "capability";
	if (!(record->flags & (NA_FLAG_SECCOMP | NA_FLAG_NO_LSM)))
		return is_lsms_alone(record) ? "lsm" : "unknown";
	return needs_capability ? "unknown" : unseen_policy(record->flags);
}

/* A refusal by a cgroup program or an LSM: the call's own end is still to come. */
static bool is_on_way_in(const struct na_record_header *header)
{
	return header->program == NA_PROGRAM_SOCK_CREATE ||
	       header->program == NA_PROGRAM_CALL_CREATE;
}

static int take_create_failure(struct na_sockets *sockets, const struct na_record_created *record)
{
	const struct na_record_header *header = &record->header;
	struct na_call *call = na_call_find(sockets, header->tid, NA_OPERATION_SOCKET, 0);
	struct na_socket *socket = na_sockets_add(sockets, 0, 0, 0, header->time_ns);
	int error;

	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	/* Told on its way in. */
	if (call && !is_on_way_in(header)) {
		*call = (struct na_call){0};
		return 0;
	}
	/* By the program of the BPF LSM. */
	if (call && call->told && header->program == NA_PROGRAM_CALL_CREATE) {
		call->told = false;
		return 0;
	}
	if (is_on_way_in(header))
		*na_sockets_call(sockets, header->tid) =
			(struct na_call){.tid = header->tid, .operation = NA_OPERATION_SOCKET};
	if (na_is_refusal(header->error))
		return report_denied(sockets, socket, header, NA_OPERATION_SOCKET,
				     socket_policy(record), NULL);
	error = na_fill_begin(sockets, NA_EVENT_SOCKET_CREATED, header, socket);
	if (error)
		return error;
	na_fill_process(sockets, na_sockets_process(sockets, header), header->tid,
			&header->credentials);
	na_event_set_error(&sockets->event, header->error);
	return na_fill_put(sockets);
}

/* The common part of bound, listening and shutdown, by the record's process. */
static int begin_call(struct na_sockets *sockets, struct na_socket *socket, enum na_event_type type,
		      const struct na_record_header *header)
{
	const struct na_process *process = na_sockets_process(sockets, header);
	int error = na_fill_begin(sockets, type, header, socket);

	if (error)
		return error;
	na_fill_process(sockets, process, header->tid, &header->credentials);
	na_fill_creator(sockets, socket, process);
	if (header->error)
		na_event_set_error(&sockets->event, header->error);
	return 0;
}

static int report_bound(struct na_sockets *sockets, struct na_socket *socket,
			const struct na_record_header *header)
{
	int error;

	socket->flags |= NA_SOCKET_BOUND;
	na_sockets_own(sockets, socket, header);
	error = begin_call(sockets, socket, NA_EVENT_BOUND, header);
	if (error)
		return error;
	na_fill_local(sockets, socket);
	return na_fill_put(sockets);
}

/* NULL: nobody, it failed. */
static const char *bind_policy(const struct na_socket *socket,
			       const struct na_record_result *record, const struct na_call *call)
{
	bool inet = socket->family == AF_INET || socket->family == AF_INET6;

	/* Of other families no program sees the attempt, and they have checks of their own. */
	if (!call && !inet && record->flags & NA_FLAG_NO_LSM)
		return record->flags & NA_FLAG_SECCOMP ? "unknown" : NULL;
	if (!call)
		return inet ? unseen_policy(record->flags) : "unknown";
	if (record->header.error == -EPERM)
		return "cgroup";
	return call->port && call->port < PRIVILEGED_PORTS ? "capability" : NULL;
}

static int bind_failed(struct na_sockets *sockets, struct na_socket *socket,
		       const struct na_record_result *record, const struct na_call *call)
{
	const char *policy =
		na_is_refusal(record->header.error) ? bind_policy(socket, record, call) : NULL;
	int error;

	if (policy)
		return report_denied(sockets, socket, &record->header, NA_OPERATION_BIND, policy,
				     call);
	error = begin_call(sockets, socket, NA_EVENT_BOUND, &record->header);
	if (error)
		return error;
	if (call)
		na_fill_destination(sockets, socket, &call->address, call->port);
	return na_fill_put(sockets);
}

static int take_bind_result(struct na_sockets *sockets, struct na_socket *socket,
			    const struct na_record_result *record)
{
	struct na_call *found =
		na_call_find(sockets, record->header.tid, NA_OPERATION_BIND, socket->cookie);
	struct na_call call = found ? *found : (struct na_call){0};

	if (found)
		*found = (struct na_call){0};
	if (call.told) /* by BOUND, or a refusal told on its way in */
		return 0;
	if (record->header.error)
		return bind_failed(sockets, socket, record, found ? &call : NULL);
	if (is_inet(socket->family) && socket->flags & NA_SOCKET_BOUND)
		return 0;
	memcpy(socket->local.bytes, record->local, sizeof(socket->local.bytes));
	socket->local_port = record->local_port;
	return report_bound(sockets, socket, &record->header);
}

/* A hook's program told the refusal that this result comes from. */
static bool is_told(struct na_sockets *sockets, const struct na_socket *socket,
		    const struct na_record_result *record)
{
	struct na_call *call = na_call_find(sockets, record->header.tid, (uint8_t)record->operation,
					    socket->cookie);
	bool told = call && call->told && record->header.error;

	if (call)
		*call = (struct na_call){0};
	return told;
}

static int take_listen_result(struct na_sockets *sockets, struct na_socket *socket,
			      const struct na_record_result *record)
{
	int error;

	if (is_told(sockets, socket, record))
		return 0;
	if (na_is_refusal(record->header.error))
		return report_denied(sockets, socket, &record->header, NA_OPERATION_LISTEN,
				     unseen_policy(record->flags), NULL);
	if (!record->header.error) {
		if (is_inet(socket->family)) {
			memcpy(socket->local.bytes, record->local, sizeof(socket->local.bytes));
			socket->local_port = record->local_port;
		}
		return na_listen_report_backlog(sockets, socket, &record->header, record->value);
	}
	error = begin_call(sockets, socket, NA_EVENT_LISTENING, &record->header);
	if (error)
		return error;
	if (socket->local_port)
		na_fill_local(sockets, socket);
	return na_fill_put(sockets);
}

/* connect(2) of a datagram socket gives it a peer, and has its outcome at once. */
static int datagram_connected(struct na_sockets *sockets, struct na_socket *socket,
			      const struct na_record_result *record, const struct na_call *call)
{
	int error;

	if (call) {
		socket->remote = call->address;
		socket->remote_port = call->port;
	}
	if (!record->header.error) {
		memcpy(socket->local.bytes, record->local, sizeof(socket->local.bytes));
		socket->local_port = record->local_port;
	}
	na_sockets_own(sockets, socket, &record->header);
	na_link_begin(socket, record->header.error ? NA_LINK_NONE : NA_LINK_UP,
		      record->header.time_ns);
	error = na_fill_begin(sockets, NA_EVENT_CONNECT_ATTEMPTED, &record->header, socket);
	if (error)
		return error;
	na_fill_tuple(sockets, socket);
	na_fill_connection(sockets, socket);
	na_fill_owner(sockets, socket, record->header.tid);
	if (record->header.error)
		na_event_set_error(&sockets->event, record->header.error);
	else
		na_event_set_outcome(&sockets->event, NA_OUTCOME_SUCCESS);
	return na_fill_put(sockets);
}

/* A call that no record told of on its way in begins its attempt here. */
static int attempt(struct na_sockets *sockets, struct na_socket *socket,
		   const struct na_record_header *header)
{
	struct na_record_header begun = *header;

	if (socket->link == NA_LINK_ATTEMPTED)
		return 0;
	begun.error = 0;
	na_sockets_own(sockets, socket, header);
	na_link_begin(socket, NA_LINK_ATTEMPTED, header->time_ns);
	return na_link_report(sockets, socket, NA_EVENT_CONNECT_ATTEMPTED, &begun, 0);
}

static int stream_connected(struct na_sockets *sockets, struct na_socket *socket,
			    const struct na_record_header *header)
{
	enum na_event_type type = header->error ? NA_EVENT_CONNECT_FAILED : NA_EVENT_ESTABLISHED;
	int error = attempt(sockets, socket, header);

	if (error)
		return error;
	socket->link = header->error ? NA_LINK_NONE : NA_LINK_UP;
	return na_link_report(sockets, socket, type, header, header->error);
}

/* Told of a send too: of datagrams one hook is asked for both. */
static struct na_call *find_connect(struct na_sockets *sockets, uint32_t tid, uint64_t cookie)
{
	struct na_call *call = na_call_find(sockets, tid, NA_OPERATION_CONNECT, cookie);

	if (call)
		return call;
	call = na_call_find(sockets, tid, NA_OPERATION_SEND, cookie);
	return call && call->told ? call : NULL;
}

/* It ends the attempt, and one that is held back never was. */
static int connect_refused(struct na_sockets *sockets, struct na_socket *socket,
			   const struct na_record_header *header, const char *policy,
			   const struct na_call *call)
{
	if (socket->flags & NA_SOCKET_HELD)
		socket->links--;
	socket->flags &= (uint16_t)~NA_SOCKET_HELD;
	if (socket->link == NA_LINK_ATTEMPTED)
		socket->link = NA_LINK_NONE;
	return report_denied(sockets, socket, header, NA_OPERATION_CONNECT, policy,
			     is_inet(socket->family) ? call : NULL);
}

static int take_connect_result(struct na_sockets *sockets, struct na_socket *socket,
			       const struct na_record_result *record)
{
	const struct na_record_header *header = &record->header;
	struct na_call *found = find_connect(sockets, header->tid, socket->cookie);
	struct na_call call = found ? *found : (struct na_call){0};
	bool told = socket->flags & NA_SOCKET_FAILED;
	const char *policy;
	int error;

	if (found)
		*found = (struct na_call){0};
	socket->flags &= (uint16_t)~NA_SOCKET_FAILED;
	if (call.told || (told && socket->link == NA_LINK_NONE))
		return 0;
	policy = connect_policy(socket, record, found ? &call : NULL);
	if (policy)
		return connect_refused(sockets, socket, header, policy, found ? &call : NULL);
	error = na_attempt_tell(sockets, socket, header);
	if (error)
		return error;
	if (!is_stream(socket))
		return datagram_connected(sockets, socket, record, found ? &call : NULL);
	if (socket->link == NA_LINK_UP) /* the state told it */
		return 0;
	return stream_connected(sockets, socket, header);
}

static int take_shutdown(struct na_sockets *sockets, struct na_socket *socket,
			 const struct na_record_result *record)
{
	static const char *const names[] = {"read", "write", "both"};
	int error;

	if (is_told(sockets, socket, record))
		return 0;
	if (na_is_refusal(record->header.error))
		return report_denied(sockets, socket, &record->header, NA_OPERATION_SHUTDOWN,
				     unseen_policy(record->flags), NULL);
	error = begin_call(sockets, socket, NA_EVENT_SHUTDOWN, &record->header);
	if (error)
		return error;
	/* The call may return when the peer has answered it and all is over. */
	if (socket->link == NA_LINK_UP || socket->flags & NA_SOCKET_CLOSED) {
		na_fill_tuple(sockets, socket);
		na_fill_connection(sockets, socket);
	}
	if (record->value >= 0 && record->value <= SHUT_RDWR)
		NA_SET_TEXT(&sockets->event, NA_SHUTDOWN_HOW, names[record->value]);
	return na_fill_put(sockets);
}

static int take_other_result(struct na_sockets *sockets, struct na_socket *socket,
			     const struct na_record_result *record)
{
	const char *policy = unseen_policy(record->flags);

	if (is_told(sockets, socket, record))
		return 0;
	if (!na_is_refusal(record->header.error))
		return 0;
	/* A send may also be refused by a packet filter on its way out. */
	if (record->operation == NA_OPERATION_SEND)
		policy = "unknown";
	return report_denied(sockets, socket, &record->header, (enum na_operation)record->operation,
			     policy, NULL);
}

/* A socket whose creation was not seen. */
static struct na_socket *add_of_result(struct na_sockets *sockets,
				       const struct na_record_result *record)
{
	struct na_socket *socket = na_sockets_add(sockets, record->cookie, record->cookie,
						  record->inode, record->header.time_ns);

	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	socket->netns = record->netns;
	memcpy(socket->local.bytes, record->local, sizeof(socket->local.bytes));
	memcpy(socket->remote.bytes, record->remote, sizeof(socket->remote.bytes));
	socket->local_port = record->local_port;
	socket->remote_port = record->remote_port;
	return socket;
}

/* ------------------------------------------------------------------------------------------- */

bool na_is_end_due(const struct na_socket *socket)
{
	if (socket->flags & NA_SOCKET_CLOSED)
		return false;
	return socket->flags & (NA_SOCKET_BOUND | NA_SOCKET_LISTENING) ||
	       (is_stream(socket) && socket->link == NA_LINK_UP);
}

int na_listen_report_backlog(struct na_sockets *sockets, struct na_socket *socket,
			     const struct na_record_header *header, int backlog)
{
	int error;

	socket->flags |= NA_SOCKET_LISTENING;
	na_sockets_own(sockets, socket, header);
	error = begin_call(sockets, socket, NA_EVENT_LISTENING, header);
	if (error)
		return error;
	na_fill_local(sockets, socket);
	if (backlog >= 0)
		NA_SET(&sockets->event, NA_BACKLOG, backlog);
	return na_fill_put(sockets);
}

int na_denied_begin(struct na_sockets *sockets, struct na_socket *socket,
		    const struct na_record_header *header, enum na_operation operation,
		    const char *policy, const struct na_call *call)
{
	int error = na_fill_begin(sockets, NA_EVENT_DENIED, header, socket);

	if (error)
		return error;
	na_fill_asker(sockets, socket, header);
	if (call && call->operation != NA_OPERATION_SOCKET)
		na_fill_destination(sockets, socket, &call->address, call->port);
	else if (operation == NA_OPERATION_SEND)
		na_fill_tuple(sockets, socket);
	else if (operation == NA_OPERATION_LISTEN || operation == NA_OPERATION_ACCEPT)
		na_fill_local(sockets, socket);
	na_fill_denied(sockets, operation, policy, header->error);
	return 0;
}

void na_fill_asker(struct na_sockets *sockets, const struct na_socket *socket,
		   const struct na_record_header *header)
{
	const struct na_process *process = na_sockets_process(sockets, header);

	if (socket->flags & NA_SOCKET_KERNEL || !header->tid) {
		na_fill_owner(sockets, socket, 0);
		return;
	}
	na_fill_process(sockets, process, header->tid, &header->credentials);
	na_fill_creator(sockets, socket, process);
}

int na_connect_denied(struct na_sockets *sockets, struct na_socket *socket, struct na_call *call,
		      const struct na_record_header *header, const char *policy)
{
	socket->touched_ns = header->time_ns;
	return report_denied(sockets, socket, header, NA_OPERATION_CONNECT, policy, call);
}

int na_take_created(struct na_sockets *sockets, const struct na_record_created *record)
{
	const struct na_record_header *header = &record->header;
	struct na_process *process; /* of after the socket is there: one that goes may free some */
	struct na_socket *socket;
	int error;

	if (header->error)
		return take_create_failure(sockets, record);
	socket = na_sockets_find(sockets, record->cookie, record->inode);
	if (!socket)
		socket = na_sockets_add(sockets, record->cookie, record->cookie, record->inode,
					header->time_ns);
	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	socket->netns = record->netns;
	process = na_sockets_process(sockets, header);
	na_socket_set_process(&socket->creator, process);
	socket->owner_credentials = header->credentials;
	error = na_fill_begin(sockets, NA_EVENT_SOCKET_CREATED, header, socket);
	if (error)
		return error;
	na_fill_process(sockets, process, header->tid, &header->credentials);
	return na_fill_put(sockets);
}

int na_take_bind(struct na_sockets *sockets, const struct na_record_bind *record)
{
	const struct na_record_header *header = &record->header;
	struct na_call *call = na_sockets_call(sockets, header->tid);
	struct na_socket *socket;

	*call = (struct na_call){.cookie = record->cookie,
				 .tid = header->tid,
				 .operation = NA_OPERATION_BIND,
				 .told = header->error != 0,
				 .port = record->port};
	memcpy(call->address.bytes, record->address, sizeof(call->address.bytes));
	if (!header->error)
		return 0;
	socket = na_sockets_find(sockets, record->cookie, 0);
	if (!socket) {
		socket =
			na_sockets_add(sockets, record->cookie, record->cookie, 0, header->time_ns);
		socket->family = record->family;
		socket->type = record->type;
		socket->protocol = record->protocol;
	}
	return report_denied(sockets, socket, header, NA_OPERATION_BIND, "cgroup", call);
}

int na_take_bound(struct na_sockets *sockets, const struct na_record_bound *record)
{
	const struct na_record_header *header = &record->header;
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);
	struct na_call *call = na_sockets_call(sockets, header->tid);

	if (!socket) {
		socket = na_sockets_add(sockets, record->cookie, record->cookie, record->inode,
					header->time_ns);
		socket->family = record->family;
		socket->type = record->type;
		socket->protocol = record->protocol;
		socket->netns = record->netns;
	}
	*call = (struct na_call){.cookie = socket->cookie,
				 .tid = header->tid,
				 .operation = NA_OPERATION_BIND,
				 .told = true};
	memcpy(socket->local.bytes, record->address, sizeof(socket->local.bytes));
	socket->local_port = record->port;
	return report_bound(sockets, socket, header);
}

int na_take_result(struct na_sockets *sockets, const struct na_record_result *record)
{
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);

	if (!socket)
		socket = add_of_result(sockets, record);
	socket->touched_ns = record->header.time_ns;
	switch (record->operation) {
	case NA_OPERATION_BIND:
		return take_bind_result(sockets, socket, record);
	case NA_OPERATION_LISTEN:
		return take_listen_result(sockets, socket, record);
	case NA_OPERATION_CONNECT:
		return take_connect_result(sockets, socket, record);
	case NA_OPERATION_SHUTDOWN:
		return take_shutdown(sockets, socket, record);
	default:
		return take_other_result(sockets, socket, record);
	}
}

int na_take_unix(struct na_sockets *sockets, const struct na_record_unix *record)
{
	const struct na_record_header *header = &record->header;
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);

	if (!socket) {
		socket = na_sockets_add(sockets, record->cookie, record->cookie, record->inode,
					header->time_ns);
		socket->family = AF_UNIX;
		socket->type = record->type;
	}
	if (record->length)
		na_socket_set_path(socket, record->operation == NA_OPERATION_CONNECT,
				   (const char *)record->path, record->length);
	/* Of a call that is over and was refused: its result tells. */
	if (record->operation != NA_OPERATION_CONNECT || header->error)
		return 0;
	*na_sockets_call(sockets, header->tid) = (struct na_call){
		.cookie = socket->cookie, .tid = header->tid, .operation = NA_OPERATION_CONNECT};
	return is_stream(socket) ? attempt(sockets, socket, header) : 0;
}

int na_take_released(struct na_sockets *sockets, const struct na_record_released *record)
{
	const struct na_record_header *header = &record->header;
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);
	struct na_process *closer;
	bool lives_on;
	int error = 0;

	if (!socket)
		return 0;
	error = na_attempt_tell(sockets, socket, header);
	if (error)
		return error;
	closer = na_sockets_process(sockets, header);
	na_socket_set_process(&socket->closer, closer);
	socket->touched_ns = header->time_ns;
	/* The kernel goes on with the connection: its end is a state. */
	lives_on = is_inet(socket->family) && is_stream(socket) && socket->link != NA_LINK_NONE;
	if (lives_on) {
		socket->flags |= NA_SOCKET_RELEASED;
		return 0;
	}
	error = na_flows_end(sockets, socket, header);
	if (!error && na_is_end_due(socket))
		error = na_link_closed(sockets, socket, header);
	if (error)
		return error;
	return na_sockets_remove(sockets, socket, header);
}
