/* SPDX-License-Identifier: Apache-2.0 */
/* Host, cluster and consumer. */
#include "kafka_host.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"

#define STEP_NS (10 * NA_NS_PER_MS)
#define PATIENCE_NS (30 * NA_NS_PER_SEC)
#define READ_MS 10000

static struct kafka_host *host_of(struct na_output_host *host)
{
	return (struct kafka_host *)host;
}

static void acknowledge(struct na_output_host *pointer, uint64_t first, uint64_t last)
{
	struct kafka_host *host = host_of(pointer);

	for (uint64_t number = first; number <= last; number++) {
		/* Nothing is settled twice, or without having been offered. */
		assert_in_range(number, 1, KAFKA_NUMBERS_MAX);
		assert_non_null(host->bodies[number]);
		assert_false(host->acknowledged[number] || host->rejected[number]);
		host->acknowledged[number] = true;
		host->acknowledged_count++;
	}
}

static void reject(struct na_output_host *pointer, uint64_t number, const char *reason)
{
	struct kafka_host *host = host_of(pointer);

	assert_in_range(number, 1, KAFKA_NUMBERS_MAX);
	assert_false(host->acknowledged[number] || host->rejected[number]);
	host->rejected[number] = true;
	host->rejected_count++;
	snprintf(host->reason, sizeof(host->reason), "%s", reason);
}

static void failed(struct na_output_host *host, const char *reason)
{
	(void)host;
	fail_msg("said that all failed: %s", reason);
}

static void say_state(struct na_output_host *pointer, enum na_output_state state, const char *why)
{
	struct kafka_host *host = host_of(pointer);

	host->state = state;
	snprintf(host->why, sizeof(host->why), "%s", why ? why : "");
}

static void start_cluster(struct kafka_host *host, int brokers)
{
	char error[256];

	host->cluster_client =
		rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof(error));
	assert_non_null(host->cluster_client);
	host->cluster = rd_kafka_mock_cluster_new(host->cluster_client, brokers);
	assert_non_null(host->cluster);
	kafka_host_set(host, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(host->cluster));
}

static void fill_event(struct kafka_host *host, struct na_event *event, uint64_t number)
{
	na_event_init(event, NA_EVENT_ESTABLISHED, number);
	NA_SET(event, EVENT_SEQUENCE, (int64_t)number);
	if (host->edit)
		host->edit(event, number);
}

static void make_body(struct kafka_host *host, uint64_t number)
{
	if (!host->bodies[number])
		assert_true(asprintf(&host->bodies[number], "{\"n\":%llu}",
				     (unsigned long long)number) > 0);
}

static void copy(char *to, size_t size, const void *from, size_t length)
{
	snprintf(to, size, "%.*s", (int)length, from ? (const char *)from : "");
}

static void copy_header(rd_kafka_headers_t *headers, const char *name, char *to, size_t size)
{
	const void *value = NULL;
	size_t length = 0;

	if (rd_kafka_header_get_last(headers, name, &value, &length) != 0)
		value = NULL;
	copy(to, size, value, length);
}

static void see(const rd_kafka_message_t *message, struct kafka_seen *seen)
{
	rd_kafka_headers_t *headers;

	copy(seen->body, sizeof(seen->body), message->payload, message->len);
	copy(seen->key, sizeof(seen->key), message->key, message->key_len);
	snprintf(seen->topic, sizeof(seen->topic), "%s", rd_kafka_topic_name(message->rkt));
	seen->partition = message->partition;
	if (rd_kafka_message_headers(message, &headers) != 0)
		return;
	copy_header(headers, "schema", seen->schema, sizeof(seen->schema));
	copy_header(headers, "version", seen->version, sizeof(seen->version));
	copy_header(headers, "host", seen->host, sizeof(seen->host));
	copy_header(headers, "event.id", seen->id, sizeof(seen->id));
}

static rd_kafka_t *new_consumer(struct kafka_host *host, const char *topic, int partitions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *consumer;
	char error[256];

	rd_kafka_conf_set(conf, "bootstrap.servers",
			  rd_kafka_mock_cluster_bootstraps(host->cluster), error, sizeof(error));
	rd_kafka_conf_set(conf, "group.id", "test", error, sizeof(error));
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	assert_non_null(consumer);
	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, topic, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	assert_int_equal(rd_kafka_assign(consumer, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
	return consumer;
}

/* ------------------------------------------------------------------------------------------- */

void kafka_host_init(struct kafka_host *host, int brokers)
{
	memset(host, 0, sizeof(*host));
	host->host = (struct na_output_host){.name = "test",
					     .format = "ecs",
					     .acknowledge = acknowledge,
					     .reject = reject,
					     .failed = failed,
					     .state = say_state};
	host->options = (struct na_kafka_options){
		.topic = na_text_of("audit"),
		.verify = true,
		.kafka.pairs = host->pairs,
	};
	if (brokers)
		start_cluster(host, brokers);
}

void kafka_host_done(struct kafka_host *host)
{
	kafka_host_close(host);
	if (host->cluster)
		rd_kafka_mock_cluster_destroy(host->cluster);
	if (host->cluster_client)
		rd_kafka_destroy(host->cluster_client);
	host->cluster = NULL;
	host->cluster_client = NULL;
}

void kafka_host_set(struct kafka_host *host, const char *name, const char *value)
{
	struct na_config_map *map = &host->options.kafka;

	assert_true(map->count < KAFKA_PAIRS_MAX);
	host->pairs[map->count++] =
		(struct na_config_pair){.name = na_text_of(name), .value = na_text_of(value)};
}

void kafka_host_open(struct kafka_host *host)
{
	struct na_buffer why = {0};
	int error = na_output_kafka.check(&host->options, &why);

	if (!error)
		error = na_output_kafka.open(&host->options, &host->host, &host->instance, &why);
	if (error)
		fail_msg("%.*s", (int)why.length, why.data);
	na_buffer_done(&why);
}

void kafka_host_close(struct kafka_host *host)
{
	if (host->instance)
		na_output_kafka.close(host->instance);
	host->instance = NULL;
	for (size_t i = 0; i <= KAFKA_NUMBERS_MAX; i++) {
		if (host->bodies[i])
			memset(host->bodies[i], '!', strlen(host->bodies[i]));
		free(host->bodies[i]);
		host->bodies[i] = NULL;
	}
}

void kafka_host_size(struct kafka_host *host, uint64_t number, size_t bytes)
{
	host->bodies[number] = malloc(bytes + 1);
	assert_non_null(host->bodies[number]);
	memset(host->bodies[number], 'x', bytes);
	host->bodies[number][bytes] = '\0';
}

enum na_output_verdict kafka_host_put(struct kafka_host *host, uint64_t from, uint64_t to,
				      size_t *ret_taken)
{
	size_t count = (size_t)(to - from + 1);
	struct na_output_record *records = calloc(count, sizeof(*records));
	struct na_event *events = calloc(count, sizeof(*events));
	enum na_output_verdict verdict;
	struct na_buffer why = {0};

	assert_true(records && events);
	for (size_t i = 0; i < count; i++) {
		fill_event(host, &events[i], from + i);
		make_body(host, from + i);
		records[i] = (struct na_output_record){.number = from + i,
						       .id = na_text_of("id-of-it"),
						       .body = na_text_of(host->bodies[from + i]),
						       .event = &events[i]};
	}
	*ret_taken = 0;
	verdict = na_output_kafka.put(host->instance, records, count, ret_taken, &why);
	if (why.length)
		snprintf(host->why, sizeof(host->why), "%.*s", (int)why.length, why.data);
	na_buffer_done(&why);
	free(records);
	free(events);
	return verdict;
}

enum na_output_verdict kafka_host_await(struct kafka_host *host, uint64_t acknowledged,
					uint64_t rejected)
{
	uint64_t deadline_ns = na_clock_boot_ns() + PATIENCE_NS;
	enum na_output_verdict verdict = NA_OUTPUT_TAKEN;

	while (verdict == NA_OUTPUT_TAKEN &&
	       (host->acknowledged_count < acknowledged || host->rejected_count < rejected)) {
		if (na_clock_boot_ns() > deadline_ns)
			fail_msg("%llu acknowledged, %llu rejected: %s",
				 (unsigned long long)host->acknowledged_count,
				 (unsigned long long)host->rejected_count, host->why);
		verdict = na_output_kafka.work(host->instance, STEP_NS);
	}
	return verdict;
}

bool kafka_host_await_state(struct kafka_host *host, enum na_output_state state)
{
	uint64_t deadline_ns = na_clock_boot_ns() + PATIENCE_NS;

	while (host->state != state && na_clock_boot_ns() < deadline_ns)
		if (na_output_kafka.work(host->instance, STEP_NS) == NA_OUTPUT_BROKEN)
			break;
	return host->state == state;
}

size_t kafka_host_stored(struct kafka_host *host, const char *topic)
{
	rd_kafka_t *consumer = new_consumer(host, topic, 1);
	int64_t low, high;

	assert_int_equal(rd_kafka_query_watermark_offsets(consumer, topic, 0, &low, &high, READ_MS),
			 0);
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	return (size_t)(high - low);
}

size_t kafka_host_read(struct kafka_host *host, const char *topic, int partitions,
		       struct kafka_seen *ret_seen, size_t count)
{
	rd_kafka_t *consumer = new_consumer(host, topic, partitions);
	uint64_t deadline_ns = na_clock_boot_ns() + READ_MS * NA_NS_PER_MS;
	size_t found = 0;

	while (found < count && na_clock_boot_ns() < deadline_ns) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);

		if (!message)
			continue;
		if (!message->err)
			see(message, &ret_seen[found++]);
		rd_kafka_message_destroy(message);
	}
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	return found;
}
