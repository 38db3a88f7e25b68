/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output's table.
 *
 * Connected is by put, when there is something to send: a far end that closes an idle connection
 * costs nothing. What an instance takes it holds in a window (window.h) until it is acknowledged or
 * the connection breaks; then the host offers it again.
 */
#include "syslog/syslog.h"

#include <errno.h>
#include <stdlib.h>

#include "syslog/instance.h"
#include "syslog/options.h"

static size_t max_size_of(const struct na_output_instance *instance)
{
	if (instance->options->max_size)
		return instance->options->max_size;
	if (instance->address.scheme == NA_SYSLOG_JOURNALD)
		return 4u << 20;
	return na_syslog_link_is_stream(instance->link) ? 64u << 10 : 8u << 10;
}

static enum na_syslog_form form_of(const struct na_output_instance *instance)
{
	bool local = instance->address.scheme == NA_SYSLOG_UNIX;

	if (instance->address.scheme == NA_SYSLOG_JOURNALD)
		return NA_SYSLOG_FORM_JOURNAL;
	switch ((enum na_syslog_protocol_option)instance->options->protocol) {
	case NA_SYSLOG_RFC5424:
		return NA_SYSLOG_FORM_5424;
	case NA_SYSLOG_RFC3164:
		return local ? NA_SYSLOG_FORM_3164_LOCAL : NA_SYSLOG_FORM_3164;
	default:
		return local ? NA_SYSLOG_FORM_3164_LOCAL : NA_SYSLOG_FORM_5424;
	}
}

static enum na_syslog_frame frame_of(const struct na_output_instance *instance)
{
	if (!na_syslog_link_is_stream(instance->link))
		return NA_SYSLOG_FRAME_NONE;
	switch ((enum na_syslog_framing_option)instance->options->framing) {
	case NA_SYSLOG_OCTET:
		return NA_SYSLOG_FRAME_OCTET;
	case NA_SYSLOG_LF:
		return NA_SYSLOG_FRAME_LF;
	default:
		return instance->address.scheme == NA_SYSLOG_UNIX ? NA_SYSLOG_FRAME_LF
								  : NA_SYSLOG_FRAME_OCTET;
	}
}

/* 0 or negative errno, `why` says why. What kind of socket it is shows only then. */
static int ensure_connected(struct na_output_instance *instance, struct na_buffer *why)
{
	struct na_syslog_encoder *encoder = &instance->encoder;
	int error;

	if (instance->link)
		return 0;
	error = na_syslog_link_open(instance->options, &instance->address, &instance->link, why);
	if (error < 0 && !why->length)
		na_buffer_append_string(why, strerrordesc_np(-error));
	if (error < 0)
		return na_syslog_instance_judge(instance, error, why);
	instance->connected_ns = instance->progress_ns = na_clock_boot_ns();
	instance->settled = false;
	instance->was_confirmed = true;
	encoder->form = form_of(instance);
	encoder->frame = frame_of(instance);
	encoder->max_size = max_size_of(instance);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_instance_judge(struct na_output_instance *instance, int error,
			     const struct na_buffer *why)
{
	struct na_buffer words = {0};

	if (error != -EKEYREJECTED)
		return error;
	na_buffer_append(&words, why->data, why->length);
	na_buffer_append_char(&words, '\0');
	instance->host->state(instance->host, NA_OUTPUT_HELD,
			      na_buffer_error(&words) ? "certificates" : words.data);
	na_buffer_done(&words);
	return error;
}

void na_syslog_instance_disconnect(struct na_output_instance *instance)
{
	na_syslog_link_close(instance->link);
	instance->link = NULL;
	na_syslog_pieces_forget(&instance->pieces);
	instance->end = instance->arrived = 0;
	na_syslog_window_forget(&instance->window);
}

static na_output_paths syslog_paths;
static na_output_endpoints syslog_endpoints;
static na_output_fields syslog_fields;
static na_output_doubt syslog_doubt;
static na_output_open syslog_open;
static na_output_put syslog_put;
static na_output_work syslog_work;
static na_output_drain syslog_drain;
static na_output_close syslog_close;

static void syslog_paths(const void *values, na_output_take_path *take, void *context)
{
	const struct na_syslog_options *options = values;
	const struct na_text *files[] = {&options->ca_file, &options->cert_file,
					 &options->key_file};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i]->length)
			take(context, files[i]->data, NA_OUTPUT_READS);
}

static void syslog_endpoints(const void *values, na_output_take_endpoint *take, void *context)
{
	const struct na_syslog_options *options = values;
	struct na_syslog_address address;
	struct na_buffer why = {0};

	if (na_syslog_address_parse(options->address, &address, &why) == 0 &&
	    !na_syslog_address_is_local(&address))
		take(context, na_text_of(address.host), address.port_number);
	na_buffer_done(&why);
}

static const char *syslog_doubt(const void *values)
{
	const struct na_syslog_options *options = values;
	struct na_syslog_address address;
	struct na_buffer why = {0};
	int error = na_syslog_address_parse(options->address, &address, &why);

	na_buffer_done(&why);
	return !error && address.scheme == NA_SYSLOG_UDP ? "nobody confirms what UDP carries"
							 : NULL;
}

static int syslog_open(const void *values, struct na_output_host *host,
		       struct na_output_instance **ret_instance, struct na_buffer *why)
{
	struct na_output_instance *instance = calloc(1, sizeof(*instance));
	int error;

	if (!instance)
		return -ENOMEM;
	instance->options = values;
	instance->host = host;
	error = na_syslog_address_parse(instance->options->address, &instance->address, why);
	if (error < 0) {
		free(instance);
		return error;
	}
	instance->encoder.facility = instance->options->facility;
	instance->encoder.sd_id = instance->options->sd_id.data;
	na_syslog_encoder_init(&instance->encoder);
	*ret_instance = instance;
	return 0;
}

static enum na_output_verdict syslog_put(struct na_output_instance *instance,
					 const struct na_output_record *records, size_t count,
					 size_t *ret_taken, struct na_buffer *why)
{
	if (ensure_connected(instance, why) < 0)
		return NA_OUTPUT_LATER;
	return na_syslog_link_is_stream(instance->link)
		       ? na_syslog_stream_put(instance, records, count, ret_taken, why)
		       : na_syslog_datagram_put(instance, records, count, ret_taken, why);
}

static enum na_output_verdict syslog_work(struct na_output_instance *instance, uint64_t timeout_ns)
{
	if (!instance->link || !na_syslog_link_is_stream(instance->link))
		return NA_OUTPUT_TAKEN;
	return na_syslog_stream_work(instance, timeout_ns);
}

static void syslog_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	if (instance->link && na_syslog_link_is_stream(instance->link))
		na_syslog_stream_drain(instance, deadline_ns);
}

static void syslog_close(struct na_output_instance *instance)
{
	na_syslog_link_close(instance->link);
	na_syslog_encoder_done(&instance->encoder);
	na_syslog_window_done(&instance->window);
	na_syslog_pieces_done(&instance->pieces);
	na_buffer_done(&instance->out);
	na_buffer_done(&instance->why);
	free(instance);
}

static void syslog_fields(const void *options, na_output_take_field *take, void *context)
{
	(void)options;
	take(context, NA_FIELD_EVENT_OUTCOME);
	take(context, NA_FIELD_EVENT_SEQUENCE);
}

const struct na_output na_output_syslog = {
	.name = "syslog",
	.promise = "Delivered over TCP and TLS when the far end's kernel has confirmed it and the "
		   "connection held for `overlap` longer; a datagram when the kernel took it.",
	.options = na_syslog_option_rows,
	.option_count = NA_SYSLOG_OPTION_COUNT,
	.options_size = sizeof(struct na_syslog_options),
	.copies = true,
	.check = na_syslog_check,
	.paths = syslog_paths,
	.endpoints = syslog_endpoints,
	.fields = syslog_fields,
	.doubt = syslog_doubt,
	.open = syslog_open,
	.put = syslog_put,
	.work = syslog_work,
	.drain = syslog_drain,
	.close = syslog_close,
};
