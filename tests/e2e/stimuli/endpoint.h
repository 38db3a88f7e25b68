/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations on sockets that expect their event as they go. What a process cannot know at once
 * (the end of a connection) is expected by a call of its own, once it is known.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "facts.h"

/* How a connection ended, as one side sees it. */
struct ending {
	const char *reason;         /* orderly, reset, timeout, aborted */
	const char *by;             /* local, remote */
	const struct actor *closer; /* NULL: the owner */
	bool by_exec; /* the owner's next program: close-on-exec happens in its name */
};

#define ENDED_BY_LOCAL ((struct ending){.reason = "orderly", .by = "local"})
#define ENDED_BY_REMOTE ((struct ending){.reason = "orderly", .by = "remote"})
#define ABORTED ((struct ending){.reason = "aborted", .by = "local"})
#define RESET ((struct ending){.reason = "reset", .by = "remote"})

/* 127.0.0.1 … and a port; `text` may be IPv4 or IPv6. */
union address address_of(const char *text, unsigned int port);
socklen_t address_length(const union address *address);

/* A port below 32768 that nobody uses, found without making a socket; own_port is called for it. */
unsigned int port_choose(void);

/* socket_created */
void endpoint_open(struct endpoint *endpoint, int family, int type, int protocol);
/* bound; SO_REUSEADDR is set before */
void endpoint_bind(struct endpoint *endpoint, const union address *address);
/* listening; the address is learned */
void endpoint_listen(struct endpoint *endpoint, int backlog);
/* All three, on a chosen port. */
void endpoint_serve(struct endpoint *endpoint, const char *text, int protocol);

/* connect_attempted, then established or connect_failed. Returns 0 or errno; EINPROGRESS: finish
 * it. */
int endpoint_connect(struct endpoint *endpoint, const union address *address);
/* Waits for the end of a non-blocking connect. Returns 0 or errno. */
int endpoint_connect_finish(struct endpoint *endpoint);

/* The two halves of endpoint_connect, for other ways to connect. */
void endpoint_attempt(struct endpoint *endpoint, const union address *address);
void endpoint_attempted(struct endpoint *endpoint, int error);

/* accepted */
void endpoint_accept(const struct endpoint *listener, struct endpoint *endpoint);
/* For other ways to accept. */
void endpoint_accepted(struct endpoint *endpoint, int fd, const struct actor *who);

/* Exactly so many bytes, whatever it takes; they are counted. */
void endpoint_send(struct endpoint *endpoint, uint64_t bytes);
void endpoint_receive(struct endpoint *endpoint, uint64_t bytes);
/* Until so many bytes wait in the kernel; they are counted as received. */
void endpoint_await_queued(struct endpoint *endpoint, int bytes);
/* Until the peer's FIN; data before it is counted. */
void endpoint_receive_all(struct endpoint *endpoint);
/*
 * From here on the connection may end, whoever does it: called before that, by whoever does not
 * close it himself.
 */
void endpoint_may_end(struct endpoint *endpoint);
/* Until the peer's RST or a timeout has ended the connection; returns the socket's error. */
int endpoint_await_error(struct endpoint *endpoint);

/* Closes the descriptor and notes the time; expects nothing. */
void endpoint_close(struct endpoint *endpoint);
/* Closes by RST. */
void endpoint_abort(struct endpoint *endpoint);
/* closed, of a connection. Called when both sides are done. */
void expect_closed(const struct endpoint *endpoint, struct ending ending);
/* closed, of a socket that was bound or listening. */
void expect_gone(const struct endpoint *endpoint);
/* Closes and expects it. */
void endpoint_finish(struct endpoint *listener);

#endif
