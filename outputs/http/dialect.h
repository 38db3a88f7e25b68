/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between far ends: addresses, how records are written, what a reply says of them.
 * One thread for each instance; nothing here waits.
 */
#ifndef NA_HTTP_DIALECT_H
#define NA_HTTP_DIALECT_H

#include <jansson.h>

#include "http/http.h"
#include "http/request.h"
#include "http/url.h"

/* What is to be done about a whole request. */
enum na_http_action {
	NA_HTTP_DO_SETTLE,  /* each record has its fate */
	NA_HTTP_DO_AWAIT,   /* it has an ack_id: its records are delivered when that is acknowledged
			     */
	NA_HTTP_DO_AGAIN,   /* later */
	NA_HTTP_DO_HOLD,    /* later, and somebody must change something */
	NA_HTTP_DO_ISOLATE, /* some of its records are bad; `culprit` may say which */
	NA_HTTP_DO_HALVE,   /* it is too large */
	NA_HTTP_DO_WITHOUT_ACK /* the far end has no acknowledgements of indexers */
};

struct na_http_reply {
	int status;
	struct na_text body;
};

#define NA_HTTP_NO_CULPRIT SIZE_MAX

struct na_http_outcome {
	enum na_http_action action;
	size_t culprit;
	uint64_t ack_id;
	const char *said; /* its words, for people; NULL: the body as it is. Borrowed from `json` */
	const char *mend; /* what a person should look at; may be NULL */
	json_t *json;     /* na_http_outcome_done */
};

struct na_http_dialect {
	const char *send_path; /* behind the url, with the index where it has %s; NULL: the url */
	const char *ack_path;  /* to ask for acknowledgements; NULL: it has none */
	const char *token_scheme;
	bool wants_json; /* records must be JSON */
	const char *(*content_type)(const struct na_http_options *options);
	/* `host` may be empty. */
	void (*encode)(const struct na_http_options *options, const char *host,
		       const struct na_http_request *request, struct na_buffer *out);
	void (*judge)(const struct na_http_options *options, const struct na_http_reply *reply,
		      struct na_http_request *request, struct na_http_outcome *outcome);
};

extern const struct na_http_dialect na_http_elastic, na_http_splunk, na_http_webhook;

const struct na_http_dialect *na_http_dialect_get(const struct na_http_options *options);

/* What a status says where nothing else does: all are delivered, or what to do. */
void na_http_judge_status(const struct na_http_reply *reply, struct na_http_request *request,
			  struct na_http_outcome *outcome);

/* A JSON object, or NULL. */
json_t *na_http_reply_object(const struct na_http_reply *reply);

void na_http_outcome_done(struct na_http_outcome *outcome);

#endif
