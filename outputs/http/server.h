/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One url: how much it bears, how long it is left alone, what people are told of it.
 *
 * Requests at once: one more after as many good replies as there are now, half of them after a
 * failure. Waits double with each failure in a row, unless the far end asks for more. One thread.
 */
#ifndef NA_HTTP_SERVER_H
#define NA_HTTP_SERVER_H

#include <curl/curl.h>

#include "base/clock.h"
#include "http/channel.h"
#include "http/url.h"
#include "output.h"

#define NA_HTTP_RETRY_AFTER_MAX_NS (3600 * NA_NS_PER_SEC)

enum na_http_has_ack { NA_HTTP_ACK_UNKNOWN, NA_HTTP_ACK_THERE, NA_HTTP_ACK_NOT_THERE };

struct na_http_server {
	struct na_http_url url;
	struct na_buffer send_url, ack_url; /* with a NUL behind */
	struct na_http_channels channels; /* of HEC: those that serve no request, the last first */
	uint64_t distrust_until_ns;       /* none is kept before that */
	CURLSH *cookies;                  /* what balancers know us by */
	unsigned int limit, in_flight, good;
	uint64_t wait_until_ns, next_wait_ns;
	enum na_output_state state;
	struct na_buffer why;
	uint64_t accepted;     /* replies with at least one record that it took */
	unsigned int refusals; /* in a row, without one of these between */
	enum na_http_has_ack has_ack;
	bool is_asked; /* about acknowledgements, just now */
	uint64_t ask_after_ns;
};

/* 0 or negative errno and why; na_http_server_done in any case. */
int na_http_server_init(struct na_output_instance *instance, struct na_http_server *server,
			struct na_text url, struct na_buffer *why);
void na_http_server_done(struct na_http_server *server);

/* NULL: none has room. */
struct na_http_server *na_http_server_pick(struct na_output_instance *instance);

/* It took a record. */
static inline void na_http_server_accepted(struct na_http_server *server)
{
	server->accepted++;
	server->refusals = 0;
}

/* A good reply. */
void na_http_server_works(struct na_output_instance *instance, struct na_http_server *server);

/* Waits; `after_ns`: as long as it asked for, 0 for nothing. `busy`: it works, and has too much to
 * do: told only when that goes on. */
void na_http_server_failed(struct na_output_instance *instance, struct na_http_server *server,
			   uint64_t after_ns, bool busy, const char *why);

/* A person must act; tried again once a minute. */
void na_http_server_held(struct na_output_instance *instance, struct na_http_server *server,
			 const char *why);

#endif
