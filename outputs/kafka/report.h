/* SPDX-License-Identifier: Apache-2.0 */
/* What an error of librdkafka or of a broker means for us. Any thread. */
#ifndef NA_KAFKA_REPORT_H
#define NA_KAFKA_REPORT_H

#include <librdkafka/rdkafka.h>

enum na_kafka_meaning {
	NA_KAFKA_PASSES,    /* goes away by itself */
	NA_KAFKA_DOWN,      /* no broker can be reached */
	NA_KAFKA_PERSON,    /* a person must act */
	NA_KAFKA_TOO_LARGE, /* the batch or a record of it is too large */
	NA_KAFKA_POISON     /* a record of the batch is not what the topic accepts */
};

/* *ret_words: for a person, a sentence's beginning without what librdkafka says of it. */
enum na_kafka_meaning na_kafka_report_read(rd_kafka_resp_err_t error, const char **ret_words);

/* As librdkafka's text has it: a refused certificate is a lost connection by its number. */
rd_kafka_resp_err_t na_kafka_report_error(rd_kafka_resp_err_t error, const char *text);

#endif
