/* SPDX-License-Identifier: Apache-2.0 */
/* The options of output `kafka` as rows, and what can be said of them without a cluster. Any
 * thread. */
#ifndef NA_KAFKA_OPTIONS_H
#define NA_KAFKA_OPTIONS_H

#include "kafka/kafka.h"

enum {
	NA_KAFKA_OPTION_COUNT = 0
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) +1
#include "kafka/options.def"
};

extern const struct na_option na_kafka_option_rows[NA_KAFKA_OPTION_COUNT];

na_output_check na_kafka_check;
na_output_paths na_kafka_paths;
na_output_endpoints na_kafka_endpoints;

#endif
