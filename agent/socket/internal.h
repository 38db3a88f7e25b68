/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of agent/socket share. Capture thread only. */
#ifndef NA_SOCKET_INTERNAL_H
#define NA_SOCKET_INTERNAL_H

#include <errno.h>

#include "base/address.h"
#include "base/buffer.h"
#include "process/process.h"
#include "socket/tuple_cache.h"
#include "socket/sockets.h"
#include "socket/table.h"

/* Boot id, cookie or inode, ordinal: hexadecimal, as "0123456789abcdef-1a2b-1". */
#define NA_CONNECTION_ID_BOOT (16 + 1)
#define NA_CONNECTION_ID_SIZE (NA_CONNECTION_ID_BOOT + 17 + 1 + 8)

/* A thread's last call that a program saw on its way in: its result comes with another record. */
struct na_call {
	uint64_t cookie; /* 0: of no socket */
	uint32_t tid;
	uint8_t operation; /* enum na_operation */
	bool told;         /* what came of it is known already */
	uint16_t port;
	struct na_address address;
	bool unsure; /* whether a program of cgroups refused it is not known yet */
};

/* Of a negative errno. */
static inline bool na_is_refusal(int error)
{
	return error == -EPERM || error == -EACCES;
}

#define NA_CALLS 4096 /* a power of two */

struct na_flows {
	struct na_flow **buckets;
	size_t mask;
	size_t count;
	struct na_flow *first; /* in the order of due_ns */
	struct na_flow *last;
};

struct na_sockets {
	struct na_sockets_options options;
	struct na_socket_table table;
	struct na_sockets_counts counts;
	struct na_flows flows;
	struct na_call *calls;
	struct na_tuple_cache *tuples;
	struct na_socket spare;   /* stands for a socket that is not remembered */
	struct na_socket **found; /* in the order they were found; NULL: gone since */
	size_t found_count, found_size;
	bool found_all;   /* what was there at start is known */
	uint64_t lost_ns; /* the last loss that no snapshot came after; 0: none */
	uint64_t next_sweep_ns;
	uint64_t restored_ns; /* newest record that an earlier agent told of; 0: there was none */
	uint64_t purged_ns;   /* restored_ns at the last purge */
	size_t purge_in;      /* the next one, after so many new sockets */
	bool gap;             /* between that agent and this one */
	uint8_t listening[65536 / 8]; /* ports of listeners that were there at start */

	struct na_event event;          /* the one that is made, and its texts */
	struct na_buffer connection_id; /* has room for any; begins with the boot's part */
	char addresses[2][NA_ADDRESS_TEXT_SIZE];
	char paths[2][112];
	char protocol[6];
	struct na_text related[2];
};

/* The new one first: it may be the old one, and this its last reference. */
static inline void na_socket_set_process(struct na_process **slot, struct na_process *process)
{
	struct na_process *old = *slot;

	*slot = na_process_ref(process);
	na_process_unref(&old);
}

/* sockets.c */

/* The socket a record is about; NULL: not known. 0 for what the record does not know. */
struct na_socket *na_sockets_find(struct na_sockets *sockets, uint64_t cookie, uint64_t inode);
/* A new one, never NULL: when it cannot be remembered it is the spare, valid until the next. */
struct na_socket *na_sockets_add(struct na_sockets *sockets, uint64_t cookie, uint64_t key,
				 uint64_t inode, uint64_t time_ns);
/* With what is left of its flows; the spare is only emptied. */
int na_sockets_remove(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_record_header *header);
/* The process that made the record; NULL in softirq. Borrowed. */
struct na_process *na_sockets_process(struct na_sockets *sockets,
				      const struct na_record_header *header);
void na_sockets_own(struct na_sockets *sockets, struct na_socket *socket,
		    const struct na_record_header *header);
/* The call's slot: it is whoever's was there last. */
struct na_call *na_sockets_call(struct na_sockets *sockets, uint32_t tid);
/* The slot, when it is this call's; else NULL. */
struct na_call *na_call_find(struct na_sockets *sockets, uint32_t tid, uint8_t operation,
			     uint64_t cookie);

/* calls.c: what processes ask for and get */
int na_take_created(struct na_sockets *sockets, const struct na_record_created *record);
int na_take_bind(struct na_sockets *sockets, const struct na_record_bind *record);
int na_take_bound(struct na_sockets *sockets, const struct na_record_bound *record);
int na_take_result(struct na_sockets *sockets, const struct na_record_result *record);
int na_take_unix(struct na_sockets *sockets, const struct na_record_unix *record);
int na_take_released(struct na_sockets *sockets, const struct na_record_released *record);
/* A `closed` is to come when nobody has it any more. */
bool na_is_end_due(const struct na_socket *socket);
/* The call was refused by `policy`: once, whatever records tell of it. */
int na_connect_denied(struct na_sockets *sockets, struct na_socket *socket, struct na_call *call,
		      const struct na_record_header *header, const char *policy);
/* `backlog` below 0: not known. */
int na_listen_report_backlog(struct na_sockets *sockets, struct na_socket *socket,
			     const struct na_record_header *header, int backlog);

/* Who asked; in a softirq whoever has the socket. The kernel's own sockets are nobody's. */
void na_fill_asker(struct na_sockets *sockets, const struct na_socket *socket,
		   const struct na_record_header *header);
/*
 * Makes a `denied` in sockets->event, to be put. `call`: where to, NULL: the call's addresses are
 * not known.
 */
int na_denied_begin(struct na_sockets *sockets, struct na_socket *socket,
		    const struct na_record_header *header, enum na_operation operation,
		    const char *policy, const struct na_call *call);

/* hook.c */
int na_take_hook(struct na_sockets *sockets, const struct na_record_hook *record);

/* connection.c: the life of a connection */
int na_take_connect(struct na_sockets *sockets, const struct na_record_connect *record);
int na_take_state(struct na_sockets *sockets, const struct na_record_state *record);
int na_take_accepted(struct na_sockets *sockets, const struct na_record_accepted *record);
int na_take_ended(struct na_sockets *sockets, const struct na_record_ended *record);
/* A link begins, with a new id. */
void na_link_begin(struct na_socket *socket, enum na_link link, uint64_t time_ns);
/* The connect_attempted that was held back (NA_SOCKET_HELD), at its own time. */
int na_attempt_tell(struct na_sockets *sockets, struct na_socket *socket,
		    const struct na_record_header *header);
/* connect_attempted, established, connect_failed by `header`; error 0: none. */
int na_link_report(struct na_sockets *sockets, struct na_socket *socket, enum na_event_type type,
		   const struct na_record_header *header, int error);
/* `closed` of what is not TCP: a listener, a bound socket, a local connection. */
int na_link_closed(struct na_sockets *sockets, struct na_socket *socket,
		   const struct na_record_header *header);
/* The socket is gone, and no record told how: `closed` where one is due, and forgets it. */
int na_link_unseen(struct na_sockets *sockets, struct na_socket *socket,
		   const struct na_record_header *header);
/* Only the `closed`. */
int na_link_report_unseen(struct na_sockets *sockets, struct na_socket *socket,
			  const struct na_record_header *header);

/* restore.c */
/* An earlier agent has told what the record says. */
bool na_restore_is_told(const struct na_sockets *sockets, const struct na_record_header *record);

/* existing.c */
int na_take_found(struct na_sockets *sockets, const struct na_record_found *record);
int na_existing_report(struct na_sockets *sockets, struct na_socket *socket);
/* An old socket goes: it is no longer to be reported. Cheap when all were. */
void na_existing_forget(struct na_sockets *sockets, const struct na_socket *socket);

/* interval.c */
/* The connection is open: reports it when it is due. */
int na_interval_found(struct na_sockets *sockets, struct na_socket *socket,
		      const struct na_record_found *record);

/* flow.c */
int na_flows_init(struct na_flows *flows);
void na_flows_done(struct na_sockets *sockets);
int na_take_flow(struct na_sockets *sockets, const struct na_record_flow *record);
/* Reports the ends of all the socket's flows. */
int na_flows_end(struct na_sockets *sockets, struct na_socket *socket,
		 const struct na_record_header *header);
/* Forgets them all, and tells nothing. */
void na_flows_drop(struct na_sockets *sockets, struct na_socket *socket);
int na_flows_tick(struct na_sockets *sockets, uint64_t now_ns);
int na_flows_flush(struct na_sockets *sockets, uint64_t now_ns);

#endif
