/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that go together into one request, and what became of each. What records point to is the
 * host's until it was told their fate. One thread.
 */
#ifndef NA_HTTP_REQUEST_H
#define NA_HTTP_REQUEST_H

#include <stdbool.h>
#include <sys/queue.h>

#include "http/channel.h"
#include "output.h"

struct na_http_server;

enum na_http_fate {
	NA_HTTP_OPEN, /* not known: sent again */
	NA_HTTP_DELIVERED,
	NA_HTTP_REFUSED, /* for what it is */
	NA_HTTP_BUSY,    /* not now */
	NA_HTTP_DENIED   /* somebody must change something there */
};

struct na_http_record {
	uint64_t number;
	struct na_text id, body;
	uint64_t wall_ns;
	bool maybe_sent; /* "already there" may be our own work */
	/* What the last reply said of it: */
	enum na_http_fate fate;
	int status;
	const char *type, *reason; /* borrowed from the outcome; may be NULL */
};

TAILQ_HEAD(na_http_requests, na_http_request);

struct na_http_request {
	TAILQ_ENTRY(na_http_request) entry;
	struct na_http_record *records;
	size_t count, size;
	size_t bytes;                    /* of bodies and what stands around them, at most */
	bool refused;                    /* what is left of it was, record by record */
	bool suspected;                  /* `server` refused it, or what it was a part of, */
	uint64_t suspected_at;           /* when it had accepted so much */
	uint64_t begun_ns;               /* since when it is filled */
	struct na_http_channel *channel; /* of HEC, of its last sending until its fate is known */
	uint64_t ack_id;                 /* while an acknowledgement of the indexers is awaited, */
	uint64_t ack_until_ns;           /* how long, */
	uint64_t ask_after_ns;           /* and when it is asked for next */
	struct na_http_server *server;   /* who is asked for it, or refused it */
};

struct na_http_request *na_http_request_new(void); /* NULL: out of memory */
void na_http_request_free(struct na_http_request *request);

/* 0 or -ENOMEM. */
int na_http_request_add(struct na_http_request *request, const struct na_http_record *record);

/* What a record will take, at most. */
size_t na_http_record_bytes(const struct na_output_record *record);

/* Moves the records from `at` on to a new one behind it in the list. 0 or -ENOMEM: all is as
 * before. */
int na_http_request_split(struct na_http_requests *list, struct na_http_request *request,
			  size_t at);

/* Forgets records that are delivered or were rejected: `keep` says which stay. */
void na_http_request_keep(struct na_http_request *request,
			  bool (*keep)(const struct na_http_record *record));

#endif
