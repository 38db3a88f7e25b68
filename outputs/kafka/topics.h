/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of topics by name, for one client. One thread. */
#ifndef NA_KAFKA_TOPICS_H
#define NA_KAFKA_TOPICS_H

#include <stddef.h>

#include <librdkafka/rdkafka.h>

/* librdkafka keeps what it knows of a topic as long as the client lives. */
#define NA_KAFKA_TOPICS_MAX 128

/* All 0 is an empty one. */
struct na_kafka_topics {
	rd_kafka_topic_t *handles[NA_KAFKA_TOPICS_MAX];
	size_t count, last; /* `last`: found last, mostly the next one too */
};

/*
 * The handle, which stays until na_kafka_topics_done. 0; -ENOBUFS: there are as many as there may
 * be; -EINVAL: librdkafka refuses the name.
 */
int na_kafka_topics_get(struct na_kafka_topics *topics, rd_kafka_t *client, const char *name,
			rd_kafka_topic_t **ret_handle);

/* Before the client is destroyed. */
void na_kafka_topics_done(struct na_kafka_topics *topics);

#endif
