/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librdkafka's log in ours, with the output's name. A cluster that is down is told over and over by
 * each of its threads: ten lines in ten seconds are shown, the rest counted.
 */
#ifndef NA_KAFKA_LOG_H
#define NA_KAFKA_LOG_H

#include <pthread.h>
#include <stdint.h>

#define NA_KAFKA_LOG_LINES 10

struct na_kafka_log {
	const char *name; /* of the output; outlives it */
	pthread_mutex_t mutex;
	uint64_t begun_ns; /* mutex: the ten seconds; and how many lines they had, shown and not */
	unsigned int shown, left_out;
};

void na_kafka_log_init(struct na_kafka_log *log, const char *name);
void na_kafka_log_done(struct na_kafka_log *log);

/* A line of syslog's `level` from librdkafka's `facility`. Any thread. */
void na_kafka_log_line(struct na_kafka_log *log, int level, const char *facility, const char *text);

#endif
