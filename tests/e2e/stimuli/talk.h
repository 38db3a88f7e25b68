/* SPDX-License-Identifier: Apache-2.0 */
/* The common conversation: a server (this process) and a client (a child), bytes each way, an
 * orderly end. */
#ifndef TALK_H
#define TALK_H

#include "endpoint.h"

struct talk {
	const char *listen_at;  /* address; NULL: 127.0.0.1 */
	const char *connect_to; /* NULL: the same */
	int listen_protocol, connect_protocol;
	uint64_t up, down; /* payload from and to the client */
	bool server_first; /* the server closes first */
	bool half_close;   /* the client ends its direction by shutdown(2) */
};

/* Runs it whole and expects everything. */
void talk_run(const struct talk *talk);

/* A listener, a client and the accepted socket in one process: for cases that go on from there. */
struct link {
	struct endpoint listener, client, server;
};
void link_make(struct link *link);
/* The client goes first; expects all three ends. */
void link_end(struct link *link);

/* shutdown(2) of a connection, with its event. */
void endpoint_shutdown(struct endpoint *endpoint, int how);

#endif
