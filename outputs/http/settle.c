/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exchange means for the records of its request.
 *
 * A record is rejected only by who accepts others: in the same reply, or after it refused a request
 * with this one and before it refused it alone. Who refuses everything may be the wrong one, or
 * miss a certificate, and would send the whole journal to the dead letters. So what was refused
 * goes to the end of the queue, and where nothing else is accepted, all of it waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "http/instance.h"

#define BYTES_MIN 4096u  /* what a 413 leaves of batch_bytes, at least */
#define REFUSALS_MAX 20u /* in a row: more than it takes to find one record in 10,000 */

static void mark_sent(struct na_http_request *request)
{
	for (size_t i = 0; i < request->count; i++)
		request->records[i].maybe_sent = true;
}

static void again(struct na_output_instance *instance, struct na_http_request *request)
{
	TAILQ_INSERT_HEAD(&instance->ready, request, entry);
}

/* Is there anything that was not refused yet? */
static bool has_other(const struct na_output_instance *instance)
{
	const struct na_http_transfer *transfer;
	const struct na_http_request *request;

	TAILQ_FOREACH(transfer, &instance->flying, entry)
	if (transfer->request && !transfer->request->refused)
		return true;
	TAILQ_FOREACH(request, &instance->ready, entry)
	if (!request->refused)
		return true;
	return instance->filling != NULL;
}

/* It accepts nothing: once it did, so that it may pass; or never, and somebody must look. */
static void accepts_nothing(struct na_output_instance *instance, struct na_http_server *server,
			    const char *why)
{
	if (server->accepted)
		na_http_server_failed(instance, server, 0, false, why);
	else
		na_http_server_held(instance, server, why);
}

/* May its word be believed that this is refused for ever? */
static bool is_believed(const struct na_http_server *server, const struct na_http_request *request)
{
	return request->suspected && request->server == server &&
	       server->accepted > request->suspected_at;
}

/* Some of its records are bad, if what it accepts from now on shows that others are not. */
static void suspect(struct na_http_server *server, struct na_http_request *request)
{
	if (request->suspected && request->server == server)
		return;
	request->suspected = true;
	request->suspected_at = server->accepted;
	request->server = server;
}

static void put_off_refused(struct na_output_instance *instance, struct na_http_server *server,
			    struct na_http_request *request, const char *why)
{
	suspect(server, request);
	request->refused = true;
	TAILQ_INSERT_TAIL(&instance->ready, request, entry);
	if (!has_other(instance))
		accepts_nothing(instance, server, why);
}

static void reject(struct na_output_instance *instance, const struct na_http_record *record,
		   const char *why)
{
	instance->host->reject(instance->host, record->number, why);
	instance->progress = true;
}

/* What an item of a reply says of its record. */
static const char *tell_record(struct na_output_instance *instance,
			       const struct na_http_server *server,
			       const struct na_http_record *record)
{
	struct na_buffer *why = &instance->why;

	na_buffer_clear(why);
	na_buffer_printf(why, "%s: status %d of an item: ", server->url.shown, record->status);
	if (record->type)
		na_http_secrets_words(&instance->secrets, na_text_of(record->type), why);
	if (record->type && record->reason)
		na_buffer_append_string(why, ": ");
	if (record->reason)
		na_http_secrets_words(&instance->secrets, na_text_of(record->reason), why);
	na_buffer_append_char(why, '\0');
	return na_buffer_error(why) ? "out of memory" : why->data;
}

static bool is_left(const struct na_http_record *record)
{
	return record->fate != NA_HTTP_DELIVERED;
}

static bool is_not_refused(const struct na_http_record *record)
{
	return record->fate != NA_HTTP_REFUSED;
}

static const struct na_http_record *find(const struct na_http_request *request,
					 enum na_http_fate fate)
{
	for (size_t i = 0; i < request->count; i++)
		if (request->records[i].fate == fate)
			return &request->records[i];
	return NULL;
}

static void reject_refused(struct na_output_instance *instance, struct na_http_server *server,
			   struct na_http_request *request)
{
	for (size_t i = 0; i < request->count; i++)
		if (request->records[i].fate == NA_HTTP_REFUSED)
			reject(instance, &request->records[i],
			       tell_record(instance, server, &request->records[i]));
	na_http_request_keep(request, is_not_refused);
}

/* A conflict is no matter of url and index: it shows that they are right. */
static bool accepts_some(struct na_http_server *server, const struct na_http_request *request)
{
	bool some = false;

	for (size_t i = 0; i < request->count; i++)
		some |= request->records[i].fate == NA_HTTP_DELIVERED ||
			request->records[i].status == 409;
	if (some)
		na_http_server_accepted(server);
	return some;
}

/* Each record has its fate. Of those that are left the worst decides. */
static void settle_records(struct na_output_instance *instance, struct na_http_server *server,
			   struct na_http_request *request, uint64_t after_ns)
{
	const struct na_http_record *record;
	bool believed = is_believed(server, request) || accepts_some(server, request);

	na_http_deliver(instance, request);
	if (believed)
		reject_refused(instance, server, request);
	if (!request->count) {
		na_http_request_free(request);
		na_http_server_works(instance, server);
		return;
	}
	record = find(request, NA_HTTP_DENIED);
	if (record) {
		again(instance, request);
		na_http_server_held(instance, server, tell_record(instance, server, record));
		return;
	}
	record = find(request, NA_HTTP_BUSY);
	if (record) {
		again(instance, request);
		na_http_server_failed(instance, server, after_ns, record->status == 429,
				      tell_record(instance, server, record));
		return;
	}
	put_off_refused(instance, server, request,
			tell_record(instance, server, &request->records[0]));
}

/* A request of one record that is not wanted. */
static void refuse(struct na_output_instance *instance, struct na_http_server *server,
		   struct na_http_request *request, const char *why)
{
	if (!is_believed(server, request)) {
		put_off_refused(instance, server, request, why);
		return;
	}
	reject(instance, &request->records[0], why);
	na_http_request_free(request);
}

/* Cuts it so that what is bad gets alone, at last. 0 or -ENOMEM. */
static int cut(struct na_output_instance *instance, struct na_http_request *request, size_t culprit)
{
	struct na_http_requests *ready = &instance->ready;
	int error = 0;

	if (culprit >= request->count)
		return na_http_request_split(ready, request, request->count / 2);
	if (culprit + 1 < request->count)
		error = na_http_request_split(ready, request, culprit + 1);
	if (!error && culprit)
		error = na_http_request_split(ready, request, culprit);
	return error;
}

static void isolate(struct na_output_instance *instance, struct na_http_server *server,
		    struct na_http_request *request, const struct na_http_outcome *outcome,
		    const char *why)
{
	size_t culprit = outcome->culprit;

	server->refusals++;
	suspect(server, request);
	if (request->count == 1) {
		refuse(instance, server, request, why);
		return;
	}
	if (server->refusals > REFUSALS_MAX) {
		TAILQ_INSERT_TAIL(&instance->ready, request, entry);
		accepts_nothing(instance, server, why);
		return;
	}
	if (outcome->action == NA_HTTP_DO_HALVE) {
		size_t half = request->bytes / 2;

		culprit = NA_HTTP_NO_CULPRIT;
		if (half < instance->bytes_max)
			instance->bytes_max = half > BYTES_MIN ? half : BYTES_MIN;
	}
	again(instance, request);
	if (cut(instance, request, culprit) < 0)
		na_http_server_failed(instance, server, 0, false, "out of memory");
}

/* It has its answer and awaits none any more. What answered something else may have given a number
 * that we do not know. */
static void leave_channel(struct na_http_server *server, struct na_http_request *request,
			  enum na_http_action action)
{
	if (action == NA_HTTP_DO_SETTLE || action == NA_HTTP_DO_WITHOUT_ACK)
		na_http_channel_put(server, NA_TAKE_POINTER(request->channel));
	else
		free(NA_TAKE_POINTER(request->channel));
}

/* With another token in the file it is tried at once; one that cannot be read is part of why. */
void na_http_denied(struct na_output_instance *instance, struct na_http_server *server,
		    const struct na_http_result *result, const char *why)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer unread = {0}, both = {0};
	bool changed = false;
	int error = 0;

	if (result->outdated)
		return;
	if (result->status == 401 || result->status == 403 || result->status == 407)
		error = na_http_secrets_read(instance->options, &instance->secrets, &changed,
					     &unread);
	if (!error && changed)
		return;
	if (error)
		na_buffer_printf(&both, "%s; %.*s%c", why, (int)unread.length,
				 unread.length ? unread.data : "", '\0');
	na_http_server_held(instance, server, both.length ? both.data : why);
}

/* It took them, and no indexer will say so; or it refused them, since none can. */
static void without_ack(struct na_output_instance *instance, struct na_http_server *server,
			struct na_http_request *request, const struct na_http_result *result,
			const struct na_http_outcome *outcome)
{
	na_http_ack_without(instance, server, result);
	if (server->has_ack == NA_HTTP_ACK_NOT_THERE &&
	    request->records[0].fate == NA_HTTP_DELIVERED) {
		settle_records(instance, server, request, 0);
		return;
	}
	again(instance, request);
	/* Where they are required it is held already. */
	if (server->has_ack == NA_HTTP_ACK_NOT_THERE)
		na_http_server_failed(instance, server, result->after_ns, false,
				      na_http_tell(instance, server, result, outcome));
}

static void act(struct na_output_instance *instance, struct na_http_server *server,
		struct na_http_request *request, const struct na_http_result *result,
		const struct na_http_outcome *outcome)
{
	const char *why = na_http_tell(instance, server, result, outcome);

	switch (outcome->action) {
	case NA_HTTP_DO_SETTLE:
		settle_records(instance, server, request, result->after_ns);
		return;
	case NA_HTTP_DO_AWAIT:
		request->suspected = false;
		na_http_ack_await(instance, server, request, outcome->ack_id);
		return;
	case NA_HTTP_DO_AGAIN:
		again(instance, request);
		na_http_server_failed(instance, server, result->after_ns, result->status == 429,
				      why);
		return;
	case NA_HTTP_DO_HOLD:
		again(instance, request);
		na_http_denied(instance, server, result, why);
		return;
	case NA_HTTP_DO_ISOLATE:
	case NA_HTTP_DO_HALVE:
		isolate(instance, server, request, outcome, why);
		return;
	case NA_HTTP_DO_WITHOUT_ACK:
		without_ack(instance, server, request, result, outcome);
		return;
	}
}

static void no_reply(struct na_output_instance *instance, struct na_http_server *server,
		     struct na_http_request *request, const struct na_http_result *result)
{
	const char *why = na_http_tell(instance, server, result, NULL);

	again(instance, request);
	if (result->held)
		na_http_server_held(instance, server, why);
	else
		na_http_server_failed(instance, server, 0, false, why);
}

/* ------------------------------------------------------------------------------------------- */

const char *na_http_tell(struct na_output_instance *instance, const struct na_http_server *server,
			 const struct na_http_result *result, const struct na_http_outcome *outcome)
{
	struct na_buffer *why = &instance->why;
	struct na_text said = outcome && outcome->said ? na_text_of(outcome->said) : result->body;

	na_buffer_clear(why);
	na_buffer_printf(why, "%s: ", server->url.shown);
	if (result->status)
		na_buffer_printf(why, "status %d", result->status);
	else
		na_http_secrets_words(&instance->secrets, na_text_of(result->error), why);
	if (result->status && said.length) {
		na_buffer_append_string(why, ": ");
		na_http_secrets_words(&instance->secrets, said, why);
	}
	if (outcome && outcome->mend)
		na_buffer_printf(why, "; %s", outcome->mend);
	na_buffer_append_char(why, '\0');
	return na_buffer_error(why) ? "out of memory" : why->data;
}

void na_http_deliver(struct na_output_instance *instance, struct na_http_request *request)
{
	struct na_output_host *host = instance->host;

	for (size_t i = 0, next; i < request->count; i = next) {
		const struct na_http_record *first = &request->records[i];

		next = i + 1;
		if (first->fate != NA_HTTP_DELIVERED)
			continue;
		while (next < request->count && request->records[next].fate == NA_HTTP_DELIVERED &&
		       request->records[next].number == first->number + (next - i))
			next++;
		host->acknowledge(host, first->number, first->number + (next - i) - 1);
		instance->progress = true;
	}
	na_http_request_keep(request, is_left);
}

void na_http_settle(struct na_output_instance *instance, struct na_http_transfer *transfer,
		    const struct na_http_result *result)
{
	NA_CLEANUP(na_http_outcome_done)
	struct na_http_outcome outcome = {.culprit = NA_HTTP_NO_CULPRIT};
	struct na_http_reply reply = {.status = result->status, .body = result->body};
	struct na_http_request *request = NA_TAKE_POINTER(transfer->request);

	if (transfer->posts > 1)
		mark_sent(request);
	if (request->channel)
		request->channel->sent_twice = transfer->posts > 1;
	if (!result->status) {
		if (transfer->posts)
			mark_sent(request);
		free(NA_TAKE_POINTER(request->channel));
		na_http_channels_forget(transfer->server);
		no_reply(instance, transfer->server, request, result);
		return;
	}
	instance->dialect->judge(instance->options, &reply, request, &outcome);
	mark_sent(request); /* from here on it is about the next time */
	if (outcome.action != NA_HTTP_DO_AWAIT)
		leave_channel(transfer->server, request, outcome.action);
	act(instance, transfer->server, request, result, &outcome);
}
