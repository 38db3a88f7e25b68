/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: other commands ask the running agent. A connection is one request and one
 * answer, a line of JSON each: {"request":"status"}. Only root and the agent's own user may ask.
 * Part of the agent is its server thread, part of the commands is na_control_ask.
 */
#ifndef NA_CONTROL_H
#define NA_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define NA_CONTROL_PATH "/run/netaudit/control.sock"
#define NA_CONTROL_REQUEST_MAX 4096                /* bytes of a line; what is longer is refused */
#define NA_CONTROL_ANSWER_MAX (1U << 20)           /* bytes; a longer one becomes an error */
#define NA_CONTROL_CLIENTS_MAX 8                   /* at once; others wait for a place */
#define NA_CONTROL_TIMEOUT_NS UINT64_C(5000000000) /* of a whole exchange */

struct na_control;

/*
 * Answers one request. On the server's thread, one call at a time: what it reads of other threads
 * it reads under a lock, or from a copy made for it. It may wait, and the others then do too. The
 * caller takes the new reference; NULL: no memory. {"error": "sentence"} is how to refuse.
 */
typedef json_t *na_control_answer(void *context, const json_t *request);

struct na_control_handler {
	const char *request;
	na_control_answer *answer;
	void *context;
};

struct na_control_options {
	const char *path;                          /* its folder exists */
	const struct na_control_handler *handlers; /* these two live as long as the server */
	size_t handler_count;
};

/*
 * Makes the socket, mode 0600, and starts the thread. A socket file that nobody answers is
 * replaced. -EADDRINUSE: an agent answers there; -EEXIST: something else than a socket is there;
 * others: of the file system. `why` gets a sentence. Main thread.
 */
int na_control_start(const struct na_control_options *options, struct na_control **ret_control,
		     struct na_buffer *why);

/* Ends the thread, after the handler that runs, and removes the socket if it is still this one.
 * Requests under way are cut off. NULL is fine. */
void na_control_stop(struct na_control **control);

/* Does an agent listen behind `path`? True also when this user may not ask it. Any thread. */
bool na_control_is_there(const char *path);

/*
 * Asks the agent behind `path` and waits for its answer, a JSON object that is then the caller's.
 * -ECONNREFUSED: no agent runs; -EACCES: not permitted; -ETIMEDOUT; -EBADMSG: what came is no
 * answer; -EREMOTEIO: the agent refused. `why` gets a sentence. Any thread.
 */
int na_control_ask(const char *path, const char *request, json_t **ret_answer,
		   struct na_buffer *why);

#endif
