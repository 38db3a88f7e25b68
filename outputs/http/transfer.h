/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange with a far end, by libcurl. One thread. */
#ifndef NA_HTTP_TRANSFER_H
#define NA_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "base/buffer.h"
#include "http/request.h"

/* What goes into the socket at once: with libcurl's 64 KiB most of the time is spent on taking
 * turns with who reads it. */
#define NA_HTTP_UPLOAD_BYTES (256L << 10)
#define NA_HTTP_REPLY_MAX (8u << 20) /* 10,000 items with a reason each need less */

TAILQ_HEAD(na_http_transfers, na_http_transfer);

struct na_http_transfer {
	TAILQ_ENTRY(na_http_transfer) entry;
	CURL *easy;
	struct curl_slist *headers;
	struct na_buffer body, reply;
	bool reply_too_large;
	char error[CURL_ERROR_SIZE];
	unsigned int posts;   /* how often it went out: libcurl does it again by itself when a kept
				 connection turns out to be dead */
	unsigned int secrets; /* the version that it went out with */
	uint64_t deadline_ns;
	struct na_http_server *server;
	struct na_http_request *request;    /* NULL: it asks about an acknowledgement */
	char channel[NA_HTTP_CHANNEL_SIZE]; /* of HEC */
};

/* What an exchange ended with. */
struct na_http_result {
	int status; /* 0: no reply, and `error` says why */
	struct na_text body;
	const char *error;
	bool held; /* without a reply: somebody must change something */
	bool overdue;
	bool outdated;     /* it went out with secrets that were replaced meanwhile */
	uint64_t after_ns; /* Retry-After; 0: none */
};

/*
 * One that is idle, with buffers that were used before: a new megabyte for each request costs as
 * much as filling it. Its body is then filled. NULL: out of memory.
 */
struct na_http_transfer *na_http_transfer_get(struct na_output_instance *instance);
void na_http_transfer_put(struct na_output_instance *instance, struct na_http_transfer *transfer);

/* Sends the body. 0: it is on its way, with the request. -ENOMEM: it is idle again, and the request
 * still the caller's. */
int na_http_transfer_start(struct na_output_instance *instance, struct na_http_server *server,
			   struct na_http_request *request, struct na_http_transfer *transfer);

/* Goes on with all of them; those that end are settled. 0 or -EIO: libcurl is of no use any more.
 */
int na_http_transfers_go_on(struct na_output_instance *instance);

/* Breaks off all; their requests are freed. */
void na_http_transfers_free(struct na_output_instance *instance);

#endif
