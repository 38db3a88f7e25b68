/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an event from what is known of its socket. Capture thread only. */
#ifndef NA_SOCKET_FILL_H
#define NA_SOCKET_FILL_H

#include "socket/internal.h"

/*
 * Begins the table's one event: type, moment, program, and what is fixed about the socket (NULL:
 * none). A socket that was there at start is reported first: so this may fail with the sink's
 * error.
 */
int na_fill_begin(struct na_sockets *sockets, enum na_event_type type,
		  const struct na_record_header *header, struct na_socket *socket);

/* Who did it: process.* with the thread (0: no call of it) and user, or why nobody is known. */
void na_fill_process(struct na_sockets *sockets, const struct na_process *process, uint32_t tid,
		     const struct na_credentials *credentials);

/* The socket's owner, its creator and closer where they differ. */
void na_fill_owner(struct na_sockets *sockets, const struct na_socket *socket, uint32_t tid);
void na_fill_creator(struct na_sockets *sockets, const struct na_socket *socket,
		     const struct na_process *process);

/* source.*, destination.*, direction, community id and related.ip, of either end what is known. */
void na_fill_tuple(struct na_sockets *sockets, const struct na_socket *socket);

/* The same of one peer of a datagram socket. */
struct na_ends {
	struct na_address local, remote;
	uint16_t local_port, remote_port;
	bool ingress;
};
void na_fill_ends(struct na_sockets *sockets, const struct na_socket *socket,
		  const struct na_ends *ends);

/* The socket's own address as a destination: of bound and listening sockets. */
void na_fill_local(struct na_sockets *sockets, const struct na_socket *socket);
/* An address that was asked for. */
void na_fill_destination(struct na_sockets *sockets, const struct na_socket *socket,
			 const struct na_address *address, uint16_t port);

/* The id of the socket's link, or of another ordinal. */
void na_fill_connection(struct na_sockets *sockets, const struct na_socket *socket);
void na_fill_ordinal(struct na_sockets *sockets, const struct na_socket *socket, uint32_t ordinal);

/* Bytes and packets as seen from the socket. */
struct na_traffic {
	uint64_t sent_bytes, received_bytes;
	uint32_t sent_packets, received_packets;
	bool packets_known;
};
void na_fill_traffic(struct na_sockets *sockets, const struct na_traffic *traffic, bool ingress);

/* event.start, end, duration from boot times; start 0: not known. */
void na_fill_span(struct na_sockets *sockets, uint64_t start_ns, uint64_t end_ns);
/* The same of what has not ended: no event.end. */
void na_fill_age(struct na_sockets *sockets, uint64_t start_ns, uint64_t now_ns);

/* A refusal by a policy of an operation. */
void na_fill_denied(struct na_sockets *sockets, enum na_operation operation, const char *policy,
		    int error);

/* TCP_…, lower case: "fin_wait1"; NULL: no such. */
const char *na_fill_state_name(unsigned int state);
/* And back, as of netaudit.socket.type and netaudit.source; 0: no such. */
unsigned int na_fill_state_number(struct na_text name);
unsigned int na_fill_type_number(struct na_text name);
enum na_program na_fill_program_number(struct na_text name);

/* Why nobody is known, of what the kernel made for itself. */
#define NA_UNATTRIBUTED_KERNEL "made by the kernel"

/* Hands the event on. */
int na_fill_put(struct na_sockets *sockets);

#endif
