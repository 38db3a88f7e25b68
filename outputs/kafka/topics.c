/* SPDX-License-Identifier: Apache-2.0 */
/* They are few: looked through one by one. */
#include "kafka/topics.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is(const struct na_kafka_topics *topics, size_t i, const char *name)
{
	return strcmp(rd_kafka_topic_name(topics->handles[i]), name) == 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_kafka_topics_get(struct na_kafka_topics *topics, rd_kafka_t *client, const char *name,
			rd_kafka_topic_t **ret_handle)
{
	size_t i = topics->last;
	rd_kafka_topic_t *handle;

	if (i >= topics->count || !is(topics, i, name))
		for (i = 0; i < topics->count && !is(topics, i, name);)
			i++;
	if (i == NA_KAFKA_TOPICS_MAX)
		return -ENOBUFS;
	if (i == topics->count) {
		handle = rd_kafka_topic_new(client, name, NULL);
		if (!handle)
			return -EINVAL;
		topics->handles[topics->count++] = handle;
	}
	topics->last = i;
	*ret_handle = topics->handles[i];
	return 0;
}

void na_kafka_topics_done(struct na_kafka_topics *topics)
{
	while (topics->count)
		rd_kafka_topic_destroy(topics->handles[--topics->count]);
}
