/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splunk's acknowledgements of indexers: for each request an id, that is asked for until it is
 * true, at the same url, with the same channel and the same cookies. An answer is given once: when
 * it is lost, the request is sent again in the end.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "http/instance.h"

#define ASK_NS NA_NS_PER_SEC
#define ASK_IDS_MAX 1000u /* at once */

static bool awaits(const struct na_output_instance *instance, const struct na_http_server *server)
{
	const struct na_http_request *request;

	TAILQ_FOREACH(request, &instance->awaiting, entry)
	if (request->server == server)
		return true;
	return false;
}

/* The ids that are awaited; of somebody who may have none, 0: the answer tells. */
static void make_question(const struct na_output_instance *instance,
			  const struct na_http_server *server, struct na_buffer *out)
{
	const struct na_http_request *request;
	size_t count = 0;

	na_buffer_append_string(out, "{\"acks\":[");
	TAILQ_FOREACH(request, &instance->awaiting, entry)
	{
		if (request->server != server || count == ASK_IDS_MAX)
			continue;
		if (count++)
			na_buffer_append_char(out, ',');
		na_buffer_append_u64(out, request->ack_id);
	}
	na_buffer_append_string(out, count ? "]}" : "0]}");
}

/* Without memory: the next time. */
static void ask(struct na_output_instance *instance, struct na_http_server *server)
{
	struct na_http_transfer *transfer = na_http_transfer_get(instance);

	server->ask_after_ns = na_clock_boot_ns() + ASK_NS;
	if (!transfer)
		return;
	make_question(instance, server, &transfer->body);
	if (na_buffer_error(&transfer->body))
		na_http_transfer_put(instance, transfer);
	else
		(void)na_http_transfer_start(instance, server, NULL, transfer);
}

static bool is_true(json_t *acks, uint64_t id)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer key = {0};

	na_buffer_append_u64(&key, id);
	na_buffer_append_char(&key, '\0');
	return !na_buffer_error(&key) && json_is_true(json_object_get(acks, key.data));
}

static void take_answers(struct na_output_instance *instance, struct na_http_server *server,
			 json_t *acks)
{
	struct na_http_request *request = TAILQ_FIRST(&instance->awaiting), *next;

	for (; request; request = next) {
		next = TAILQ_NEXT(request, entry);
		if (request->server != server || !is_true(acks, request->ack_id))
			continue;
		TAILQ_REMOVE(&instance->awaiting, request, entry);
		na_http_server_accepted(server);
		na_http_deliver(instance, request);
		na_http_request_free(request);
	}
}

static void send_again(struct na_output_instance *instance, struct na_http_request *request)
{
	TAILQ_REMOVE(&instance->awaiting, request, entry);
	for (size_t i = 0; i < request->count; i++)
		request->records[i].fate = NA_HTTP_OPEN;
	TAILQ_INSERT_HEAD(&instance->ready, request, entry);
}

/* Those of the server, or of any one that are overdue. Whether there was one. */
static bool send_again_all(struct na_output_instance *instance, struct na_http_server *server)
{
	struct na_http_request *request = TAILQ_FIRST(&instance->awaiting), *next;
	uint64_t now_ns = na_clock_boot_ns();
	bool found = false;

	for (; request; request = next) {
		next = TAILQ_NEXT(request, entry);
		if (server ? request->server != server : now_ns < request->ack_until_ns)
			continue;
		if (!server)
			na_http_server_failed(instance, request->server, 0, false,
					      "no acknowledgement of the indexers within 300 s: "
					      "sent again");
		send_again(instance, request);
		found = true;
	}
	return found;
}

/* It has none: by its own word, or since nobody is there to be asked. */
static bool says_no(const struct na_http_result *result, json_t *reply)
{
	json_t *code = json_object_get(reply, "code");

	return result->status == 404 || result->status == 405 ||
	       (json_is_integer(code) && json_integer_value(code) == 14);
}

static void no_answer(struct na_output_instance *instance, struct na_http_server *server,
		      const struct na_http_result *result)
{
	struct na_http_outcome outcome = {0};
	struct na_http_request none = {0};
	struct na_http_reply reply = {.status = result->status, .body = result->body};
	const char *why;

	if (result->status)
		na_http_judge_status(&reply, &none, &outcome);
	if (outcome.action == NA_HTTP_DO_SETTLE && result->status)
		outcome.mend = "that is no answer about acknowledgements";
	why = na_http_tell(instance, server, result, &outcome);
	if (result->status ? outcome.action == NA_HTTP_DO_HOLD : result->held)
		na_http_server_held(instance, server, why);
	else
		na_http_server_failed(instance, server, result->after_ns, false, why);
	server->ask_after_ns = server->wait_until_ns;
}

/* ------------------------------------------------------------------------------------------- */

bool na_http_ack_permits(struct na_output_instance *instance, struct na_http_server *server)
{
	if (!instance->dialect->ack_path || instance->options->ack != NA_HTTP_ACK_REQUIRED ||
	    server->has_ack == NA_HTTP_ACK_THERE)
		return true;
	if (!server->is_asked)
		ask(instance, server);
	return false;
}

void na_http_ack_go_on(struct na_output_instance *instance)
{
	uint64_t now_ns = na_clock_boot_ns();

	send_again_all(instance, NULL);
	for (size_t i = 0; i < instance->server_count; i++) {
		struct na_http_server *server = &instance->servers[i];

		if (!server->is_asked && now_ns >= server->ask_after_ns && awaits(instance, server))
			ask(instance, server);
	}
}

void na_http_ack_without(struct na_output_instance *instance, struct na_http_server *server,
			 const struct na_http_result *result)
{
	struct na_http_outcome outcome = {
		.mend = "ack: required, and it has no acknowledgements of indexers: switch them "
			"on for this token"};

	send_again_all(instance, server);
	if (instance->options->ack == NA_HTTP_ACK_REQUIRED) {
		server->has_ack = NA_HTTP_ACK_UNKNOWN;
		na_http_server_held(instance, server,
				    na_http_tell(instance, server, result, &outcome));
		return;
	}
	server->has_ack = NA_HTTP_ACK_NOT_THERE;
	if (!instance->said_without_ack && instance->options->ack == NA_HTTP_ACK_AUTO)
		na_log_notice("output %s: %s has no acknowledgements of indexers: what it took "
			      "counts as delivered, and is lost when it dies before it is indexed",
			      instance->host->name, server->url.shown);
	instance->said_without_ack = true;
}

void na_http_ack_settle(struct na_output_instance *instance, struct na_http_server *server,
			const struct na_http_result *result)
{
	struct na_http_reply reply = {.status = result->status, .body = result->body};
	json_t *json = na_http_reply_object(&reply), *acks = json_object_get(json, "acks");

	if (result->status == 200 && json_is_object(acks)) {
		server->has_ack = NA_HTTP_ACK_THERE;
		take_answers(instance, server, acks);
		/* Nothing is sent there while it is held for want of them. */
		if (server->state != NA_OUTPUT_WORKING)
			na_http_server_works(instance, server);
	} else if (says_no(result, json)) {
		na_http_ack_without(instance, server, result);
	} else {
		no_answer(instance, server, result);
	}
	json_decref(json);
}
