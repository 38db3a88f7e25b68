/* SPDX-License-Identifier: Apache-2.0 */
/* A client of librdkafka with its topics, and records made messages. One thread. */
#ifndef NA_KAFKA_PRODUCER_H
#define NA_KAFKA_PRODUCER_H

#include <librdkafka/rdkafka.h>

#include "base/buffer.h"
#include "kafka/kafka.h"
#include "kafka/template.h"
#include "kafka/topics.h"

#define NA_KAFKA_HOST_MAX 256

/* What librdkafka calls, with `opaque`: reports and errors while it is served, log at any time. */
struct na_kafka_calls {
	void (*report)(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque);
	void (*error)(rd_kafka_t *client, int error, const char *text, void *opaque);
	void (*log)(const rd_kafka_t *client, int level, const char *facility, const char *text);
	void *opaque;
};

/* What is the same in all messages. */
struct na_kafka_message_options {
	const struct na_kafka_template *topic;
	enum na_kafka_key key;
	const char *format;           /* header `schema`; NULL: none */
	char host[NA_KAFKA_HOST_MAX]; /* where the event does not say it */
};

struct na_kafka_producer {
	rd_kafka_t *client; /* NULL: there is none */
	struct na_kafka_topics topics;
	struct na_kafka_message_options message;
	size_t in_flight;   /* sent, and no report yet: whoever is called counts down */
	long batch_bytes;   /* batch.size */
	long message_bytes; /* message.max.bytes */
};

/*
 * Makes the client; its threads begin to connect. `batch_bytes` lowers batch.size; 0: as it is
 * configured. Negative errno: `why` says why.
 */
int na_kafka_producer_open(struct na_kafka_producer *producer,
			   const struct na_kafka_options *options,
			   const struct na_kafka_calls *calls, long batch_bytes,
			   struct na_buffer *why);

/*
 * Forgets what was sent and ends the client: nothing of a record is used afterwards. Reports come
 * for what is forgotten, too.
 */
void na_kafka_producer_close(struct na_kafka_producer *producer);

/* The topic of an event; errors as of na_kafka_topics_get. */
int na_kafka_producer_topic(struct na_kafka_producer *producer, const struct na_event *event,
			    rd_kafka_topic_t **ret_topic);

/* Sends a record; body is used in place, until its report. */
rd_kafka_resp_err_t na_kafka_producer_send(struct na_kafka_producer *producer,
					   rd_kafka_topic_t *topic,
					   const struct na_output_record *record);

/* A message once more, as it was: to the same partition. On success `headers` are the client's. */
rd_kafka_resp_err_t na_kafka_producer_send_again(struct na_kafka_producer *producer,
						 const rd_kafka_message_t *message,
						 rd_kafka_headers_t *headers);

/* The number of a message's record. */
static inline uint64_t na_kafka_message_number(const rd_kafka_message_t *message)
{
	return (uint64_t)(uintptr_t)message->_private;
}

#endif
