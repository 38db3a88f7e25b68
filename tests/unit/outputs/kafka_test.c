/* SPDX-License-Identifier: Apache-2.0 */
/* Output kafka against librdkafka's mock cluster: what arrives, where, with what; and how it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "base/clock.h"
#include "kafka/topics.h"
#include "kafka_host.h"

static struct kafka_host host;

static int set_up(void **state)
{
	(void)state;
	kafka_host_init(&host, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kafka_host_done(&host);
	return 0;
}

static void put_all(uint64_t from, uint64_t to)
{
	size_t taken;

	assert_int_equal(kafka_host_put(&host, from, to, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, to - from + 1);
}

static void make_topic(const char *name, int partitions)
{
	assert_int_equal(rd_kafka_mock_topic_create(host.cluster, name, partitions, 1), 0);
}

/* In order, nothing missing, nothing twice; one key: one partition. */
static void delivers(void **state)
{
	static struct kafka_seen seen[2000];
	struct utsname names;

	(void)state;
	uname(&names);
	make_topic("audit", 3);
	kafka_host_open(&host);
	put_all(1, 1000);
	put_all(1001, 2000);
	assert_int_equal(kafka_host_await(&host, 2000, 0), NA_OUTPUT_TAKEN);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
	assert_int_equal(kafka_host_read(&host, "audit", 3, seen, 2000), 2000);
	for (int i = 0; i < 2000; i++) {
		char body[32];

		snprintf(body, sizeof(body), "{\"n\":%d}", i + 1);
		assert_string_equal(seen[i].body, body);
		assert_int_equal(seen[i].partition, seen[0].partition);
	}
	assert_string_equal(seen[0].key, names.nodename);
	assert_string_equal(seen[0].schema, "ecs");
	assert_string_equal(seen[0].version, NA_VERSION);
	assert_string_equal(seen[0].host, names.nodename);
	assert_string_equal(seen[0].id, "id-of-it");
}

static void set_connection(struct na_event *event, uint64_t number)
{
	static const char *const ids[] = {"one", "two", "three", "four"};

	NA_SET_TEXT(event, HOST_NAME, "other");
	if (number % 5)
		NA_SET_TEXT(event, NA_CONNECTION_ID, ids[number % 5 - 1]);
}

static void keeps_connections_together(void **state)
{
	struct kafka_seen seen[100];
	int partition_of_one = -1, others = 0;

	(void)state;
	make_topic("audit", 4);
	host.options.key = NA_KAFKA_KEY_CONNECTION;
	host.edit = set_connection;
	kafka_host_open(&host);
	put_all(1, 100);
	kafka_host_await(&host, 100, 0);
	assert_int_equal(kafka_host_read(&host, "audit", 4, seen, 100), 100);
	for (int i = 0; i < 100; i++) {
		int number = atoi(seen[i].body + 5);

		assert_string_equal(seen[i].host, "other");
		if (number % 5 == 0)
			assert_string_equal(seen[i].key, "");
		if (number % 5 != 1) {
			others += seen[i].partition != partition_of_one;
			continue;
		}
		assert_string_equal(seen[i].key, "one");
		if (partition_of_one >= 0)
			assert_int_equal(seen[i].partition, partition_of_one);
		partition_of_one = seen[i].partition;
	}
	assert_true(others > 0);
}

static void has_no_key(void **state)
{
	struct kafka_seen seen[3];

	(void)state;
	host.options.key = NA_KAFKA_KEY_NONE;
	host.host.format = NULL;
	make_topic("audit", 1);
	kafka_host_open(&host);
	put_all(1, 3);
	kafka_host_await(&host, 3, 0);
	assert_int_equal(kafka_host_read(&host, "audit", 1, seen, 3), 3);
	assert_string_equal(seen[2].key, "");
	assert_string_equal(seen[2].schema, "");
	assert_string_equal(seen[2].id, "id-of-it");
}

static void set_dataset(struct na_event *event, uint64_t number)
{
	NA_SET_TEXT(event, EVENT_DATASET, number % 2 ? "netaudit.agent" : "netaudit/flow");
}

static void sorts_into_topics(void **state)
{
	struct kafka_seen odd[5], even[5];

	(void)state;
	host.options.topic = na_text_of("x.%{event.dataset}");
	host.edit = set_dataset;
	make_topic("x.netaudit.agent", 1);
	make_topic("x.netaudit_flow", 1);
	kafka_host_open(&host);
	put_all(1, 10);
	kafka_host_await(&host, 10, 0);
	assert_int_equal(kafka_host_read(&host, "x.netaudit.agent", 1, odd, 5), 5);
	assert_int_equal(kafka_host_read(&host, "x.netaudit_flow", 1, even, 5), 5);
	assert_string_equal(odd[1].body, "{\"n\":3}");
	assert_string_equal(even[1].body, "{\"n\":4}");
}

/* Handles are bounded: the client is made anew, and nothing is lost by it. */
static void bounds_topics(void **state)
{
	const uint64_t first = NA_KAFKA_TOPICS_MAX, last = first + 20;
	size_t taken;

	(void)state;
	host.options.topic = na_text_of("t%{event.sequence}");
	kafka_host_open(&host);
	assert_int_equal(kafka_host_put(&host, 1, last, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, first);
	assert_int_equal(kafka_host_put(&host, first + 1, last, &taken), NA_OUTPUT_LATER);
	assert_int_equal(taken, 0);
	assert_string_equal(host.why, "more than 128 topics: the client is made anew, without "
				      "those of before");
	assert_int_equal(kafka_host_await(&host, first, 0), NA_OUTPUT_TAKEN);
	put_all(first + 1, last);
	assert_int_equal(kafka_host_await(&host, last, 0), NA_OUTPUT_TAKEN);
}

/* The queue is full: what is in it is taken, the rest waits, nothing loops. */
static void stops_at_a_full_queue(void **state)
{
	size_t taken;

	(void)state;
	make_topic("audit", 1);
	kafka_host_set(&host, "queue.buffering.max.messages", "10");
	rd_kafka_mock_broker_set_down(host.cluster, 1);
	kafka_host_open(&host);
	assert_int_equal(kafka_host_put(&host, 1, 100, &taken), NA_OUTPUT_TAKEN);
	assert_int_equal(taken, 10);
	assert_int_equal(kafka_host_put(&host, 11, 100, &taken), NA_OUTPUT_LATER);
	assert_int_equal(taken, 0);
	assert_string_equal(host.why, "the queue to the brokers is full");
	rd_kafka_mock_broker_set_up(host.cluster, 1);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_TAKEN);
	put_all(11, 20);
	assert_int_equal(kafka_host_await(&host, 20, 0), NA_OUTPUT_TAKEN);
}

static void drains(void **state)
{
	(void)state;
	make_topic("audit", 1);
	kafka_host_set(&host, "linger.ms", "600000");
	kafka_host_open(&host);
	put_all(1, 100);
	na_output_kafka.drain(host.instance, na_clock_boot_ns() + 20 * NA_NS_PER_SEC);
	assert_int_equal(host.acknowledged_count, 100);
}

/* The deadline holds, and afterwards nothing of the records is used: kafka_host_close frees them.
 */
static void closes_with_records_under_way(void **state)
{
	uint64_t start_ns = na_clock_boot_ns();

	(void)state;
	make_topic("audit", 1);
	rd_kafka_mock_broker_set_rtt(host.cluster, 1, 2000);
	kafka_host_open(&host);
	for (uint64_t number = 1; number <= 50; number++)
		kafka_host_size(&host, number, 100000); /* above message.copy.max.bytes */
	put_all(1, 200);
	na_output_kafka.drain(host.instance, start_ns + 300 * NA_NS_PER_MS);
	assert_true(na_clock_boot_ns() - start_ns < 1500 * NA_NS_PER_MS);
	assert_int_equal(host.acknowledged_count, 0);
	kafka_host_close(&host);
}

static void closes_without_a_cluster(void **state)
{
	(void)state;
	rd_kafka_mock_broker_set_down(host.cluster, 1);
	kafka_host_open(&host);
	put_all(1, 200);
	na_output_kafka.drain(host.instance, na_clock_boot_ns());
	kafka_host_close(&host);
	assert_int_equal(host.acknowledged_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(delivers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_connections_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(has_no_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sorts_into_topics, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounds_topics, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stops_at_a_full_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(drains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closes_with_records_under_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closes_without_a_cluster, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
