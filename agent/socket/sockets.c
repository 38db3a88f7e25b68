/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket table. Each record finds its socket and changes what is known of it; an event is made
 * where a record says that something happened. What a record does not know is in the table, what
 * the table does not know is left out of the event.
 */
#include "socket/sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "socket/fill.h"
#include "socket/internal.h"

/* A connection that nobody holds ends by the kernel's own timers within minutes. */
#define ORPHAN_MAX_NS (3600 * NA_NS_PER_SEC)

#define IPPROTO_MPTCP_NUMBER 262

static void empty_spare(struct na_sockets *sockets)
{
	struct na_socket *spare = &sockets->spare;

	na_process_unref(&spare->creator);
	na_process_unref(&spare->owner);
	na_process_unref(&spare->closer);
	free(spare->path[0]);
	free(spare->path[1]);
	*spare = (struct na_socket){0};
}

/* The end of a socket whose inode or cookie is another's by now: its own end was never told. */
static void drop_stale(struct na_sockets *sockets, struct na_socket *stale)
{
	struct na_record_header header = {.time_ns = stale->touched_ns,
					  .program = NA_PROGRAM_AGENT};

	na_link_unseen(sockets, stale, &header);
}

static int take_lost(struct na_sockets *sockets, const struct na_record_lost *record)
{
	static const char *const reasons[NA_LOSS_COUNT] = {"ring_full", "skipped", "table_full",
							   "interrupted", "not_running"};
	struct na_event *event = &sockets->event;
	int error;

	sockets->lost_ns = record->header.time_ns;
	error = na_fill_begin(sockets, NA_EVENT_EVENTS_LOST, &record->header, NULL);

	if (error)
		return error;
	if (record->count)
		NA_SET(event, NA_LOST_COUNT, (int64_t)record->count);
	NA_SET(event, NA_LOST_PROGRAM, event->f_NA_SOURCE);
	if (record->reason < NA_LOSS_COUNT)
		NA_SET_TEXT(event, NA_LOST_REASON, reasons[record->reason]);
	na_fill_span(sockets, record->since_ns, record->header.time_ns);
	return na_fill_put(sockets);
}

static int sweep_orphan(void *context, struct na_socket *socket)
{
	struct na_sockets *sockets = context;
	struct na_record_header now = {.time_ns = sockets->event.boot_ns,
				       .program = NA_PROGRAM_AGENT};

	if (!(socket->flags & NA_SOCKET_RELEASED) ||
	    now.time_ns - socket->touched_ns < ORPHAN_MAX_NS)
		return 0;
	return na_link_unseen(sockets, socket, &now);
}

struct sweep {
	struct na_sockets *sockets;
	uint64_t began_ns, now_ns;
	bool lost; /* records, or there was a gap: the end may have been among them */
};

/* Not found, and known of an earlier agent: it told some ends, or its own end cut them off. */
static bool is_known_gone(const struct na_socket *socket)
{
	return socket->flags & NA_SOCKET_RESTORED && socket->flags & NA_SOCKET_CLOSED &&
	       socket->link == NA_LINK_NONE;
}

/* No process holds it, and the kernel goes on with the connection: its end is still to come. */
static bool lives_on(const struct sweep *sweep, const struct na_socket *socket)
{
	return socket->flags & NA_SOCKET_RESTORED && !sweep->lost &&
	       (socket->family == AF_INET || socket->family == AF_INET6) &&
	       socket->type == SOCK_STREAM && socket->link != NA_LINK_NONE;
}

static int sweep_unseen(void *context, struct na_socket *socket)
{
	const struct sweep *sweep = context;
	struct na_record_header now = {.time_ns = sweep->now_ns, .program = NA_PROGRAM_SNAPSHOT};

	/* No descriptor leads to what the kernel has for itself. */
	if (socket->flags & (NA_SOCKET_RELEASED | NA_SOCKET_KERNEL))
		return 0;
	if (lives_on(sweep, socket)) {
		socket->flags |= NA_SOCKET_RELEASED;
		socket->touched_ns = sweep->now_ns;
		return 0;
	}
	if (socket->touched_ns >= sweep->began_ns && !is_known_gone(socket))
		return 0;
	return na_link_unseen(sweep->sockets, socket, &now);
}

/* ------------------------------------------------------------------------------------------- */

struct na_socket *na_sockets_find(struct na_sockets *sockets, uint64_t cookie, uint64_t inode)
{
	struct na_socket *socket = na_socket_table_by_key(&sockets->table, cookie);

	/* An accepted MPTCP socket has its listener's cookie: the inode tells them apart. */
	if (socket &&
	    (socket->protocol != IPPROTO_MPTCP_NUMBER || !inode || socket->inode == inode))
		return socket;
	socket = na_socket_table_by_inode(&sockets->table, inode);
	if (!socket || !cookie || socket->protocol == IPPROTO_MPTCP_NUMBER)
		return socket;
	if (!socket->key) { /* accepted by Fast Open, before it had a cookie */
		na_socket_table_set_key(&sockets->table, socket, cookie);
		socket->cookie = cookie;
		return socket;
	}
	if (socket->key == cookie)
		return socket;
	drop_stale(sockets, socket);
	return NULL;
}

struct na_socket *na_sockets_add(struct na_sockets *sockets, uint64_t cookie, uint64_t key,
				 uint64_t inode, uint64_t time_ns)
{
	struct na_socket *socket = NULL;

	empty_spare(sockets);
	if (key || inode)
		socket = na_socket_table_add(&sockets->table, key, inode);
	if (!socket)
		socket = &sockets->spare;
	socket->cookie = cookie;
	socket->touched_ns = time_ns;
	if (socket == &sockets->spare)
		socket->inode = inode;
	return socket;
}

int na_sockets_remove(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_record_header *header)
{
	int error;

	if (socket == &sockets->spare) {
		empty_spare(sockets);
		return 0;
	}
	error = na_flows_end(sockets, socket, header);
	if (socket->flags & NA_SOCKET_OLD)
		na_existing_forget(sockets, socket);
	na_socket_table_remove(&sockets->table, socket);
	return error;
}

struct na_process *na_sockets_process(struct na_sockets *sockets,
				      const struct na_record_header *header)
{
	return na_processes_get(sockets->options.processes, header->pid, header->start_ns,
				header->time_ns);
}

void na_sockets_own(struct na_sockets *sockets, struct na_socket *socket,
		    const struct na_record_header *header)
{
	struct na_process *process = na_sockets_process(sockets, header);

	socket->touched_ns = header->time_ns;
	if (!process)
		return;
	na_socket_set_process(&socket->owner, process);
	socket->owner_tid = header->tid;
	socket->owner_credentials = header->credentials;
}

struct na_call *na_sockets_call(struct na_sockets *sockets, uint32_t tid)
{
	return &sockets->calls[tid & (NA_CALLS - 1)];
}

struct na_call *na_call_find(struct na_sockets *sockets, uint32_t tid, uint8_t operation,
			     uint64_t cookie)
{
	struct na_call *call = na_sockets_call(sockets, tid);

	if (call->tid != tid || call->operation != operation || call->cookie != cookie)
		return NULL;
	return call;
}

struct na_sockets *na_sockets_new(const struct na_sockets_options *options)
{
	struct na_sockets *sockets = calloc(1, sizeof(*sockets));

	if (!sockets)
		return NULL;
	sockets->options = *options;
	na_buffer_reserve(&sockets->connection_id, NA_CONNECTION_ID_SIZE);
	na_buffer_printf(&sockets->connection_id, "%016" PRIx64 "-", options->boot_id);
	sockets->calls = calloc(NA_CALLS, sizeof(*sockets->calls));
	sockets->tuples = na_tuple_cache_new();
	if (na_buffer_error(&sockets->connection_id) || !sockets->calls || !sockets->tuples ||
	    na_flows_init(&sockets->flows) < 0 ||
	    na_socket_table_init(&sockets->table, options->max_sockets) < 0) {
		na_sockets_free(sockets);
		return NULL;
	}
	return sockets;
}

void na_sockets_free(struct na_sockets *sockets)
{
	if (!sockets)
		return;
	empty_spare(sockets);
	na_flows_done(sockets);
	na_socket_table_done(&sockets->table);
	free(sockets->found);
	free(sockets->calls);
	na_tuple_cache_free(sockets->tuples);
	na_buffer_done(&sockets->connection_id);
	free(sockets);
}

int na_sockets_record(struct na_sockets *sockets, const struct na_record_header *header)
{
	const void *record = header;

	if (na_restore_is_told(sockets, header))
		return 0;
	switch (header->type) {
	case NA_RECORD_CREATED:
		return na_take_created(sockets, record);
	case NA_RECORD_BIND:
		return na_take_bind(sockets, record);
	case NA_RECORD_BOUND:
		return na_take_bound(sockets, record);
	case NA_RECORD_CONNECT:
		return na_take_connect(sockets, record);
	case NA_RECORD_STATE:
		return na_take_state(sockets, record);
	case NA_RECORD_ENDED:
		return na_take_ended(sockets, record);
	case NA_RECORD_ACCEPTED:
		return na_take_accepted(sockets, record);
	case NA_RECORD_RELEASED:
		return na_take_released(sockets, record);
	case NA_RECORD_RESULT:
		return na_take_result(sockets, record);
	case NA_RECORD_HOOK:
		return na_take_hook(sockets, record);
	case NA_RECORD_UNIX:
		return na_take_unix(sockets, record);
	case NA_RECORD_FLOW:
		return na_take_flow(sockets, record);
	case NA_RECORD_FOUND:
		return na_take_found(sockets, record);
	case NA_RECORD_LOST:
		return take_lost(sockets, record);
	default:
		return 0;
	}
}

int na_sockets_tick(struct na_sockets *sockets, uint64_t now_ns)
{
	int error = na_flows_tick(sockets, now_ns);

	if (error || now_ns < sockets->next_sweep_ns)
		return error;
	sockets->next_sweep_ns = now_ns + ORPHAN_MAX_NS / 60;
	sockets->event.boot_ns = now_ns;
	return na_socket_table_each(&sockets->table, sweep_orphan, sockets);
}

int na_sockets_flush(struct na_sockets *sockets, uint64_t now_ns)
{
	return na_flows_flush(sockets, now_ns);
}

int na_sockets_sweep(struct na_sockets *sockets, uint64_t began_ns, uint64_t now_ns)
{
	struct sweep sweep = {sockets, began_ns, now_ns, sockets->lost_ns || sockets->gap};

	sockets->gap = false;
	if (sockets->lost_ns < began_ns)
		sockets->lost_ns = 0;
	return na_socket_table_each(&sockets->table, sweep_unseen, &sweep);
}

void na_sockets_set_wall_offset(struct na_sockets *sockets, uint64_t wall_offset_ns)
{
	sockets->options.wall_offset_ns = wall_offset_ns;
}

void na_sockets_set_connection_interval(struct na_sockets *sockets, uint64_t interval_ns)
{
	sockets->options.connection_interval_ns = interval_ns;
}

struct na_sockets_counts na_sockets_counts(const struct na_sockets *sockets)
{
	struct na_sockets_counts counts = sockets->counts;

	counts.sockets = sockets->table.count;
	counts.sockets_dropped = sockets->table.dropped;
	counts.flows = sockets->flows.count;
	return counts;
}
