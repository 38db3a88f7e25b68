/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an event. Texts lie in struct na_sockets until the event was handed on. */
#include "socket/fill.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/family.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define TEXT(string)                                                                               \
	{                                                                                          \
		string, sizeof(string) - 1                                                         \
	}

static const struct na_text source_names[NA_PROGRAM_COUNT] = {
#define NA_PROGRAM(id, tier, function, source, feeds, doc) [NA_PROGRAM_##id] = TEXT(source),
#include "programs.def"
};

static const struct na_text type_names[] = {
	[SOCK_STREAM] = TEXT("stream"), [SOCK_DGRAM] = TEXT("dgram"),
	[SOCK_RAW] = TEXT("raw"),       [SOCK_RDM] = TEXT("rdm"),
	[SOCK_DCCP] = TEXT("dccp"),     [SOCK_SEQPACKET] = TEXT("seqpacket"),
	[SOCK_PACKET] = TEXT("packet"),
};

static const char *const state_names[] = {
	[TCP_ESTABLISHED] = "established",
	[TCP_SYN_SENT] = "syn_sent",
	[TCP_SYN_RECV] = "syn_recv",
	[TCP_FIN_WAIT1] = "fin_wait1",
	[TCP_FIN_WAIT2] = "fin_wait2",
	[TCP_TIME_WAIT] = "time_wait",
	[TCP_CLOSE] = "close",
	[TCP_CLOSE_WAIT] = "close_wait",
	[TCP_LAST_ACK] = "last_ack",
	[TCP_LISTEN] = "listen",
	[TCP_CLOSING] = "closing",
};

static bool is_inet(const struct na_socket *socket)
{
	return socket->family == AF_INET || socket->family == AF_INET6;
}

/* What goes over the wire. */
static unsigned int wire_protocol(const struct na_socket *socket)
{
	return socket->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : socket->protocol;
}

/* Empty: it has no name. */
static struct na_text transport_name(unsigned int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return na_text_of("tcp");
	case IPPROTO_UDP:
		return na_text_of("udp");
	case IPPROTO_ICMP:
		return na_text_of("icmp");
	case IPPROTO_ICMPV6:
		return na_text_of("ipv6-icmp");
	case IPPROTO_SCTP:
		return na_text_of("sctp");
	case IPPROTO_DCCP:
		return na_text_of("dccp");
	case IPPROTO_UDPLITE:
		return na_text_of("udplite");
	case IPPROTO_IGMP:
		return na_text_of("igmp");
	case IPPROTO_GRE:
		return na_text_of("gre");
	case IPPROTO_ESP:
		return na_text_of("esp");
	default:
		return (struct na_text){0};
	}
}

/* A 16-bit number; no NUL. */
static struct na_text print_number(unsigned int number, char text[6])
{
	char *at = text + 6;

	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) && at > text);
	return (struct na_text){at, (size_t)(text + 6 - at)};
}

static void fill_transport(struct na_sockets *sockets, const struct na_socket *socket)
{
	struct na_event *event = &sockets->event;
	unsigned int protocol = wire_protocol(socket);
	struct na_text name = transport_name(protocol);

	if (socket->family == AF_UNIX)
		NA_SET_TEXT(event, NETWORK_TRANSPORT, "unix");
	else if (socket->family == AF_VSOCK)
		NA_SET_TEXT(event, NETWORK_TRANSPORT, "vsock");
	if (!is_inet(socket))
		return;
	if (name.length)
		NA_SET(event, NETWORK_TRANSPORT, name);
	NA_SET(event, NETWORK_IANA_NUMBER, print_number(protocol, sockets->protocol));
}

static void fill_socket(struct na_sockets *sockets, const struct na_socket *socket)
{
	struct na_event *event = &sockets->event;
	const char *family = na_family_name(socket->family);
	size_t type = socket->type;

	if (socket->cookie)
		NA_SET(event, NA_SOCKET_COOKIE, socket->cookie);
	if (socket->inode)
		NA_SET(event, NA_SOCKET_INODE, socket->inode);
	if (socket->netns)
		NA_SET(event, NA_SOCKET_NETNS, socket->netns);
	if (family)
		NA_SET_TEXT(event, NA_SOCKET_FAMILY, family);
	if (type < sizeof(type_names) / sizeof(*type_names) && type_names[type].length)
		NA_SET(event, NA_SOCKET_TYPE, type_names[type]);
	NA_SET(event, NA_SOCKET_PROTOCOL, socket->protocol);
	fill_transport(sockets, socket);
}

/* Nothing, ::, or 0.0.0.0 in its mapped form. */
static bool is_unspecified(const struct na_address *address)
{
	static const uint8_t zero[16];

	return memcmp(address->bytes + 12, zero, 4) == 0 &&
	       (na_address_is_v4(address) || memcmp(address->bytes, zero, 12) == 0);
}

static bool has_ports(const struct na_socket *socket)
{
	unsigned int protocol = wire_protocol(socket);

	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

static struct na_text print_address(const struct na_address *address, char *text)
{
	return (struct na_text){text, na_address_format(address, text)};
}

static void add_related(struct na_sockets *sockets, struct na_text address)
{
	struct na_event *event = &sockets->event;
	size_t count = na_event_has(event, NA_FIELD_RELATED_IP) ? event->f_RELATED_IP.count : 0;

	if (count == 1 && sockets->related[0].length == address.length &&
	    memcmp(sockets->related[0].data, address.data, address.length) == 0)
		return;
	sockets->related[count] = address;
	NA_SET(event, RELATED_IP, ((struct na_texts){sockets->related, count + 1}));
}

static void set_source(struct na_sockets *sockets, const struct na_address *address,
		       struct na_text text)
{
	NA_SET(&sockets->event, SOURCE_IP, *address);
	NA_SET(&sockets->event, SOURCE_ADDRESS, text);
	add_related(sockets, text);
}

static void set_destination(struct na_sockets *sockets, const struct na_address *address,
			    struct na_text text)
{
	NA_SET(&sockets->event, DESTINATION_IP, *address);
	NA_SET(&sockets->event, DESTINATION_ADDRESS, text);
	add_related(sockets, text);
}

static void fill_ports(struct na_sockets *sockets, uint16_t source, uint16_t destination)
{
	if (source)
		NA_SET(&sockets->event, SOURCE_PORT, source);
	if (destination)
		NA_SET(&sockets->event, DESTINATION_PORT, destination);
}

static void fill_type(struct na_sockets *sockets, const struct na_socket *socket,
		      const struct na_address *address)
{
	bool v4 = socket->family == AF_INET || na_address_is_v4(address);

	NA_SET_TEXT(&sockets->event, NETWORK_TYPE, v4 ? "ipv4" : "ipv6");
	if (v4 && socket->family == AF_INET6)
		NA_SET(&sockets->event, NA_SOCKET_MAPPED, true);
}

/* Also "any": a listener's. */
static void fill_any_destination(struct na_sockets *sockets, const struct na_address *address)
{
	struct na_text text = print_address(address, sockets->addresses[1]);

	NA_SET(&sockets->event, DESTINATION_IP, *address);
	NA_SET(&sockets->event, DESTINATION_ADDRESS, text);
	if (!is_unspecified(address))
		add_related(sockets, text);
}

struct route {
	const struct na_address *source, *destination;
	uint16_t source_port, destination_port; /* 0: it has none, or it is not known */
	bool has_ports;
};

static struct route route_of(const struct na_socket *socket, const struct na_ends *ends)
{
	bool ports = has_ports(socket);
	uint16_t local_port = ports ? ends->local_port : 0;
	uint16_t remote_port = ports ? ends->remote_port : 0;

	if (ends->ingress)
		return (struct route){&ends->remote, &ends->local, remote_port, local_port, ports};
	return (struct route){&ends->local, &ends->remote, local_port, remote_port, ports};
}

/* Both addresses are known. */
static void fill_whole(struct na_sockets *sockets, const struct na_socket *socket,
		       const struct route *route)
{
	struct na_tuple_texts texts = na_tuple_cache_get(
		sockets->tuples, route->source, route->source_port, route->destination,
		route->destination_port, (uint8_t)wire_protocol(socket));

	set_source(sockets, route->source, texts.source);
	set_destination(sockets, route->destination, texts.destination);
	if (texts.community_id.length &&
	    (!route->has_ports || (route->source_port && route->destination_port)))
		NA_SET(&sockets->event, NETWORK_COMMUNITY_ID, texts.community_id);
}

static void fill_half(struct na_sockets *sockets, const struct route *route)
{
	if (!is_unspecified(route->source))
		set_source(sockets, route->source,
			   print_address(route->source, sockets->addresses[0]));
	if (!is_unspecified(route->destination))
		set_destination(sockets, route->destination,
				print_address(route->destination, sockets->addresses[1]));
}

/* The first NUL of an abstract name is shown as @, as unix(7) tools do. */
static struct na_text print_path(struct na_sockets *sockets, const struct na_socket *socket,
				 int end)
{
	struct na_text path = {socket->path[end], socket->path_length[end]};
	char *copy = sockets->paths[end];

	if (!path.length || path.data[0] || path.length > sizeof(sockets->paths[end]))
		return path;
	memcpy(copy, path.data, path.length);
	copy[0] = '@';
	return (struct na_text){copy, path.length};
}

static void fill_paths(struct na_sockets *sockets, const struct na_socket *socket, bool ingress)
{
	struct na_text source = print_path(sockets, socket, ingress ? 1 : 0);
	struct na_text destination = print_path(sockets, socket, ingress ? 0 : 1);

	if (source.length)
		NA_SET(&sockets->event, SOURCE_ADDRESS, source);
	if (destination.length)
		NA_SET(&sockets->event, DESTINATION_ADDRESS, destination);
}

static const char *unattributed_reason(const struct na_socket *socket)
{
	if (socket && socket->flags & NA_SOCKET_KERNEL)
		return NA_UNATTRIBUTED_KERNEL;
	if (socket && socket->flags & NA_SOCKET_OLD)
		return "no process was found to hold the socket at start";
	return "no record told whose socket it is";
}

static bool is_equal(struct na_text a, struct na_text b)
{
	return a.length == b.length && (!a.length || memcmp(a.data, b.data, a.length) == 0);
}

static uint64_t to_wall(const struct na_sockets *sockets, uint64_t boot_ns)
{
	return boot_ns + sockets->options.wall_offset_ns;
}

/* ------------------------------------------------------------------------------------------- */

int na_fill_begin(struct na_sockets *sockets, enum na_event_type type,
		  const struct na_record_header *header, struct na_socket *socket)
{
	struct na_event *event = &sockets->event;

	if (socket && socket->flags & NA_SOCKET_FOUND) {
		int error = na_existing_report(sockets, socket);

		if (error)
			return error;
	}
	na_event_init(event, type, header->time_ns);
	NA_SET(event, NA_SOURCE, source_names[header->program]);
	NA_SET(event, EVENT_PROVIDER, source_names[header->program]);
	if (socket)
		fill_socket(sockets, socket);
	return 0;
}

void na_fill_process(struct na_sockets *sockets, const struct na_process *process, uint32_t tid,
		     const struct na_credentials *credentials)
{
	if (!process) {
		sockets->counts.unattributed++;
		NA_SET_TEXT(&sockets->event, NA_UNATTRIBUTED, unattributed_reason(NULL));
		return;
	}
	na_process_fill(process, &sockets->event);
	na_processes_fill_user(sockets->options.processes, process, credentials, &sockets->event);
	if (tid)
		NA_SET(&sockets->event, PROCESS_THREAD_ID, tid);
}

void na_fill_creator(struct na_sockets *sockets, const struct na_socket *socket,
		     const struct na_process *process)
{
	if (socket->creator && process && !na_process_same(socket->creator, process))
		na_process_fill_creator(socket->creator, &sockets->event);
}

void na_fill_owner(struct na_sockets *sockets, const struct na_socket *socket, uint32_t tid)
{
	const struct na_process *owner = socket->owner ? socket->owner : socket->creator;

	na_fill_process(sockets, owner, tid, &socket->owner_credentials);
	if (!owner) {
		NA_SET_TEXT(&sockets->event, NA_UNATTRIBUTED, unattributed_reason(socket));
		if (socket->closer)
			na_process_fill_closer(socket->closer, &sockets->event);
		return;
	}
	na_fill_creator(sockets, socket, owner);
	if (socket->closer && !na_process_same(socket->closer, owner))
		na_process_fill_closer(socket->closer, &sockets->event);
}

void na_fill_ends(struct na_sockets *sockets, const struct na_socket *socket,
		  const struct na_ends *ends)
{
	struct route route = route_of(socket, ends);
	bool remote_known = !is_unspecified(&ends->remote);

	fill_ports(sockets, route.source_port, route.destination_port);
	if (remote_known && !is_unspecified(&ends->local))
		fill_whole(sockets, socket, &route);
	else
		fill_half(sockets, &route);
	NA_SET_TEXT(&sockets->event, NETWORK_DIRECTION, ends->ingress ? "ingress" : "egress");
	fill_type(sockets, socket, remote_known ? &ends->remote : &ends->local);
}

void na_fill_tuple(struct na_sockets *sockets, const struct na_socket *socket)
{
	bool ingress = socket->flags & NA_SOCKET_INGRESS;
	struct na_ends ends = {socket->local, socket->remote, socket->local_port,
			       socket->remote_port, ingress};

	if (is_inet(socket)) {
		na_fill_ends(sockets, socket, &ends);
		return;
	}
	NA_SET_TEXT(&sockets->event, NETWORK_DIRECTION, ingress ? "ingress" : "egress");
	fill_paths(sockets, socket, ingress);
}

void na_fill_destination(struct na_sockets *sockets, const struct na_socket *socket,
			 const struct na_address *address, uint16_t port)
{
	if (!is_inet(socket)) {
		fill_paths(sockets, socket, true);
		return;
	}
	fill_ports(sockets, 0, has_ports(socket) ? port : 0);
	fill_any_destination(sockets, address);
	fill_type(sockets, socket, address);
}

void na_fill_local(struct na_sockets *sockets, const struct na_socket *socket)
{
	na_fill_destination(sockets, socket, &socket->local, socket->local_port);
}

void na_fill_ordinal(struct na_sockets *sockets, const struct na_socket *socket, uint32_t ordinal)
{
	bool by_inode = socket->protocol == IPPROTO_MPTCP || !socket->cookie ||
			socket->flags & NA_SOCKET_NO_COOKIE;
	struct na_buffer *id = &sockets->connection_id;

	id->length = NA_CONNECTION_ID_BOOT;
	if (by_inode)
		na_buffer_append_char(id, 'i');
	na_buffer_append_hex(id, by_inode ? socket->inode : socket->cookie);
	na_buffer_append_char(id, '-');
	na_buffer_append_hex(id, ordinal);
	NA_SET(&sockets->event, NA_CONNECTION_ID, ((struct na_text){id->data, id->length}));
}

void na_fill_connection(struct na_sockets *sockets, const struct na_socket *socket)
{
	na_fill_ordinal(sockets, socket, socket->ordinal);
}

void na_fill_traffic(struct na_sockets *sockets, const struct na_traffic *traffic, bool ingress)
{
	struct na_event *event = &sockets->event;
	uint64_t out = ingress ? traffic->received_bytes : traffic->sent_bytes;
	uint64_t in = ingress ? traffic->sent_bytes : traffic->received_bytes;
	uint64_t out_packets = ingress ? traffic->received_packets : traffic->sent_packets;
	uint64_t in_packets = ingress ? traffic->sent_packets : traffic->received_packets;

	NA_SET(event, SOURCE_BYTES, (int64_t)out);
	NA_SET(event, DESTINATION_BYTES, (int64_t)in);
	NA_SET(event, NETWORK_BYTES, (int64_t)(out + in));
	if (!traffic->packets_known)
		return;
	NA_SET(event, SOURCE_PACKETS, (int64_t)out_packets);
	NA_SET(event, DESTINATION_PACKETS, (int64_t)in_packets);
	NA_SET(event, NETWORK_PACKETS, (int64_t)(out_packets + in_packets));
}

void na_fill_age(struct na_sockets *sockets, uint64_t start_ns, uint64_t now_ns)
{
	struct na_event *event = &sockets->event;

	if (!start_ns)
		return;
	NA_SET(event, EVENT_START, to_wall(sockets, start_ns));
	NA_SET(event, EVENT_DURATION, now_ns > start_ns ? (int64_t)(now_ns - start_ns) : 0);
}

void na_fill_span(struct na_sockets *sockets, uint64_t start_ns, uint64_t end_ns)
{
	NA_SET(&sockets->event, EVENT_END, to_wall(sockets, end_ns));
	na_fill_age(sockets, start_ns, end_ns);
}

void na_fill_denied(struct na_sockets *sockets, enum na_operation operation, const char *policy,
		    int error)
{
	static const struct {
		const char *name, *action;
	} names[NA_OPERATION_COUNT] = {
		[NA_OPERATION_NONE] = {"unknown", "unknown_denied"},
		[NA_OPERATION_SOCKET] = {"socket", "socket_denied"},
		[NA_OPERATION_BIND] = {"bind", "bind_denied"},
		[NA_OPERATION_LISTEN] = {"listen", "listen_denied"},
		[NA_OPERATION_CONNECT] = {"connect", "connect_denied"},
		[NA_OPERATION_ACCEPT] = {"accept", "accept_denied"},
		[NA_OPERATION_SHUTDOWN] = {"shutdown", "shutdown_denied"},
		[NA_OPERATION_SEND] = {"send", "send_denied"},
		[NA_OPERATION_SETSOCKOPT] = {"setsockopt", "setsockopt_denied"},
	};
	struct na_event *event = &sockets->event;

	if (operation >= NA_OPERATION_COUNT) /* of a recording it may be anything */
		operation = NA_OPERATION_NONE;
	NA_SET_TEXT(event, EVENT_ACTION, names[operation].action);
	NA_SET_TEXT(event, NA_OPERATION, names[operation].name);
	NA_SET_TEXT(event, NA_POLICY, policy);
	na_event_set_error(event, error);
}

const char *na_fill_state_name(unsigned int state)
{
	return state < sizeof(state_names) / sizeof(*state_names) ? state_names[state] : NULL;
}

unsigned int na_fill_state_number(struct na_text name)
{
	for (unsigned int i = 1; i < sizeof(state_names) / sizeof(*state_names); i++)
		if (state_names[i] && is_equal(name, na_text_of(state_names[i])))
			return i;
	return 0;
}

unsigned int na_fill_type_number(struct na_text name)
{
	for (unsigned int i = 1; i < sizeof(type_names) / sizeof(*type_names); i++)
		if (type_names[i].length && is_equal(name, type_names[i]))
			return i;
	return 0;
}

enum na_program na_fill_program_number(struct na_text name)
{
	for (unsigned int i = 1; i < NA_PROGRAM_COUNT; i++)
		if (is_equal(name, source_names[i]))
			return (enum na_program)i;
	return NA_PROGRAM_NONE;
}

int na_fill_put(struct na_sockets *sockets)
{
	return sockets->options.sink->put(sockets->options.sink, &sockets->event);
}
