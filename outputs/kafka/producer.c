/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body is neither copied nor freed by librdkafka: the host keeps it until the report. The
 * message's opaque is the record's number.
 */
#include "kafka/producer.h"

#include <errno.h>

#include "base/cleanup.h"
#include "kafka/conf.h"

#define CLOSE_MS 1000 /* for the reports of what is forgotten; there is no network in it */
#define PARTS_MAX 10

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t), "an opaque holds a record's number");

static void destroy_conf(rd_kafka_conf_t **conf)
{
	if (*conf)
		rd_kafka_conf_destroy(*conf);
}

static void set_calls(rd_kafka_conf_t *conf, const struct na_kafka_calls *calls)
{
	rd_kafka_conf_set_opaque(conf, calls->opaque);
	rd_kafka_conf_set_dr_msg_cb(conf, calls->report);
	rd_kafka_conf_set_error_cb(conf, calls->error);
	rd_kafka_conf_set_log_cb(conf, calls->log);
}

/* A message in parts, as rd_kafka_produceva takes it. */
struct parts {
	rd_kafka_vu_t items[PARTS_MAX];
	size_t count;
};

static rd_kafka_vu_t *add(struct parts *parts, rd_kafka_vtype_t type)
{
	rd_kafka_vu_t *part = &parts->items[parts->count++];

	part->vtype = type;
	return part;
}

/* librdkafka's types know no const; it only reads. */
static void add_memory(struct parts *parts, rd_kafka_vtype_t type, const void *data, size_t size)
{
	rd_kafka_vu_t *part = add(parts, type);

	part->u.mem.ptr = (void *)(uintptr_t)data;
	part->u.mem.size = size;
}

static void add_opaque(struct parts *parts, void *opaque)
{
	add(parts, RD_KAFKA_VTYPE_OPAQUE)->u.ptr = opaque;
}

static void add_header(struct parts *parts, const char *name, struct na_text value)
{
	rd_kafka_vu_t *part = add(parts, RD_KAFKA_VTYPE_HEADER);

	part->u.header.name = name;
	part->u.header.val = value.data;
	part->u.header.size = (ssize_t)value.length;
}

static struct na_text host_of(const struct na_kafka_producer *producer,
			      const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_HOST_NAME))
		return event->f_HOST_NAME;
	return na_text_of(producer->message.host);
}

static void add_key(struct parts *parts, const struct na_kafka_producer *producer,
		    const struct na_event *event)
{
	struct na_text key = {0};

	switch (producer->message.key) {
	case NA_KAFKA_KEY_HOST:
		key = host_of(producer, event);
		break;
	case NA_KAFKA_KEY_CONNECTION:
		if (na_event_has(event, NA_FIELD_NA_CONNECTION_ID))
			key = event->f_NA_CONNECTION_ID;
		break;
	case NA_KAFKA_KEY_NONE:
		break;
	}
	if (key.length)
		add_memory(parts, RD_KAFKA_VTYPE_KEY, key.data, key.length);
}

static void add_headers(struct parts *parts, const struct na_kafka_producer *producer,
			const struct na_output_record *record)
{
	if (producer->message.format)
		add_header(parts, "schema", na_text_of(producer->message.format));
	add_header(parts, "version", na_text_of(NA_VERSION));
	add_header(parts, "host", host_of(producer, record->event));
	add_header(parts, "event.id", record->id);
}

static rd_kafka_resp_err_t produce(struct na_kafka_producer *producer, const struct parts *parts)
{
	rd_kafka_error_t *error = rd_kafka_produceva(producer->client, parts->items, parts->count);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (!error) {
		producer->in_flight++;
		return code;
	}
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	return code;
}

/* ------------------------------------------------------------------------------------------- */

int na_kafka_producer_open(struct na_kafka_producer *producer,
			   const struct na_kafka_options *options,
			   const struct na_kafka_calls *calls, long batch_bytes,
			   struct na_buffer *why)
{
	NA_CLEANUP(destroy_conf) rd_kafka_conf_t *conf = NULL;
	int error = na_kafka_conf_new(options, &conf, why);
	char text[512];

	if (!error)
		error = na_kafka_conf_set_password(conf, options, why);
	if (error)
		return error;
	if (batch_bytes)
		na_kafka_conf_set_number(conf, "batch.size", batch_bytes);
	set_calls(conf, calls);
	producer->batch_bytes = na_kafka_conf_number(conf, "batch.size");
	producer->message_bytes = na_kafka_conf_number(conf, "message.max.bytes");
	producer->in_flight = 0;
	producer->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (!producer->client) {
		na_buffer_append_string(why, text);
		return -EINVAL;
	}
	(void)NA_TAKE_POINTER(conf); /* the client's */
	return 0;
}

void na_kafka_producer_close(struct na_kafka_producer *producer)
{
	if (!producer->client)
		return;
	/* Not waiting: a thread of it may be asking a name server. */
	rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
						 RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_flush(producer->client, CLOSE_MS);
	na_kafka_topics_done(&producer->topics);
	rd_kafka_destroy(producer->client);
	producer->client = NULL;
}

int na_kafka_producer_topic(struct na_kafka_producer *producer, const struct na_event *event,
			    rd_kafka_topic_t **ret_topic)
{
	char name[NA_KAFKA_TOPIC_MAX + 1];

	na_kafka_template_expand(producer->message.topic, event, name);
	return na_kafka_topics_get(&producer->topics, producer->client, name, ret_topic);
}

rd_kafka_resp_err_t na_kafka_producer_send(struct na_kafka_producer *producer,
					   rd_kafka_topic_t *topic,
					   const struct na_output_record *record)
{
	struct parts parts = {.count = 0};

	add(&parts, RD_KAFKA_VTYPE_RKT)->u.rkt = topic;
	add_memory(&parts, RD_KAFKA_VTYPE_VALUE, record->body.data, record->body.length);
	add_opaque(&parts, (void *)(uintptr_t)record->number);
	add_key(&parts, producer, record->event);
	add_headers(&parts, producer, record);
	return produce(producer, &parts);
}

rd_kafka_resp_err_t na_kafka_producer_send_again(struct na_kafka_producer *producer,
						 const rd_kafka_message_t *message,
						 rd_kafka_headers_t *headers)
{
	struct parts parts = {.count = 0};

	add(&parts, RD_KAFKA_VTYPE_RKT)->u.rkt = message->rkt;
	add(&parts, RD_KAFKA_VTYPE_PARTITION)->u.i32 = message->partition;
	add_memory(&parts, RD_KAFKA_VTYPE_VALUE, message->payload, message->len);
	if (message->key)
		add_memory(&parts, RD_KAFKA_VTYPE_KEY, message->key, message->key_len);
	add_opaque(&parts, message->_private);
	if (headers)
		add(&parts, RD_KAFKA_VTYPE_HEADERS)->u.headers = headers;
	return produce(producer, &parts);
}
