/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splunk's acknowledgements of indexers: for each request an id, that is asked for until it is
 * true, at the same url, with the request's channel and the same cookies. An answer is given once:
 * when it is lost, the request is sent again in the end. One question at a time for each url: they
 * go over one connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "http/instance.h"

#define ASK_NS NA_NS_PER_SEC

/* Whom to ask for; NULL: nobody is due. Those asked before stand behind. */
static struct na_http_request *next_due(const struct na_output_instance *instance,
					const struct na_http_server *server)
{
	uint64_t now_ns = na_clock_boot_ns();
	struct na_http_request *request;

	TAILQ_FOREACH(request, &instance->awaiting, entry)
	if (request->server == server && now_ns >= request->ask_after_ns)
		return request;
	return NULL;
}

/* Asks for that request; without one, for nothing: of somebody who may have no acknowledgements the
 * answer tells. Without memory: the next time. */
static void ask(struct na_output_instance *instance, struct na_http_server *server,
		struct na_http_request *request)
{
	struct na_http_channel *channel = request ? request->channel : na_http_channel_take(server);
	struct na_http_transfer *transfer = channel ? na_http_transfer_get(instance) : NULL;

	if (request) {
		request->ask_after_ns = na_clock_boot_ns() + ASK_NS;
		TAILQ_REMOVE(&instance->awaiting, request, entry);
		TAILQ_INSERT_TAIL(&instance->awaiting, request, entry);
	}
	if (transfer) {
		memcpy(transfer->channel, channel->name, sizeof(transfer->channel));
		na_buffer_printf(&transfer->body, "{\"acks\":[%llu]}",
				 request ? (unsigned long long)request->ack_id : 0);
		if (na_buffer_error(&transfer->body))
			na_http_transfer_put(instance, transfer);
		else
			(void)na_http_transfer_start(instance, server, NULL, transfer);
	}
	if (!request)
		na_http_channel_put(server, channel);
}

static bool is_true(json_t *acks, uint64_t id)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer key = {0};

	na_buffer_append_u64(&key, id);
	na_buffer_append_char(&key, '\0');
	return !na_buffer_error(&key) && json_is_true(json_object_get(acks, key.data));
}

/* What is said of a channel is of the request that has it; when it has none any more, of nobody. */
static void take_answer(struct na_output_instance *instance, struct na_http_server *server,
			const char *channel, json_t *acks)
{
	struct na_http_request *request;

	TAILQ_FOREACH(request, &instance->awaiting, entry)
	if (strcmp(request->channel->name, channel) == 0)
		break;
	if (!request || !is_true(acks, request->ack_id))
		return;
	TAILQ_REMOVE(&instance->awaiting, request, entry);
	na_http_server_accepted(server);
	na_http_deliver(instance, request);
	na_http_channel_put(server, NA_TAKE_POINTER(request->channel));
	na_http_request_free(request);
}

static void send_again(struct na_output_instance *instance, struct na_http_request *request)
{
	free(NA_TAKE_POINTER(request->channel));
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
		TAILQ_REMOVE(&instance->awaiting, request, entry);
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
	if (result->status && outcome.action == NA_HTTP_DO_HOLD)
		na_http_denied(instance, server, result, why);
	else if (!result->status && result->held)
		na_http_server_held(instance, server, why);
	else
		na_http_server_failed(instance, server, result->after_ns, false, why);
	server->ask_after_ns = server->wait_until_ns;
}

/* Numbers begin anew: the collector was restarted, or this is another one. */
static void number_repeats(struct na_output_instance *instance, struct na_http_server *server,
			   struct na_http_request *request)
{
	if (na_http_channels_distrust(server))
		na_log_notice(
			"output %s: %s began its numbers of acknowledgements anew (a restart, "
			"or a balancer without stickiness): what they were given for is sent "
			"again",
			instance->host->name, server->url.shown);
	send_again(instance, request);
}

/* ------------------------------------------------------------------------------------------- */

void na_http_ack_await(struct na_output_instance *instance, struct na_http_server *server,
		       struct na_http_request *request, uint64_t ack_id)
{
	server->has_ack = NA_HTTP_ACK_THERE;
	na_http_server_works(instance, server);
	if (!na_http_channel_note(request->channel, ack_id)) {
		number_repeats(instance, server, request);
		return;
	}
	if (instance->believes_taken) {
		na_http_deliver(instance, request);
		na_http_request_free(request);
		return;
	}
	request->ack_id = ack_id;
	request->ack_until_ns = na_clock_boot_ns() + NA_HTTP_ACK_NS;
	request->ask_after_ns = 0;
	request->server = server;
	TAILQ_INSERT_TAIL(&instance->awaiting, request, entry);
}

bool na_http_ack_permits(struct na_output_instance *instance, struct na_http_server *server)
{
	if (!instance->dialect->ack_path || instance->options->ack != NA_HTTP_ACK_REQUIRED ||
	    server->has_ack == NA_HTTP_ACK_THERE)
		return true;
	if (!server->is_asked)
		ask(instance, server, NULL);
	return false;
}

void na_http_ack_go_on(struct na_output_instance *instance)
{
	uint64_t now_ns = na_clock_boot_ns();

	send_again_all(instance, NULL);
	for (size_t i = 0; i < instance->server_count; i++) {
		struct na_http_server *server = &instance->servers[i];
		struct na_http_request *request = NULL;

		if (!server->is_asked && now_ns >= server->ask_after_ns)
			request = next_due(instance, server);
		if (request)
			ask(instance, server, request);
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

void na_http_ack_settle(struct na_output_instance *instance,
			const struct na_http_transfer *transfer,
			const struct na_http_result *result)
{
	struct na_http_server *server = transfer->server;
	struct na_http_reply reply = {.status = result->status, .body = result->body};
	json_t *json = na_http_reply_object(&reply), *acks = json_object_get(json, "acks");

	if (result->status == 200 && json_is_object(acks)) {
		server->has_ack = NA_HTTP_ACK_THERE;
		take_answer(instance, server, transfer->channel, acks);
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
