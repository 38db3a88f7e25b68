/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of output `http` share.
 *
 *   http.c      the contract: records into requests; the round of work
 *   send.c      which request goes next, and when
 *   server.c    one url: how much it bears, how long it is left alone, what people are told of it
 *   transfer.c  libcurl: one exchange, its options, its end
 *   settle.c    what an exchange means for the records of its request
 *   ack.c       Splunk's acknowledgements of indexers
 *   channel.c   whom their numbers belong to
 *   dialect.h   what differs between far ends
 *
 * A request is in one place at a time: `filling`, `ready`, with a transfer, or `awaiting`.
 */
#ifndef NA_HTTP_INSTANCE_H
#define NA_HTTP_INSTANCE_H

#include "base/clock.h"
#include "http/dialect.h"
#include "http/gzip.h"
#include "http/secrets.h"
#include "http/server.h"
#include "http/transfer.h"

#define NA_HTTP_ACK_NS (300 * NA_NS_PER_SEC) /* without an acknowledgement for it: sent again */

struct na_output_instance {
	const struct na_http_options *options;
	struct na_output_host *host;
	const struct na_http_dialect *dialect;
	struct na_http_secrets secrets;
	struct na_http_server *servers;
	size_t server_count, next_server;
	CURLM *multi;
	struct na_http_transfers flying, idle;
	struct na_http_requests ready;    /* the first is sent next */
	struct na_http_requests awaiting; /* acknowledgements of indexers */
	struct na_http_request *filling;  /* more fits; NULL: none */
	size_t count_max;                 /* records of a request: what was offered at once */
	size_t bytes_max;                 /* of a request: batch_bytes, or what a 413 left of it */
	struct na_buffer raw, why, host_name;
	z_stream deflate;
	bool deflates;         /* `deflate` is to be freed */
	bool drains;           /* nothing is waited for to fill a request */
	bool progress;         /* the host was told of a record */
	bool said_without_ack; /* once is enough */
	bool believes_taken;   /* NETAUDIT_TEST_ACK=taken: a mutation that the tests must see */
};

/* send.c */
void na_http_send(struct na_output_instance *instance);

/* settle.c: takes the request out of the transfer. */
void na_http_settle(struct na_output_instance *instance, struct na_http_transfer *transfer,
		    const struct na_http_result *result);
void na_http_deliver(struct na_output_instance *instance, struct na_http_request *request);

/* `why` of the instance: who, what came, what to do. As a string until the next call. */
const char *na_http_tell(struct na_output_instance *instance, const struct na_http_server *server,
			 const struct na_http_result *result,
			 const struct na_http_outcome *outcome);

/* ack.c: a request that is taken, and has that number, is on no list yet. */
void na_http_ack_await(struct na_output_instance *instance, struct na_http_server *server,
		       struct na_http_request *request, uint64_t ack_id);
/* settle.c: a refusal that a person must mend; with secrets that were replaced it is tried at once.
 */
void na_http_denied(struct na_output_instance *instance, struct na_http_server *server,
		    const struct na_http_result *result, const char *why);

/* Asks, and sends again what was never acknowledged. */
void na_http_ack_go_on(struct na_output_instance *instance);
void na_http_ack_settle(struct na_output_instance *instance,
			const struct na_http_transfer *transfer,
			const struct na_http_result *result);
/* Records of a request are with the far end, or not yet; it is never to be asked about again. */
void na_http_ack_without(struct na_output_instance *instance, struct na_http_server *server,
			 const struct na_http_result *result);
/* May requests go there? Where acknowledgements are required, only after it was found to have them:
 * that is asked for then. */
bool na_http_ack_permits(struct na_output_instance *instance, struct na_http_server *server);

#endif
