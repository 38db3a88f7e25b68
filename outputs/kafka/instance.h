/* SPDX-License-Identifier: Apache-2.0 */
/* An instance, and what librdkafka says to it. One thread. */
#ifndef NA_KAFKA_INSTANCE_H
#define NA_KAFKA_INSTANCE_H

#include "kafka/again.h"
#include "kafka/log.h"
#include "kafka/producer.h"

#define NA_KAFKA_WHY_MAX 512

struct na_output_instance {
	const struct na_kafka_options *options;
	struct na_output_host *host;
	struct na_kafka_template *template;
	struct na_kafka_log log;
	struct na_kafka_calls calls;
	struct na_kafka_producer producer;
	struct na_kafka_again again;
	uint64_t first, last;       /* numbers that are delivered and not acknowledged; 0: none */
	uint64_t progress_ns;       /* when something was delivered, or there was nothing to */
	long batch_bytes;           /* of the next client; 0: as configured */
	enum na_output_state state; /* what was said last */
	bool said;                  /* something was */
	bool renew;                 /* a new client, when all is delivered */
	bool broken, closing;
	char trouble[NA_KAFKA_WHY_MAX]; /* with a broker, what librdkafka said last */
	char why[NA_KAFKA_WHY_MAX];     /* of `broken`, or of `renew` */
};

/* Calls of librdkafka; the opaque is the instance. The log comes from any thread. */
struct na_kafka_calls na_kafka_calls_of(struct na_output_instance *instance);

/* Tells the host, unless it knows. What a person must do is not hidden by what follows from it. */
void na_kafka_say(struct na_output_instance *instance, enum na_output_state state,
		  const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The instance is of no use from now on: said to the host by what the error means. */
void na_kafka_give_up(struct na_output_instance *instance, rd_kafka_resp_err_t error,
		      const char *text);

/* The same where librdkafka says that the client is broken; else nothing. */
void na_kafka_take_fatal(struct na_output_instance *instance);

/* Tells the host what was delivered. */
void na_kafka_acknowledge(struct na_output_instance *instance);

/* Takes what there is of reports and errors, and waits for some. Acknowledges. */
void na_kafka_serve(struct na_output_instance *instance, uint64_t timeout_ns);

/* The same, and what waits to be sent is sent at once. */
void na_kafka_flush(struct na_output_instance *instance, uint64_t timeout_ns);

#endif
