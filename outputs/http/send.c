/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request goes next, and when. One that is not full waits while others are on their way, or
 * wait for their acknowledgement, of which each is asked for by itself: so a far end that is slow
 * gets fewer and larger ones.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/instance.h"

#define LINGER_NS (200 * NA_NS_PER_MS) /* it does not wait longer */

static bool filling_is_due(const struct na_output_instance *instance)
{
	const struct na_http_request *filling = instance->filling;

	bool idle = TAILQ_EMPTY(&instance->flying) && TAILQ_EMPTY(&instance->awaiting);

	return filling &&
	       (instance->drains || idle || na_clock_boot_ns() - filling->begun_ns >= LINGER_NS);
}

/* What was refused for ever by who never took anything goes last: another one may be the first to
 * be taken. NULL: nothing is due. */
static struct na_http_request *choose(struct na_output_instance *instance)
{
	struct na_http_request *request;

	TAILQ_FOREACH(request, &instance->ready, entry)
	if (!request->refused)
		return request;
	return filling_is_due(instance) ? instance->filling : TAILQ_FIRST(&instance->ready);
}

/* 0 or -ENOMEM. */
static int make_body(struct na_output_instance *instance, const struct na_http_request *request,
		     struct na_buffer *out)
{
	const char *host = instance->host_name.length ? instance->host_name.data : "";
	bool gzip = instance->options->compression == NA_HTTP_GZIP;
	struct na_buffer *text = gzip ? &instance->raw : out;

	na_buffer_clear(text);
	if (na_buffer_reserve(text, request->bytes) < 0)
		return -ENOMEM;
	instance->dialect->encode(instance->options, host, request, text);
	if (na_buffer_error(text))
		return -ENOMEM;
	return gzip ? na_http_gzip(&instance->deflate, text, out) : 0;
}

/* 0 or -ENOMEM. */
static int give_channel(const struct na_output_instance *instance, struct na_http_server *server,
			struct na_http_request *request, struct na_http_transfer *transfer)
{
	if (!instance->dialect->ack_path)
		return 0;
	request->channel = na_http_channel_take(server);
	if (!request->channel)
		return -ENOMEM;
	memcpy(transfer->channel, request->channel->name, sizeof(transfer->channel));
	return 0;
}

static int send_one(struct na_output_instance *instance, struct na_http_server *server,
		    struct na_http_request *request)
{
	struct na_http_transfer *transfer = na_http_transfer_get(instance);

	if (!transfer)
		return -ENOMEM;
	for (size_t i = 0; i < request->count; i++)
		request->records[i].fate = NA_HTTP_OPEN;
	if (make_body(instance, request, &transfer->body) < 0 ||
	    give_channel(instance, server, request, transfer) < 0) {
		na_http_transfer_put(instance, transfer);
		return -ENOMEM;
	}
	if (na_http_transfer_start(instance, server, request, transfer) == 0)
		return 0;
	na_http_channel_put(server, NA_TAKE_POINTER(request->channel));
	return -ENOMEM;
}

/* A token that was replaced meanwhile is what is waited for. Failing that, the old one is tried. */
static void read_secrets_again(struct na_output_instance *instance,
			       const struct na_http_server *server)
{
	bool changed;

	if (server->state != NA_OUTPUT_HELD)
		return;
	na_buffer_clear(&instance->why);
	(void)na_http_secrets_read(instance->options, &instance->secrets, &changed, &instance->why);
}

/* ------------------------------------------------------------------------------------------- */

void na_http_send(struct na_output_instance *instance)
{
	struct na_http_request *request;
	struct na_http_server *server;

	while ((request = choose(instance)) && (server = na_http_server_pick(instance))) {
		read_secrets_again(instance, server);
		if (request == instance->filling)
			instance->filling = NULL;
		else
			TAILQ_REMOVE(&instance->ready, request, entry);
		if (send_one(instance, server, request) == 0)
			continue;
		TAILQ_INSERT_HEAD(&instance->ready, request, entry);
		na_http_server_failed(instance, server, 0, false, "out of memory");
		return;
	}
}
