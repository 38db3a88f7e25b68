/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that knows nothing but SASL PLAIN, and nobody: librdkafka's mock cluster cannot. */
#ifndef NA_KAFKA_SASL_H
#define NA_KAFKA_SASL_H

struct kafka_sasl;

/* Listens on a port of loopback, with a thread of its own. */
struct kafka_sasl *kafka_sasl_start(void);
const char *kafka_sasl_address(const struct kafka_sasl *broker);
void kafka_sasl_stop(struct kafka_sasl *broker);

#endif
