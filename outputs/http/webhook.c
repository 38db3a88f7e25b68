/* SPDX-License-Identifier: Apache-2.0 */
/* Anything that takes JSON and says 2xx when it has it. */
#include "base/buffer.h"
#include "http/dialect.h"

static const char *content_type(const struct na_http_options *options)
{
	return options->body == NA_HTTP_ARRAY ? "application/json" : "application/x-ndjson";
}

static void encode(const struct na_http_options *options, const char *host,
		   const struct na_http_request *request, struct na_buffer *out)
{
	bool array = options->body == NA_HTTP_ARRAY;

	(void)host;
	for (size_t i = 0; i < request->count; i++) {
		const struct na_text *body = &request->records[i].body;

		if (array)
			na_buffer_append_char(out, i ? ',' : '[');
		na_buffer_append(out, body->data, body->length);
		if (!array)
			na_buffer_append_char(out, '\n');
	}
	if (array)
		na_buffer_append_char(out, ']');
}

static void judge(const struct na_http_options *options, const struct na_http_reply *reply,
		  struct na_http_request *request, struct na_http_outcome *outcome)
{
	(void)options;
	na_http_judge_status(reply, request, outcome);
}

/* ------------------------------------------------------------------------------------------- */

const struct na_http_dialect na_http_webhook = {
	.token_scheme = "Bearer",
	.content_type = content_type,
	.encode = encode,
	.judge = judge,
};
