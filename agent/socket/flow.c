/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagram flows: (socket, peer, process). An event tells what passed since the one before it, so
 * that sums are right; the last one of a flow has the type `end`. A flow ends with its socket, or
 * when nothing came for an interval.
 *
 * The table is bounded. A peer that does not fit goes to its socket's flow of other peers, which
 * has no address and is beside the bound: there is one at most for each socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "socket/restore.h"

#define BUCKETS_MIN 256

struct na_flow {
	struct na_flow *next_in_bucket;
	struct na_flow *next_of_socket;
	struct na_flow *next, *before; /* in the order of due_ns */
	struct na_socket *socket;
	struct na_process *process; /* a reference; of other peers the first that came */
	struct na_address remote, local;
	uint64_t due_ns;
	uint64_t heard_ns;          /* last record */
	uint64_t first_ns, last_ns; /* messages that no event told yet; 0: none */
	uint64_t told_ns;           /* last message that an earlier agent told; 0: none */
	uint64_t sent_bytes, received_bytes;
	uint32_t sent_packets, received_packets;
	uint32_t pid; /* 0: other peers */
	struct na_credentials credentials;
	uint32_t ordinal;
	uint16_t remote_port, local_port;
	uint8_t program;
	bool ingress;
	bool ended; /* told by an earlier agent: here so that nothing is told again */
};

static size_t hash_flow(const struct na_socket *socket, const struct na_address *remote,
			uint16_t port, uint32_t pid)
{
	uint64_t halves[2];

	memcpy(halves, remote->bytes, sizeof(halves));
	halves[0] ^= (uint64_t)(uintptr_t)socket >> 4;
	halves[1] ^= (uint64_t)port << 32 | pid;
	return (size_t)((halves[0] * UINT64_C(0x9e3779b97f4a7c15) ^
			 halves[1] * UINT64_C(0xc2b2ae3d27d4eb4f)) >>
			32);
}

static struct na_flow **bucket_of(struct na_flows *flows, const struct na_flow *flow)
{
	return &flows->buckets[hash_flow(flow->socket, &flow->remote, flow->remote_port,
					 flow->pid) &
			       flows->mask];
}

static struct na_flow *find(struct na_flows *flows, const struct na_socket *socket,
			    const struct na_address *remote, uint16_t port, uint32_t pid)
{
	struct na_flow *flow = flows->buckets[hash_flow(socket, remote, port, pid) & flows->mask];

	while (flow && !(flow->socket == socket && flow->pid == pid && flow->remote_port == port &&
			 !memcmp(flow->remote.bytes, remote->bytes, sizeof(remote->bytes))))
		flow = flow->next_in_bucket;
	return flow;
}

/* Failure leaves longer chains, no more. */
static void grow(struct na_flows *flows)
{
	size_t size = (flows->mask + 1) * 2;
	NA_FREE struct na_flow **buckets = calloc(size, sizeof(struct na_flow *));

	if (!buckets)
		return;
	free(flows->buckets);
	flows->buckets = NA_TAKE_POINTER(buckets);
	flows->mask = size - 1;
	for (struct na_flow *flow = flows->first; flow; flow = flow->next) {
		struct na_flow **bucket = bucket_of(flows, flow);

		flow->next_in_bucket = *bucket;
		*bucket = flow;
	}
}

static void enqueue(struct na_flows *flows, struct na_flow *flow, uint64_t due_ns)
{
	flow->due_ns = due_ns;
	flow->next = NULL;
	flow->before = flows->last;
	if (flows->last)
		flows->last->next = flow;
	else
		flows->first = flow;
	flows->last = flow;
}

/* The same of one that is due before others that are there. */
static void enqueue_between(struct na_flows *flows, struct na_flow *flow, uint64_t due_ns)
{
	struct na_flow *before = flows->last;

	while (before && before->due_ns > due_ns)
		before = before->before;
	flow->due_ns = due_ns;
	flow->before = before;
	flow->next = before ? before->next : flows->first;
	*(flow->next ? &flow->next->before : &flows->last) = flow;
	*(before ? &before->next : &flows->first) = flow;
}

static void dequeue(struct na_flows *flows, struct na_flow *flow)
{
	*(flow->before ? &flow->before->next : &flows->first) = flow->next;
	*(flow->next ? &flow->next->before : &flows->last) = flow->before;
}

static void forget(struct na_flows *flows, struct na_flow *flow)
{
	struct na_flow **at = bucket_of(flows, flow);

	while (*at != flow)
		at = &(*at)->next_in_bucket;
	*at = flow->next_in_bucket;
	at = &flow->socket->flows;
	while (*at != flow)
		at = &(*at)->next_of_socket;
	*at = flow->next_of_socket;
	dequeue(flows, flow);
	flows->count--;
	na_process_unref(&flow->process);
	free(flow);
}

/* Records of others than the tracepoints are of one message, or of one call. */
static bool began_by_receiving(const struct na_record_flow *record)
{
	return record->header.program == NA_PROGRAM_RECV_LENGTH ||
	       (record->header.program != NA_PROGRAM_SEND_LENGTH && !record->sent_packets);
}

/* A copy of `draft`, which takes part from now on. NULL: out of memory. */
static struct na_flow *add(struct na_sockets *sockets, const struct na_flow *draft,
			   uint64_t time_ns)
{
	struct na_flows *flows = &sockets->flows;
	struct na_flow *flow = malloc(sizeof(*flow));
	struct na_flow **bucket;

	if (!flow)
		return NULL;
	*flow = *draft;
	na_process_ref(flow->process);
	bucket = bucket_of(flows, flow);
	flow->next_in_bucket = *bucket;
	*bucket = flow;
	flow->next_of_socket = flow->socket->flows;
	flow->socket->flows = flow;
	enqueue(flows, flow, time_ns + sockets->options.flow_interval_ns);
	if (flows->count++ > flows->mask)
		grow(flows);
	return flow;
}

static struct na_flow *add_new(struct na_sockets *sockets, struct na_socket *socket,
			       const struct na_record_flow *record, bool other)
{
	struct na_flow draft = {
		.socket = socket,
		.process = na_sockets_process(sockets, &record->header),
		.program = record->header.program,
		.credentials = record->header.credentials,
		.ingress = began_by_receiving(record),
	};

	if (!other) {
		draft.pid = record->header.pid;
		draft.remote_port = record->remote_port;
		memcpy(draft.remote.bytes, record->remote, sizeof(draft.remote.bytes));
	}
	return add(sockets, &draft, record->header.time_ns);
}

static bool is_fixed_peer(const struct na_socket *socket, const struct na_flow *flow)
{
	return socket->link == NA_LINK_UP && socket->remote_port == flow->remote_port &&
	       !memcmp(socket->remote.bytes, flow->remote.bytes, sizeof(flow->remote.bytes));
}

/* A connected socket's flow is its connection; any other is one of its own. */
static uint32_t ordinal_of(struct na_socket *socket, const struct na_flow *flow)
{
	return is_fixed_peer(socket, flow) ? socket->ordinal : ++socket->links;
}

static struct na_flow *flow_of(struct na_sockets *sockets, struct na_socket *socket,
			       const struct na_record_flow *record)
{
	static const struct na_address none;
	struct na_flows *flows = &sockets->flows;
	struct na_address remote;
	struct na_flow *flow;
	bool other = flows->count >= sockets->options.max_flows;

	memcpy(remote.bytes, record->remote, sizeof(remote.bytes));
	flow = find(flows, socket, &remote, record->remote_port, record->header.pid);
	if (flow && flow->ended && record->last_ns > flow->told_ns)
		forget(flows, NA_TAKE_POINTER(flow));
	if (!flow && other) {
		sockets->counts.flows_other++;
		flow = find(flows, socket, &none, 0, 0);
	}
	if (flow)
		return flow;
	flow = add_new(sockets, socket, record, other);
	if (flow)
		flow->ordinal = ordinal_of(socket, flow);
	return flow;
}

static int report(struct na_sockets *sockets, struct na_flow *flow, uint64_t time_ns, bool end)
{
	static const struct na_text types[] = {{"connection", 10}, {"end", 3}};
	struct na_record_header header = {.time_ns = time_ns, .program = flow->program};
	struct na_ends ends = {flow->local, flow->remote, flow->local_port, flow->remote_port,
			       flow->ingress};
	struct na_traffic traffic = {flow->sent_bytes, flow->received_bytes, flow->sent_packets,
				     flow->received_packets, true};
	int error = na_fill_begin(sockets, NA_EVENT_FLOW, &header, flow->socket);

	if (error)
		return error;
	na_fill_ends(sockets, flow->socket, &ends);
	na_fill_ordinal(sockets, flow->socket, flow->ordinal);
	na_fill_process(sockets, flow->process, 0, &flow->credentials);
	na_fill_creator(sockets, flow->socket, flow->process);
	na_fill_traffic(sockets, &traffic, flow->ingress);
	if (flow->first_ns)
		na_fill_span(sockets, flow->first_ns, flow->last_ns);
	if (end)
		NA_SET(&sockets->event, EVENT_TYPE, ((struct na_texts){types, 2}));
	if (!flow->pid)
		NA_SET_TEXT(&sockets->event, MESSAGE, "other peers: the table of flows was full");
	flow->sent_bytes = flow->received_bytes = 0;
	flow->sent_packets = flow->received_packets = 0;
	flow->first_ns = flow->last_ns = 0;
	return na_fill_put(sockets);
}

static void count(struct na_flow *flow, const struct na_record_flow *record)
{
	flow->sent_bytes += record->sent_bytes;
	flow->received_bytes += record->received_bytes;
	flow->sent_packets += record->sent_packets;
	flow->received_packets += record->received_packets;
	flow->heard_ns = record->header.time_ns;
	if (!flow->first_ns || record->first_ns < flow->first_ns)
		flow->first_ns = record->first_ns;
	if (record->last_ns > flow->last_ns)
		flow->last_ns = record->last_ns;
	flow->local_port = record->local_port;
	memcpy(flow->local.bytes, record->local, sizeof(flow->local.bytes));
}

/* Families without addresses: what passed belongs to the socket. */
static void count_socket(struct na_socket *socket, const struct na_record_flow *record)
{
	socket->sent_bytes += record->sent_bytes;
	socket->received_bytes += record->received_bytes;
	socket->sent_packets += record->sent_packets;
	socket->received_packets += record->received_packets;
	socket->touched_ns = record->header.time_ns;
}

static struct na_socket *add_socket(struct na_sockets *sockets, const struct na_record_flow *record)
{
	struct na_socket *socket = na_sockets_add(sockets, record->cookie, record->cookie,
						  record->inode, record->header.time_ns);

	socket->family = record->family;
	socket->type = record->type;
	socket->protocol = record->protocol;
	socket->netns = record->netns;
	return socket;
}

/* A flow that cannot be remembered: each record is an event. */
static int report_once(struct na_sockets *sockets, struct na_socket *socket,
		       const struct na_record_flow *record)
{
	struct na_process *process = na_sockets_process(sockets, &record->header);
	struct na_flow flow = {.socket = socket,
			       .process = process,
			       .pid = record->header.pid,
			       .credentials = record->header.credentials,
			       .remote_port = record->remote_port,
			       .program = record->header.program,
			       .ingress = began_by_receiving(record)};

	memcpy(flow.remote.bytes, record->remote, sizeof(flow.remote.bytes));
	count(&flow, record);
	return report(sockets, &flow, record->header.time_ns, false);
}

/* ------------------------------------------------------------------------------------------- */

int na_flows_init(struct na_flows *flows)
{
	*flows = (struct na_flows){.mask = BUCKETS_MIN - 1};
	flows->buckets = calloc(BUCKETS_MIN, sizeof(struct na_flow *));
	return flows->buckets ? 0 : -ENOMEM;
}

void na_flows_done(struct na_sockets *sockets)
{
	struct na_flows *flows = &sockets->flows;

	while (flows->first)
		forget(flows, flows->first);
	free(NA_TAKE_POINTER(flows->buckets));
}

int na_take_flow(struct na_sockets *sockets, const struct na_record_flow *record)
{
	bool inet = record->family == AF_INET || record->family == AF_INET6;
	struct na_socket *socket = na_sockets_find(sockets, record->cookie, record->inode);
	struct na_flow *flow;

	if (!inet) {
		if (socket)
			count_socket(socket, record);
		return 0;
	}
	if (!socket)
		socket = add_socket(sockets, record);
	if (socket == &sockets->spare)
		return report_once(sockets, socket, record);
	if (record->header.time_ns > socket->touched_ns) /* else it is read again: see restore.c */
		socket->touched_ns = record->header.time_ns;
	flow = flow_of(sockets, socket, record);
	if (!flow)
		return report_once(sockets, socket, record);
	if (!flow->told_ns || record->last_ns > flow->told_ns)
		count(flow, record);
	return 0;
}

int na_flows_end(struct na_sockets *sockets, struct na_socket *socket,
		 const struct na_record_header *header)
{
	int error = 0;

	while (socket->flows) {
		if (!error && !socket->flows->ended)
			error = report(sockets, socket->flows, header->time_ns, true);
		forget(&sockets->flows, socket->flows);
	}
	return error;
}

void na_flows_drop(struct na_sockets *sockets, struct na_socket *socket)
{
	while (socket->flows)
		forget(&sockets->flows, socket->flows);
}

bool na_flows_are_over(const struct na_socket *socket)
{
	const struct na_flow *flow = socket->flows;

	while (flow && flow->ended)
		flow = flow->next_of_socket;
	return !flow;
}

void na_flow_restore(struct na_sockets *sockets, struct na_socket *socket,
		     const struct na_restored_flow *restored)
{
	struct na_flows *flows = &sockets->flows;
	struct na_flow draft = {
		.socket = socket,
		.process = restored->process,
		.credentials = restored->credentials,
		.remote = restored->ends.remote,
		.remote_port = restored->ends.remote_port,
		.pid = restored->pid,
		.ordinal = restored->ordinal,
		.program = restored->program,
		.ingress = restored->ends.ingress,
	};
	struct na_flow *flow = find(flows, socket, &draft.remote, draft.remote_port, draft.pid);

	uint64_t due_ns;

	if (flow && flow->ended)
		forget(flows, NA_TAKE_POINTER(flow));
	if (!flow && flows->count < sockets->options.max_flows)
		flow = add(sockets, &draft,
			   restored->first_ns ? restored->first_ns : restored->time_ns);
	if (!flow)
		return;
	flow->local = restored->ends.local;
	flow->local_port = restored->ends.local_port;
	if (restored->last_ns)
		flow->told_ns = flow->heard_ns = restored->last_ns;
	flow->ended = restored->end;
	/* Told before it was due: because that agent stopped. */
	due_ns = restored->time_ns < flow->due_ns
			 ? flow->due_ns
			 : restored->time_ns + sockets->options.flow_interval_ns;
	dequeue(flows, flow);
	enqueue_between(flows, flow, due_ns);
}

int na_flows_tick(struct na_sockets *sockets, uint64_t now_ns)
{
	struct na_flows *flows = &sockets->flows;
	int error = 0;

	while (!error && flows->first && flows->first->due_ns <= now_ns) {
		struct na_flow *flow = flows->first;
		bool idle = now_ns - flow->heard_ns >= sockets->options.flow_interval_ns;

		if (!flow->ended)
			error = report(sockets, flow, now_ns, idle);
		if (idle || flow->ended) {
			forget(flows, flow);
			continue;
		}
		dequeue(flows, flow);
		enqueue(flows, flow, now_ns + sockets->options.flow_interval_ns);
	}
	return error;
}

int na_flows_flush(struct na_sockets *sockets, uint64_t now_ns)
{
	int error = 0;

	for (struct na_flow *flow = sockets->flows.first; flow && !error; flow = flow->next)
		if (flow->first_ns)
			error = report(sockets, flow, now_ns, false);
	return error;
}
