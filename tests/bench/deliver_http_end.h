/* SPDX-License-Identifier: Apache-2.0 */
/* A far end that speaks HTTP, and what it shares with the other kinds. A thread for each
 * connection. */
#ifndef NA_BENCH_DELIVER_HTTP_END_H
#define NA_BENCH_DELIVER_HTTP_END_H

#include <openssl/ssl.h>

#include "deliver_ends.h"

struct deliver_server {
	enum deliver_kind kind;
	_Atomic uint64_t *ends;
	int listener;
	SSL_CTX *context; /* NULL: no TLS */
	/* _bulk: where each document ends in a body of them all, and the number of the first event;
	 * NULL: not known. */
	uint64_t *sums, number;
	size_t count;
};

struct deliver_connection {
	struct deliver_server *server;
	int fd;
	SSL *ssl;    /* NULL: none */
	char *piece; /* of HTTP: where it reads to */
};

/* Tells _bulk what will come. */
void deliver_http_know(struct deliver_server *server, const struct deliver_made *made);

/* Takes requests and answers them until the connection ends. */
void deliver_http_answer(struct deliver_connection *connection);

#endif
