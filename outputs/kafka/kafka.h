/* SPDX-License-Identifier: Apache-2.0 */
/* Output `kafka`: a record is a message, delivered when all replicas in sync have it. */
#ifndef NA_OUTPUT_KAFKA_H
#define NA_OUTPUT_KAFKA_H

#include "output.h"

enum na_kafka_key { NA_KAFKA_KEY_HOST, NA_KAFKA_KEY_CONNECTION, NA_KAFKA_KEY_NONE };

struct na_kafka_options {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) na_option_##type id;
#include "kafka/options.def"
};

extern const struct na_output na_output_kafka;

#endif
