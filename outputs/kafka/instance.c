/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports and errors come while the client is served, in the host's thread; only the log comes from
 * librdkafka's threads.
 */
#include "kafka/instance.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "kafka/report.h"

static void deliver(struct na_output_instance *instance, const rd_kafka_message_t *message)
{
	uint64_t number = na_kafka_message_number(message);

	if (instance->first && number != instance->last + 1)
		na_kafka_acknowledge(instance);
	instance->first = instance->first ? instance->first : number;
	instance->last = number;
	na_kafka_again_settled(&instance->again, message);
	na_kafka_say(instance, NA_OUTPUT_WORKING, "%s", "");
}

static void say_error(struct na_output_instance *instance, rd_kafka_resp_err_t error,
		      const char *text)
{
	const char *words;
	bool held = na_kafka_report_read(error, &words) == NA_KAFKA_PERSON;

	na_kafka_say(instance, held ? NA_OUTPUT_HELD : NA_OUTPUT_RETRYING, "%s: %s", words, text);
}

static void refuse(struct na_output_instance *instance, const rd_kafka_message_t *message)
{
	if (na_kafka_again_refused(&instance->again, message) < 0)
		na_kafka_give_up(instance, RD_KAFKA_RESP_ERR__FAIL, "out of memory");
}

static void take_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	struct na_output_instance *instance = opaque;
	char text[NA_KAFKA_WHY_MAX];
	const char *words;

	(void)client;
	instance->producer.in_flight--;
	if (!message->err) {
		deliver(instance, message);
		return;
	}
	if (instance->closing)
		return;
	switch (na_kafka_report_read(message->err, &words)) {
	case NA_KAFKA_TOO_LARGE:
	case NA_KAFKA_POISON:
		refuse(instance, message);
		return;
	default:
		snprintf(text, sizeof(text), "%s (topic %s)", rd_kafka_err2str(message->err),
			 rd_kafka_topic_name(message->rkt));
		na_kafka_give_up(instance, message->err, text);
	}
}

static void take_error(rd_kafka_t *client, int code, const char *text, void *opaque)
{
	struct na_output_instance *instance = opaque;
	rd_kafka_resp_err_t error = na_kafka_report_error(code, text);
	const char *words;

	(void)client;
	if (instance->closing)
		return;
	if (error == RD_KAFKA_RESP_ERR__FATAL) {
		na_kafka_take_fatal(instance);
		return;
	}
	switch (na_kafka_report_read(error, &words)) {
	case NA_KAFKA_PERSON:
		say_error(instance, error, text);
		return;
	case NA_KAFKA_DOWN:
		na_kafka_say(instance, NA_OUTPUT_RETRYING, "%s: %s", words,
			     instance->trouble[0] ? instance->trouble : text);
		return;
	default:
		/* One of several brokers: the next error says when it was the last. */
		snprintf(instance->trouble, sizeof(instance->trouble), "%s", text);
	}
}

static void take_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	struct na_output_instance *instance = client ? rd_kafka_opaque(client) : NULL;

	if (instance)
		na_kafka_log_line(&instance->log, level, facility, text);
}

/* ------------------------------------------------------------------------------------------- */

struct na_kafka_calls na_kafka_calls_of(struct na_output_instance *instance)
{
	return (struct na_kafka_calls){take_report, take_error, take_log, instance};
}

void na_kafka_acknowledge(struct na_output_instance *instance)
{
	if (!instance->first)
		return;
	instance->host->acknowledge(instance->host, instance->first, instance->last);
	instance->first = instance->last = 0;
	instance->progress_ns = na_clock_boot_ns();
}

void na_kafka_say(struct na_output_instance *instance, enum na_output_state state,
		  const char *format, ...)
{
	char why[NA_KAFKA_WHY_MAX];
	va_list arguments;

	if (instance->said && instance->state == state)
		return;
	if (instance->said && instance->state == NA_OUTPUT_HELD && state == NA_OUTPUT_RETRYING)
		return;
	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	instance->said = true;
	instance->state = state;
	instance->host->state(instance->host, state, state == NA_OUTPUT_WORKING ? NULL : why);
}

void na_kafka_give_up(struct na_output_instance *instance, rd_kafka_resp_err_t error,
		      const char *text)
{
	const char *words;

	if (instance->broken)
		return;
	instance->broken = true;
	say_error(instance, error, text);
	na_kafka_report_read(error, &words);
	snprintf(instance->why, sizeof(instance->why), "%s: %s", words, text);
}

void na_kafka_take_fatal(struct na_output_instance *instance)
{
	char text[NA_KAFKA_WHY_MAX];
	rd_kafka_resp_err_t error =
		rd_kafka_fatal_error(instance->producer.client, text, sizeof(text));

	if (error)
		na_kafka_give_up(instance, error, text);
}

void na_kafka_serve(struct na_output_instance *instance, uint64_t timeout_ns)
{
	rd_kafka_poll(instance->producer.client, (int)(timeout_ns / NA_NS_PER_MS));
	na_kafka_acknowledge(instance);
}

void na_kafka_flush(struct na_output_instance *instance, uint64_t timeout_ns)
{
	rd_kafka_flush(instance->producer.client, (int)(timeout_ns / NA_NS_PER_MS) + 1);
	na_kafka_acknowledge(instance);
}
