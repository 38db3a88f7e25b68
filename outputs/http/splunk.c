/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splunk's HTTP Event Collector. Its replies have a code of their own beside the status; with
 * acknowledgement of the indexers an ackId, that ack.c asks for.
 */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "http/dialect.h"

struct meaning {
	int code;
	enum na_http_action action;
	const char *mend;
};

/* Others, as 8 (internal error), 9 (busy) and 18 to 20 (queues are full): as the status says. */
static const struct meaning meanings[] = {
	{1, NA_HTTP_DO_HOLD, "the token is disabled"},
	{2, NA_HTTP_DO_HOLD, "token_file is needed"},
	{3, NA_HTTP_DO_HOLD, "is token_file right?"},
	{4, NA_HTTP_DO_HOLD, "is token_file right?"},
	{5, NA_HTTP_DO_ISOLATE, NULL},
	{6, NA_HTTP_DO_ISOLATE, NULL},
	{7, NA_HTTP_DO_HOLD, "is there such an index, and may the token write to it?"},
	{9, NA_HTTP_DO_AGAIN, NULL},
	{10, NA_HTTP_DO_HOLD, "does something between take header fields away?"},
	{11, NA_HTTP_DO_HOLD, "does something between change header fields?"},
	{12, NA_HTTP_DO_ISOLATE, NULL},
	{13, NA_HTTP_DO_ISOLATE, NULL},
	{14, NA_HTTP_DO_WITHOUT_ACK,
	 "acknowledgements of indexers are off for this token, and it takes no events for that"},
	{15, NA_HTTP_DO_ISOLATE, NULL},
};

static const char *content_type(const struct na_http_options *options)
{
	(void)options;
	return "application/json";
}

static void append_member(struct na_buffer *out, const char *name, const char *value)
{
	if (*value)
		na_buffer_printf(out, ",\"%s\":\"%s\"", name, value);
}

static void encode(const struct na_http_options *options, const char *host,
		   const struct na_http_request *request, struct na_buffer *out)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer middle = {0};

	append_member(&middle, "host", host);
	append_member(&middle, "source", options->source.data);
	append_member(&middle, "sourcetype", options->sourcetype.data);
	append_member(&middle, "index", options->index.data);
	na_buffer_append_string(&middle, ",\"event\":");
	out->error = out->error ? out->error : na_buffer_error(&middle);
	for (size_t i = 0; i < request->count && !na_buffer_error(out); i++) {
		const struct na_http_record *record = &request->records[i];
		uint64_t part = record->wall_ns % NA_NS_PER_SEC + NA_NS_PER_SEC;

		na_buffer_append_string(out, "{\"time\":");
		na_buffer_append_u64(out, record->wall_ns / NA_NS_PER_SEC);
		/* The 1 in front of the nine digits becomes the point. */
		na_buffer_append_u64(out, part);
		if (!na_buffer_error(out))
			out->data[out->length - 10] = '.';
		na_buffer_append(out, middle.data, middle.length);
		na_buffer_append(out, record->body.data, record->body.length);
		na_buffer_append_char(out, '}');
	}
}

static void judge_code(json_t *reply, const struct na_http_request *request,
		       struct na_http_outcome *outcome)
{
	json_t *number = json_object_get(reply, "invalid-event-number");
	json_int_t culprit = json_integer_value(number), code;

	if (!json_is_integer(json_object_get(reply, "code")))
		return;
	code = json_integer_value(json_object_get(reply, "code"));
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		if (meanings[i].code != code)
			continue;
		outcome->action = meanings[i].action;
		outcome->mend = meanings[i].mend;
	}
	if (json_is_integer(number) && culprit >= 0 && (size_t)culprit < request->count)
		outcome->culprit = (size_t)culprit;
}

static void judge_success(const struct na_http_options *options, json_t *reply,
			  struct na_http_request *request, struct na_http_outcome *outcome)
{
	json_t *code = json_object_get(reply, "code"), *ack = json_object_get(reply, "ackId");

	if (!json_is_integer(code) || json_integer_value(code) != 0) {
		for (size_t i = 0; i < request->count; i++)
			request->records[i].fate = NA_HTTP_OPEN;
		outcome->action = NA_HTTP_DO_AGAIN;
		outcome->mend = "that is no answer of an event collector";
		return;
	}
	if (options->ack == NA_HTTP_ACK_OFF)
		return;
	if (json_is_integer(ack) && json_integer_value(ack) >= 0) {
		outcome->action = NA_HTTP_DO_AWAIT;
		outcome->ack_id = (uint64_t)json_integer_value(ack);
	} else {
		outcome->action = NA_HTTP_DO_WITHOUT_ACK;
	}
}

static void judge(const struct na_http_options *options, const struct na_http_reply *reply,
		  struct na_http_request *request, struct na_http_outcome *outcome)
{
	outcome->json = na_http_reply_object(reply);
	outcome->said = json_string_value(json_object_get(outcome->json, "text"));
	na_http_judge_status(reply, request, outcome);
	if (outcome->action == NA_HTTP_DO_SETTLE)
		judge_success(options, outcome->json, request, outcome);
	else
		judge_code(outcome->json, request, outcome);
}

/* ------------------------------------------------------------------------------------------- */

const struct na_http_dialect na_http_splunk = {
	.send_path = "/services/collector/event",
	.ack_path = "/services/collector/ack",
	.token_scheme = "Splunk",
	.wants_json = true,
	.content_type = content_type,
	.encode = encode,
	.judge = judge,
};
