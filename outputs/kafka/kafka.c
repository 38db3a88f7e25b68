/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to Kafka by librdkafka.
 *
 * A record is delivered when its report says that all replicas in sync have it. librdkafka tries
 * for ever (message.timeout.ms=0); what it reports as failed all the same is one of three things. A
 * batch that the broker refuses is taken apart (again.h). Where a person must act, or the client
 * itself is broken (a fatal error), the instance is of no use: the host opens another one, which
 * gets all that was not acknowledged.
 */
#include "kafka/kafka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "kafka/instance.h"
#include "kafka/options.h"
#include "kafka/report.h"

#define PUT_TIMEOUT_MS 100 /* for room in a full queue, once */
#define DRAIN_STEP_NS (100 * NA_NS_PER_MS)
#define STALLED_NS (60 * NA_NS_PER_SEC)

static int open_client(struct na_output_instance *instance, struct na_buffer *why)
{
	instance->renew = false;
	return na_kafka_producer_open(&instance->producer, instance->options, &instance->calls,
				      instance->batch_bytes, why);
}

/* Another client in the place of this one, which has nothing more to do. */
static void renew(struct na_output_instance *instance)
{
	struct na_buffer why = {0};

	na_kafka_producer_close(&instance->producer);
	if (open_client(instance, &why) < 0) {
		na_buffer_append_char(&why, '\0');
		na_kafka_give_up(instance, RD_KAFKA_RESP_ERR__FAIL,
				 na_buffer_error(&why) ? "out of memory" : why.data);
	}
	na_buffer_done(&why);
}

/* No message is at fault where none is accepted. */
static void hold_refused(struct na_output_instance *instance, rd_kafka_resp_err_t error)
{
	const char *words;

	na_kafka_report_read(error, &words);
	na_kafka_say(instance, NA_OUTPUT_HELD, "%s: %s; it accepts no other event either", words,
		     rd_kafka_err2str(error));
	na_kafka_give_up(instance, error, rd_kafka_err2str(error));
}

static void go_on(struct na_output_instance *instance)
{
	rd_kafka_resp_err_t refused;
	long batch_bytes;
	int error = na_kafka_again_step(&instance->again, &instance->producer, instance->host,
					&batch_bytes, &refused);

	if (error == -EBADMSG)
		hold_refused(instance, refused);
	else if (error < 0)
		na_kafka_give_up(instance, RD_KAFKA_RESP_ERR__FAIL,
				 "a message cannot be sent again");
	if (batch_bytes) {
		instance->batch_bytes = batch_bytes;
		instance->renew = true;
		snprintf(instance->why, sizeof(instance->why),
			 "batches are too large for the topic: batch.size becomes %ld",
			 batch_bytes);
	}
	if (instance->renew && !instance->broken && !instance->producer.in_flight &&
	    na_kafka_again_is_empty(&instance->again))
		renew(instance);
}

/* Reachable, and nothing comes through: too few replicas, say. librdkafka does not tell of it. */
static void watch(struct na_output_instance *instance)
{
	uint64_t now_ns = na_clock_boot_ns();

	if (!instance->producer.in_flight)
		instance->progress_ns = now_ns;
	if (now_ns - instance->progress_ns >= STALLED_NS)
		na_kafka_say(instance, NA_OUTPUT_RETRYING,
			     "nothing was acknowledged for a minute; librdkafka goes on trying: %s",
			     instance->trouble[0]
				     ? instance->trouble
				     : "are there enough replicas (min.insync.replicas)?");
}

/* For room in a full queue; false: it is still full. */
static rd_kafka_resp_err_t send_waiting(struct na_output_instance *instance,
					rd_kafka_topic_t *topic,
					const struct na_output_record *record, bool waits)
{
	rd_kafka_resp_err_t error = na_kafka_producer_send(&instance->producer, topic, record);

	if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || !waits)
		return error;
	na_kafka_serve(instance, PUT_TIMEOUT_MS * NA_NS_PER_MS);
	return na_kafka_producer_send(&instance->producer, topic, record);
}

static enum na_output_verdict judge(struct na_output_instance *instance,
				    const struct na_output_record *record,
				    rd_kafka_resp_err_t error, size_t taken, struct na_buffer *why)
{
	switch (error) {
	case RD_KAFKA_RESP_ERR__QUEUE_FULL:
		na_buffer_append_string(why, "the queue to the brokers is full");
		return taken ? NA_OUTPUT_TAKEN : NA_OUTPUT_LATER;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		na_buffer_printf(why, "the record has %zu bytes, and message.max.bytes is %ld",
				 record->body.length, instance->producer.message_bytes);
		return NA_OUTPUT_REJECT;
	case RD_KAFKA_RESP_ERR__FATAL:
		na_kafka_take_fatal(instance);
		break;
	default:
		na_kafka_give_up(instance, error, rd_kafka_err2str(error));
	}
	na_buffer_append_string(why, instance->why);
	return NA_OUTPUT_BROKEN;
}

/* No topic for the record: there are too many, or librdkafka refuses the name. */
static enum na_output_verdict no_topic(struct na_output_instance *instance, int error, size_t taken,
				       struct na_buffer *why)
{
	if (error != -ENOBUFS) {
		na_buffer_append_string(why, "librdkafka refuses the topic's name");
		return NA_OUTPUT_REJECT;
	}
	instance->renew = true;
	snprintf(instance->why, sizeof(instance->why),
		 "more than %d topics: the client is made anew, without those of before",
		 NA_KAFKA_TOPICS_MAX);
	na_buffer_append_string(why, instance->why);
	return taken ? NA_OUTPUT_TAKEN : NA_OUTPUT_LATER;
}

/* ------------------------------------------------------------------------------------------- */

static na_output_fields kafka_fields;
static na_output_open kafka_open;
static na_output_put kafka_put;
static na_output_work kafka_work;
static na_output_drain kafka_drain;
static na_output_close kafka_close;

static int start(struct na_output_instance *instance, struct na_buffer *why)
{
	const struct na_kafka_options *options = instance->options;
	struct na_kafka_message_options *message = &instance->producer.message;
	int error = na_kafka_template_parse(options->topic, &instance->template, why);
	struct utsname names;

	if (error)
		return error;
	message->topic = instance->template;
	message->key = (enum na_kafka_key)options->key;
	message->format = instance->host->format;
	if (uname(&names) == 0)
		snprintf(message->host, sizeof(message->host), "%s", names.nodename);
	instance->calls = na_kafka_calls_of(instance);
	return open_client(instance, why);
}

static int kafka_open(const void *values, struct na_output_host *host,
		      struct na_output_instance **ret_instance, struct na_buffer *why)
{
	struct na_output_instance *instance = calloc(1, sizeof(*instance));
	int error;

	if (!instance)
		return -ENOMEM;
	instance->options = values;
	instance->host = host;
	instance->progress_ns = na_clock_boot_ns();
	na_kafka_log_init(&instance->log, host->name);
	error = start(instance, why);
	if (!error) {
		*ret_instance = instance;
		return 0;
	}
	/* A file that cannot be read, a mistake that only librdkafka sees. */
	if (error != -ENOMEM)
		na_kafka_say(instance, NA_OUTPUT_HELD, "%.*s", (int)why->length, why->data);
	kafka_close(instance);
	return error;
}

static enum na_output_verdict kafka_put(struct na_output_instance *instance,
					const struct na_output_record *records, size_t count,
					size_t *ret_taken, struct na_buffer *why)
{
	*ret_taken = 0;
	na_kafka_serve(instance, 0);
	if (instance->broken || instance->renew || !na_kafka_again_is_empty(&instance->again)) {
		na_buffer_append_string(why, instance->broken || instance->renew
						     ? instance->why
						     : "a refused batch is sent in parts");
		return instance->broken ? NA_OUTPUT_BROKEN : NA_OUTPUT_LATER;
	}
	for (size_t i = 0; i < count; i++) {
		rd_kafka_resp_err_t code;
		rd_kafka_topic_t *topic;
		int error = na_kafka_producer_topic(&instance->producer, records[i].event, &topic);

		if (error)
			return no_topic(instance, error, i, why);
		code = send_waiting(instance, topic, &records[i], i == 0);
		if (code)
			return judge(instance, &records[i], code, i, why);
		*ret_taken = i + 1;
	}
	return NA_OUTPUT_TAKEN;
}

static enum na_output_verdict kafka_work(struct na_output_instance *instance, uint64_t timeout_ns)
{
	na_kafka_serve(instance, timeout_ns);
	na_kafka_take_fatal(instance);
	if (!instance->broken)
		go_on(instance);
	watch(instance);
	return instance->broken ? NA_OUTPUT_BROKEN : NA_OUTPUT_TAKEN;
}

static void kafka_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	uint64_t now_ns;

	/* rd_kafka_flush serves, and does not wait for linger.ms. */
	while (!instance->broken && (now_ns = na_clock_boot_ns()) < deadline_ns &&
	       (instance->producer.in_flight || !na_kafka_again_is_empty(&instance->again))) {
		uint64_t left_ns = deadline_ns - now_ns;

		left_ns = left_ns < DRAIN_STEP_NS ? left_ns : DRAIN_STEP_NS;
		na_kafka_flush(instance, left_ns);
		go_on(instance);
	}
}

static void kafka_close(struct na_output_instance *instance)
{
	if (instance->producer.client)
		na_kafka_serve(instance, 0);
	instance->closing = true;
	na_kafka_again_done(&instance->again);
	na_kafka_producer_close(&instance->producer);
	na_kafka_acknowledge(instance);
	na_kafka_template_free(instance->template);
	na_kafka_log_done(&instance->log);
	free(instance);
}

/* Of the header and the key, whichever that is, and of the topic's name. */
static void kafka_fields(const void *values, na_output_take_field *take, void *context)
{
	const struct na_kafka_options *options = values;
	struct na_kafka_template *template = NULL;
	struct na_buffer why = {0};

	take(context, NA_FIELD_HOST_NAME);
	take(context, NA_FIELD_NA_CONNECTION_ID);
	if (na_kafka_template_parse(options->topic, &template, &why) == 0)
		na_kafka_template_fields(template, take, context);
	na_kafka_template_free(template);
	na_buffer_done(&why);
}

const struct na_output na_output_kafka = {
	.name = "kafka",
	.promise = "Delivered when all replicas in sync acknowledged the message.",
	.options = na_kafka_option_rows,
	.option_count = NA_KAFKA_OPTION_COUNT,
	.options_size = sizeof(struct na_kafka_options),
	.check = na_kafka_check,
	.paths = na_kafka_paths,
	.endpoints = na_kafka_endpoints,
	.fields = kafka_fields,
	.open = kafka_open,
	.put = kafka_put,
	.work = kafka_work,
	.drain = kafka_drain,
	.close = kafka_close,
};
