/* SPDX-License-Identifier: Apache-2.0 */
/* The table as an earlier agent of this boot had it, from its events. Capture thread only. */
#ifndef NA_SOCKET_RESTORE_H
#define NA_SOCKET_RESTORE_H

#include "socket/fill.h"

/* restore.c */
/* The event's socket, added where it is not known; NULL: it names none, or cannot be remembered. */
struct na_socket *na_restore_socket(struct na_sockets *sockets, const struct na_event *event);

/* restore_event.c */
/* What the event says of the socket, in its order. */
void na_restore_event(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_event *event);
/* Both ends as the socket has them; all zero where the event does not tell. */
struct na_ends na_restore_ends(const struct na_event *event);

/* flow.c */
/* A flow of the socket after an event of it. */
struct na_restored_flow {
	struct na_ends ends;
	struct na_process *process; /* borrowed; NULL: not known */
	struct na_credentials credentials;
	uint64_t time_ns;           /* of the event */
	uint64_t first_ns, last_ns; /* of the messages that it tells; 0: none */
	uint32_t pid;               /* 0: of other peers */
	uint32_t ordinal;
	uint8_t program;
	bool end;
};
void na_flow_restore(struct na_sockets *sockets, struct na_socket *socket,
		     const struct na_restored_flow *restored);
/* There are none, or their ends were told. */
bool na_flows_are_over(const struct na_socket *socket);

#endif
