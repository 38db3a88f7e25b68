/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for output `kafka`, and a mock cluster of librdkafka that it writes to. One thread; what
 * goes wrong in it ends the test.
 */
#ifndef NA_KAFKA_HOST_H
#define NA_KAFKA_HOST_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>

#include "kafka/kafka.h"
#include "output.h"

#define KAFKA_NUMBERS_MAX 20000
#define KAFKA_PAIRS_MAX 16
#define KAFKA_PRODUCE 0 /* number of the request in Kafka's protocol */

struct kafka_host {
	struct na_output_host host; /* first, for the cast */
	bool acknowledged[KAFKA_NUMBERS_MAX + 1];
	bool rejected[KAFKA_NUMBERS_MAX + 1];
	uint64_t acknowledged_count, rejected_count;
	char reason[256]; /* of the last rejection */
	enum na_output_state state;
	char why[512]; /* of the last state, or of the last put that gave one */
	char *bodies[KAFKA_NUMBERS_MAX + 1];
	struct na_output_instance *instance;
	struct na_kafka_options options;
	struct na_config_pair pairs[KAFKA_PAIRS_MAX];

	/* Changes an event before it is offered; NULL: not. */
	void (*edit)(struct na_event *event, uint64_t number);

	rd_kafka_t *cluster_client;
	rd_kafka_mock_cluster_t *cluster;
};

/* A cluster of `brokers`; 0: none. */
void kafka_host_init(struct kafka_host *host, int brokers);
void kafka_host_done(struct kafka_host *host);

void kafka_host_set(struct kafka_host *host, const char *name, const char *value);
void kafka_host_open(struct kafka_host *host);

/* Closes it, and then overwrites and frees what it was given. */
void kafka_host_close(struct kafka_host *host);

/* Record `number` will have a body of so many bytes. */
void kafka_host_size(struct kafka_host *host, uint64_t number, size_t bytes);

/* Offers `from` to `to`; the body is {"n":<number>} where kafka_host_size did not make one. */
enum na_output_verdict kafka_host_put(struct kafka_host *host, uint64_t from, uint64_t to,
				      size_t *ret_taken);

/* Works until so many are acknowledged and rejected; the verdict of the last work. */
enum na_output_verdict kafka_host_await(struct kafka_host *host, uint64_t acknowledged,
					uint64_t rejected);

/* Works until the state is said; false: not within half a minute. */
bool kafka_host_await_state(struct kafka_host *host, enum na_output_state state);

/* A message as a consumer sees it. */
struct kafka_seen {
	char body[64], key[128], topic[256];
	char schema[32], version[32], host[128], id[64]; /* headers */
	int partition;
};

/* Messages that the topic's one partition has. */
size_t kafka_host_stored(struct kafka_host *host, const char *topic);

/* Reads `count` messages of the topic's `partitions`; how many there were within ten seconds. */
size_t kafka_host_read(struct kafka_host *host, const char *topic, int partitions,
		       struct kafka_seen *ret_seen, size_t count);

#endif
