/* SPDX-License-Identifier: Apache-2.0 */
/* From our options to a configuration of librdkafka. Any thread. */
#ifndef NA_KAFKA_CONF_H
#define NA_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "base/buffer.h"
#include "kafka/kafka.h"

/*
 * Sets what the promise needs, the options of TLS, and the map's keys, which were checked before
 * (na_kafka_keys_check). Opens no file and loads nothing. 0 and *ret_conf is to be destroyed or
 * given to rd_kafka_new; -ENOMEM; -EINVAL: `why` says what librdkafka dislikes.
 */
int na_kafka_conf_new(const struct na_kafka_options *options, rd_kafka_conf_t **ret_conf,
		      struct na_buffer *why);

/* Reads password_file, when there is one. Negative errno: `why` says why. */
int na_kafka_conf_set_password(rd_kafka_conf_t *conf, const struct na_kafka_options *options,
			       struct na_buffer *why);

/* A number that the configuration has; 0: it has none of this name. */
long na_kafka_conf_number(const rd_kafka_conf_t *conf, const char *name);

/* Replaces it; it was within the limits of librdkafka. */
void na_kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, long value);

#endif
