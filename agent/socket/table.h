/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that are known, found by cookie and by inode. Capture thread only. */
#ifndef NA_SOCKET_TABLE_H
#define NA_SOCKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "record.h"

struct na_flow;
struct na_process;

/* Where a connection of the socket stands. */
enum na_link {
	NA_LINK_NONE,      /* none yet, or the last one ended */
	NA_LINK_ATTEMPTED, /* connect was called, the outcome is not known */
	NA_LINK_UP         /* established or accepted */
};

#define NA_SOCKET_BOUND 0x001 /* bind(2) */
#define NA_SOCKET_LISTENING 0x002
#define NA_SOCKET_INGRESS 0x004   /* the peer opened the link */
#define NA_SOCKET_RELEASED 0x008  /* no process has it any more */
#define NA_SOCKET_FOUND 0x010     /* its `existing` event is still to come */
#define NA_SOCKET_OLD 0x020       /* was there at start */
#define NA_SOCKET_CLOSED 0x040    /* the `closed` of its last link was made */
#define NA_SOCKET_FAILED 0x080    /* the attempt's failure was told: the call's result is no news */
#define NA_SOCKET_KERNEL 0x100    /* the kernel made it for itself */
#define NA_SOCKET_NO_COOKIE 0x200 /* it had none when its link began: ids are made of the inode */
#define NA_SOCKET_RESTORED 0x400  /* known of an earlier agent, and not found since */
#define NA_SOCKET_HELD 0x800      /* its attempt is not told yet: it may still be refused */

/* Processes are references. Addresses as in records; all zero: not known. */
struct na_socket {
	struct na_socket *next_by_key, *next_by_inode;
	struct na_process *creator; /* called socket(2) */
	struct na_process *owner;   /* connected, accepted, bound or found with it */
	struct na_process *closer;  /* let go of it last */
	struct na_flow *flows;      /* of a datagram socket */
	char *path[2];              /* of unix sockets: local, remote; NULL: not known */
	uint64_t key;    /* what it is found by: cookie, see na_socket_key_of_child; 0: not known */
	uint64_t cookie; /* as users see it; 0: not known */
	uint64_t inode;
	uint64_t start_ns;                   /* of the link; 0: not known */
	uint64_t told_ns;                    /* up to here the link was reported: see interval.c */
	uint64_t touched_ns;                 /* last record about it */
	uint64_t sent_bytes, received_bytes; /* of families that count for themselves */
	uint32_t sent_packets, received_packets;
	uint32_t owner_tid;
	struct na_credentials owner_credentials; /* when it became the owner */
	uint32_t links;                          /* how many connections and flows it had */
	uint32_t ordinal;                        /* of the link */
	uint32_t netns;
	uint16_t family, type, protocol;
	uint16_t local_port, remote_port;
	uint8_t link;   /* enum na_link */
	uint8_t state;  /* of an old one: TCP_…, as the kernel numbers all families' states */
	uint16_t flags; /* NA_SOCKET_… */
	uint8_t path_length[2];
	struct na_address local, remote;
};

struct na_socket_table {
	struct na_socket **by_key, **by_inode;
	size_t mask; /* buckets - 1, of both */
	size_t count, max;
	uint64_t dropped;
};

int na_socket_table_init(struct na_socket_table *table, size_t max);
/* Frees all sockets; whoever holds pointers must have let go. */
void na_socket_table_done(struct na_socket_table *table);

struct na_socket *na_socket_table_by_key(const struct na_socket_table *table, uint64_t key);
struct na_socket *na_socket_table_by_inode(const struct na_socket_table *table, uint64_t inode);

/* A new socket, 0 for what is not known. NULL and counted: full, or out of memory. */
struct na_socket *na_socket_table_add(struct na_socket_table *table, uint64_t key, uint64_t inode);

/* What became known later. */
void na_socket_table_set_key(struct na_socket_table *table, struct na_socket *socket, uint64_t key);
void na_socket_table_set_inode(struct na_socket_table *table, struct na_socket *socket,
			       uint64_t inode);

/* Copies a unix socket's path; out of memory leaves it unknown. `end` is 0: local, 1: remote. */
void na_socket_set_path(struct na_socket *socket, int end, const char *path, size_t length);

/* Out of the table and freed, with its references; its flows must be gone. */
void na_socket_table_remove(struct na_socket_table *table, struct na_socket *socket);

/* Each socket once; the one just visited may be removed, nothing else may change. Stops at
 * non-zero. */
typedef int na_socket_visit(void *context, struct na_socket *socket);
int na_socket_table_each(struct na_socket_table *table, na_socket_visit *visit, void *context);

/*
 * An accepted MPTCP socket carries its listener's cookie (sk_clone copies it): with its peer it is
 * a key of its own.
 */
uint64_t na_socket_key_of_child(uint64_t cookie, const struct na_address *remote, uint16_t port);

#endif
