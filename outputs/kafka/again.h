/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that a broker refused with the batch that they were in. It refuses whole batches, and
 * does not say whose fault it was: they are sent again in groups, and a group that is refused in
 * smaller ones, until the culprit is alone. That is believed only when its topic has accepted
 * another since it refused one: else it is the topic, a clock or a policy that refuses, and all
 * would become dead letters. One thread.
 *
 * Nothing else is sent meanwhile, so that a group's batches are all that is on its way.
 */
#ifndef NA_KAFKA_AGAIN_H
#define NA_KAFKA_AGAIN_H

#include <stdbool.h>

#include "kafka/producer.h"

#define NA_KAFKA_AGAIN_TOPICS_MAX 32

struct na_kafka_again_entry;

/* All 0 is an empty one. */
struct na_kafka_again {
	struct na_kafka_again_entry *entries;
	size_t count, size;  /* `size`: there is room for */
	size_t alone;        /* the last ones: refused alone, not yet believed */
	size_t group;        /* the first ones, on their way again */
	size_t limit, most;  /* bytes of a group: now, at most */
	size_t group_bytes;  /* of this one */
	size_t first_failed; /* bytes of what was too large: the first time; 0: it was not that */
	size_t least_failed; /* of groups since, the smallest; 0: all went through */
	/* Those that accepted something since; what finds no place is not believed. */
	const rd_kafka_topic_t *topics[NA_KAFKA_AGAIN_TOPICS_MAX];
	size_t topic_count;
};

static inline bool na_kafka_again_is_empty(const struct na_kafka_again *again)
{
	return !again->count;
}

/* A report that it was refused. 0 or -ENOMEM. */
int na_kafka_again_refused(struct na_kafka_again *again, const rd_kafka_message_t *message);

/* A report that a message is through, whichever. */
void na_kafka_again_settled(struct na_kafka_again *again, const rd_kafka_message_t *message);

/*
 * Goes on, when all that was sent has its report; tells the host what no broker will ever take.
 * *ret_batch_bytes: what batch.size must be so that it does not come again, when this was the last
 * of them and it must change; else 0. 0; -EIO: sending failed; -EBADMSG: nothing is accepted, and
 * *ret_refused got the error of one.
 */
int na_kafka_again_step(struct na_kafka_again *again, struct na_kafka_producer *producer,
			struct na_output_host *host, long *ret_batch_bytes,
			rd_kafka_resp_err_t *ret_refused);

void na_kafka_again_done(struct na_kafka_again *again);

#endif
