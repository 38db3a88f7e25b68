/* SPDX-License-Identifier: Apache-2.0 */
/* Output kafka when brokers refuse, vanish, or say what a person must hear. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "../capture/failing_alloc.h"
#include "base/clock.h"
#include "kafka_host.h"
#include "kafka_sasl.h"

static struct kafka_host host;
static _Atomic uint64_t ahead_ns;

uint64_t __real_na_clock_boot_ns(void);
uint64_t __wrap_na_clock_boot_ns(void);

uint64_t __wrap_na_clock_boot_ns(void)
{
	return __real_na_clock_boot_ns() + ahead_ns;
}

static int set_up(void **state)
{
	(void)state;
	ahead_ns = 0;
	kafka_host_init(&host, 1);
	assert_int_equal(rd_kafka_mock_topic_create(host.cluster, "audit", 1, 1), 0);
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

static void refuse(rd_kafka_resp_err_t one, rd_kafka_resp_err_t two, rd_kafka_resp_err_t three)
{
	rd_kafka_mock_push_request_errors(host.cluster, KAFKA_PRODUCE, 3, one, two, three);
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* By message.max.bytes, before it is sent. */
static void refuses_what_is_too_large(void **state)
{
	size_t taken;

	(void)state;
	kafka_host_set(&host, "message.max.bytes", "2000");
	kafka_host_open(&host);
	kafka_host_size(&host, 3, 3000);
	assert_int_equal(kafka_host_put(&host, 1, 5, &taken), NA_OUTPUT_REJECT);
	assert_int_equal(taken, 2);
	assert_string_equal(host.why, "the record has 3000 bytes, and message.max.bytes is 2000");
	put_all(4, 5);
	assert_int_equal(kafka_host_await(&host, 4, 0), NA_OUTPUT_TAKEN);
}

/* The broker refuses the batch once: in parts all of it goes through. */
static void takes_a_batch_apart(void **state)
{
	static struct kafka_seen seen[100];

	(void)state;
	kafka_host_set(&host, "linger.ms", "20");
	rd_kafka_mock_push_request_errors(host.cluster, KAFKA_PRODUCE, 1,
					  RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	kafka_host_open(&host);
	for (uint64_t number = 1; number <= 100; number++)
		if (number % 10 == 0)
			kafka_host_size(&host, number, 40);
	put_all(1, 100);
	assert_int_equal(kafka_host_await(&host, 100, 0), NA_OUTPUT_TAKEN);
	assert_int_equal(host.rejected_count, 0);
	assert_int_equal(kafka_host_read(&host, "audit", 1, seen, 100), 100);
	assert_string_equal(seen[0].body, "{\"n\":1}");
	assert_string_equal(seen[0].schema, "ecs");
	assert_string_equal(seen[0].id, "id-of-it");
	assert_string_equal(seen[98].body, "{\"n\":99}");
}

/* Nothing else is sent meanwhile. */
static void put_while_taken_apart(void)
{
	size_t taken;

	do {
		assert_int_equal(kafka_host_put(&host, 3, 3, &taken), NA_OUTPUT_LATER);
		assert_string_equal(host.why, "a refused batch is sent in parts");
		assert_int_equal(na_output_kafka.work(host.instance, NA_NS_PER_MS),
				 NA_OUTPUT_TAKEN);
	} while (host.rejected_count == 0);
}

/* Batch of two; the first alone passes, the second alone does not. */
static void isolates_the_culprit(void **state)
{
	size_t taken;

	(void)state;
	kafka_host_set(&host, "linger.ms", "20");
	refuse(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_NO_ERROR,
	       RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	kafka_host_open(&host);
	kafka_host_size(&host, 2, 5000);
	put_all(1, 2);
	while (host.acknowledged_count == 0)
		na_output_kafka.work(host.instance, NA_NS_PER_MS);
	put_while_taken_apart();
	assert_true(host.acknowledged[1] && host.rejected[2]);
	assert_contains(host.reason, "larger than the topic's max.message.bytes");
	assert_contains(host.reason, "(5000 bytes, topic audit)");
	while (kafka_host_put(&host, 3, 1000, &taken) == NA_OUTPUT_LATER)
		na_output_kafka.work(host.instance, NA_NS_PER_MS);
	assert_int_equal(taken, 998);
	assert_int_equal(kafka_host_await(&host, 999, 1), NA_OUTPUT_TAKEN);
}

static void answer(int requests, rd_kafka_resp_err_t error)
{
	for (int i = 0; i < requests; i++)
		rd_kafka_mock_push_request_errors(host.cluster, KAFKA_PRODUCE, 1, error);
}

static void await_held(void)
{
	uint64_t deadline_ns = na_clock_boot_ns() + 30 * NA_NS_PER_SEC;

	while (na_output_kafka.work(host.instance, NA_NS_PER_MS) != NA_OUTPUT_BROKEN)
		assert_true(na_clock_boot_ns() < deadline_ns);
	assert_int_equal(host.state, NA_OUTPUT_HELD);
	assert_int_equal(host.rejected_count, 0);
}

/* One alone in its batch may be refused for its topic's sake: until another is accepted. */
static void holds_what_is_alone(void **state)
{
	(void)state;
	kafka_host_set(&host, "linger.ms", "20");
	answer(3, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	answer(1, RD_KAFKA_RESP_ERR_NO_ERROR);
	answer(1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
	kafka_host_open(&host);
	put_all(1, 1);
	await_held();
	assert_contains(host.why, "the broker refuses the record");
	kafka_host_close(&host);
	kafka_host_open(&host);
	put_all(1, 2);
	assert_int_equal(kafka_host_await(&host, 1, 1), NA_OUTPUT_TAKEN);
	assert_true(host.rejected[1] && host.acknowledged[2]);
	assert_contains(host.reason, "the broker refuses the record");
}

/* A clock that is wrong makes no dead letters, however many there are. */
static void holds_when_all_are_refused(void **state)
{
	(void)state;
	kafka_host_set(&host, "linger.ms", "20");
	answer(100, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
	kafka_host_open(&host);
	put_all(1, 200);
	await_held();
	assert_contains(host.why, "its clock and this host's differ");
	assert_contains(host.why, "it accepts no other event either");
}

/* Drained in the middle of it. */
static void drains_while_taken_apart(void **state)
{
	(void)state;
	kafka_host_set(&host, "linger.ms", "600000");
	refuse(RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
	       RD_KAFKA_RESP_ERR_NO_ERROR);
	kafka_host_open(&host);
	put_all(1, 50);
	na_output_kafka.drain(host.instance, na_clock_boot_ns() + 20 * NA_NS_PER_SEC);
	assert_int_equal(host.acknowledged_count, 50);
}

static void closes_while_taken_apart(void **state)
{
	(void)state;
	kafka_host_set(&host, "linger.ms", "20");
	refuse(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_NO_ERROR,
	       RD_KAFKA_RESP_ERR_NO_ERROR);
	kafka_host_open(&host);
	put_all(1, 50);
	while (host.acknowledged_count == 0)
		na_output_kafka.work(host.instance, NA_NS_PER_MS);
	kafka_host_close(&host);
	assert_true(host.acknowledged_count < 50);
}

/* What librdkafka cannot mend: the host opens another instance, which gets the records again. */
static void says_that_it_is_broken(void **state)
{
	size_t taken;

	(void)state;
	rd_kafka_mock_push_request_errors(host.cluster, KAFKA_PRODUCE, 1,
					  RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	kafka_host_open(&host);
	put_all(1, 10);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_BROKEN);
	assert_int_equal(host.state, NA_OUTPUT_RETRYING);
	assert_int_equal(host.acknowledged_count, 0);
	assert_int_equal(kafka_host_put(&host, 11, 11, &taken), NA_OUTPUT_BROKEN);
	kafka_host_close(&host);
	kafka_host_open(&host);
	put_all(1, 10);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_TAKEN);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
}

/* What is transient librdkafka tries again by itself. */
static void passes_over_short_troubles(void **state)
{
	(void)state;
	refuse(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
	       RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	kafka_host_set(&host, "retry.backoff.ms", "10");
	kafka_host_open(&host);
	put_all(1, 10);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_TAKEN);
}

static void waits_for_brokers(void **state)
{
	(void)state;
	kafka_host_open(&host);
	put_all(1, 1);
	kafka_host_await(&host, 1, 0);
	rd_kafka_mock_broker_set_down(host.cluster, 1);
	put_all(2, 100);
	assert_true(kafka_host_await_state(&host, NA_OUTPUT_RETRYING));
	assert_contains(host.why, "no broker can be reached: ");
	rd_kafka_mock_broker_set_up(host.cluster, 1);
	assert_int_equal(kafka_host_await(&host, 100, 0), NA_OUTPUT_TAKEN);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
}

/* Reachable, and nothing comes through. */
static void says_that_nothing_comes_through(void **state)
{
	(void)state;
	kafka_host_open(&host);
	put_all(1, 1);
	kafka_host_await(&host, 1, 0);
	rd_kafka_mock_broker_set_rtt(host.cluster, 1, 1000);
	put_all(2, 10);
	na_output_kafka.work(host.instance, 0);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
	ahead_ns += 61 * NA_NS_PER_SEC;
	na_output_kafka.work(host.instance, 0);
	assert_int_equal(host.state, NA_OUTPUT_RETRYING);
	assert_contains(host.why, "nothing was acknowledged for a minute");
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_TAKEN);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
}

static void hold_for(const char *words)
{
	kafka_host_set(&host, "topic.metadata.propagation.max.ms", "0");
	kafka_host_open(&host);
	put_all(1, 10);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_BROKEN);
	assert_int_equal(host.state, NA_OUTPUT_HELD);
	assert_contains(host.why, words);
	assert_contains(host.why, "(topic audit)");
	kafka_host_close(&host);
	rd_kafka_mock_topic_set_error(host.cluster, "audit", RD_KAFKA_RESP_ERR_NO_ERROR);
	kafka_host_open(&host);
	put_all(1, 10);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_TAKEN);
	assert_int_equal(host.state, NA_OUTPUT_WORKING);
}

static void holds_without_rights(void **state)
{
	(void)state;
	rd_kafka_mock_push_request_errors(host.cluster, KAFKA_PRODUCE, 1,
					  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	hold_for("give it WRITE on the topic");
}

static void holds_without_a_topic(void **state)
{
	(void)state;
	rd_kafka_mock_topic_set_error(host.cluster, "audit",
				      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	hold_for("the topic does not exist");
}

/* Wrong credentials: librdkafka goes on trying, and says so again and again. */
static void holds_with_wrong_credentials(void **state)
{
	struct kafka_sasl *broker = kafka_sasl_start();

	(void)state;
	host.options.kafka.count = 0;
	kafka_host_set(&host, "bootstrap.servers", kafka_sasl_address(broker));
	kafka_host_set(&host, "security.protocol", "sasl_plaintext");
	kafka_host_set(&host, "sasl.mechanism", "PLAIN");
	kafka_host_set(&host, "sasl.username", "audit");
	kafka_host_set(&host, "sasl.password", "wrong");
	kafka_host_open(&host);
	put_all(1, 10);
	assert_true(kafka_host_await_state(&host, NA_OUTPUT_HELD));
	assert_contains(host.why, "the brokers refuse the credentials");
	assert_contains(host.why, "no such user");
	for (int i = 0; i < 50; i++)
		assert_int_equal(na_output_kafka.work(host.instance, 10 * NA_NS_PER_MS),
				 NA_OUTPUT_TAKEN);
	/* That all brokers are down follows from it. */
	assert_int_equal(host.state, NA_OUTPUT_HELD);
	kafka_host_close(&host);
	kafka_sasl_stop(broker);
}

/* What only librdkafka's start finds. */
static void holds_with_a_missing_file(void **state)
{
	struct na_buffer why = {0};

	(void)state;
	kafka_host_set(&host, "security.protocol", "ssl");
	host.options.ca_file = na_text_of("/nonexistent/ca.pem");
	assert_int_equal(na_output_kafka.check(&host.options, &why), 0);
	assert_true(na_output_kafka.open(&host.options, &host.host, &host.instance, &why) < 0);
	assert_null(host.instance);
	assert_int_equal(host.state, NA_OUTPUT_HELD);
	assert_contains(host.why, "ssl.ca.location");
	na_buffer_done(&why);
}

/* Whichever allocation of ours fails: it does not open, and frees what it had. */
static void opens_not_without_memory(void **state)
{
	struct na_buffer why = {0};
	size_t n = 1;
	int error = -ENOMEM;

	(void)state;
	for (; error; n++) {
		na_failing_alloc_arm(n);
		error = na_output_kafka.open(&host.options, &host.host, &host.instance, &why);
		if (na_failing_alloc_disarm())
			assert_int_equal(error, -ENOMEM);
	}
	assert_in_range(n, 3, 20);
	assert_int_equal(host.state, NA_OUTPUT_WORKING); /* nobody is asked to do something */
	na_buffer_done(&why);
	put_all(1, 10);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_TAKEN);
}

/* A refused message that cannot be kept: all comes again. */
static void breaks_off_without_memory(void **state)
{
	(void)state;
	rd_kafka_mock_push_request_errors(host.cluster, KAFKA_PRODUCE, 1,
					  RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	kafka_host_set(&host, "linger.ms", "20");
	kafka_host_open(&host);
	put_all(1, 10);
	na_failing_alloc_arm(1);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_BROKEN);
	assert_true(na_failing_alloc_disarm());
	assert_contains(host.why, "out of memory");
	kafka_host_close(&host);
	kafka_host_open(&host);
	put_all(1, 10);
	assert_int_equal(kafka_host_await(&host, 10, 0), NA_OUTPUT_TAKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_what_is_too_large),
		TEST(takes_a_batch_apart),
		TEST(isolates_the_culprit),
		TEST(holds_what_is_alone),
		TEST(holds_when_all_are_refused),
		TEST(drains_while_taken_apart),
		TEST(closes_while_taken_apart),
		TEST(says_that_it_is_broken),
		TEST(passes_over_short_troubles),
		TEST(waits_for_brokers),
		TEST(says_that_nothing_comes_through),
		TEST(holds_without_rights),
		TEST(holds_without_a_topic),
		TEST(holds_with_wrong_credentials),
		TEST(holds_with_a_missing_file),
		TEST(opens_not_without_memory),
		TEST(breaks_off_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
