/* SPDX-License-Identifier: Apache-2.0 */
/* A journal through the real host and output kafka into a mock cluster. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "kafka_host.h"
#include "made.h"
#include "ship/ship.h"

#define EVENTS 1000
#define SEGMENTS 3
#define WAIT_MS 60000

static char folder[] = "/tmp/kafka_ship_test.XXXXXX";
static char dead_path[64];
static struct kafka_host kafka; /* its cluster and options */
static struct made made;
static struct na_output_common common;

static void remove_files(void)
{
	static const char *const names[] = {"a.cursor", "a.mark", "a.dead", "status.json"};
	char path[96];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
}

static int set_up(void **state)
{
	(void)state;
	remove_files();
	made_init(&made);
	kafka_host_init(&kafka, 1);
	kafka_host_set(&kafka, "linger.ms", "1");
	assert_int_equal(rd_kafka_mock_topic_create(kafka.cluster, "audit", 1, 1), 0);
	common = (struct na_output_common){
		.name = na_text_of("a"),
		.type = na_text_of("kafka"),
		.batch = 100,
		.retry_min = NA_NS_PER_MS,
		.retry_max = NA_NS_PER_MS,
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kafka_host_done(&kafka);
	made_done(&made);
	return 0;
}

/* All of the journal, to its end. */
static void ship(struct na_ship_status *ret_status)
{
	const struct na_ship_output output = {&na_output_kafka, &kafka.options, &common, {0}};
	const struct na_ship_options options = {
		.journal = made.folder,
		.folder = folder,
		.outputs = &output,
		.count = 1,
		.once = true,
	};
	struct pollfd fd = {.events = POLLIN};
	struct na_buffer why = {0};
	struct na_ship *host;

	assert_int_equal(na_ship_new(&options, &host, &why), 0);
	assert_int_equal(na_ship_start(host), 0);
	fd.fd = na_ship_fd(host);
	assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	assert_true(na_ship_status(host, 0, ret_status));
	na_ship_stop(host, na_clock_boot_ns());
	na_ship_free(&host);
}

/* Each event, by its id; how many messages there are. */
static size_t expect_all(size_t events)
{
	size_t stored = kafka_host_stored(&kafka, "audit");
	struct kafka_seen *seen = calloc(stored, sizeof(*seen));
	bool *found = calloc(events + 1, sizeof(*found));

	assert_true(seen && found);
	assert_int_equal(kafka_host_read(&kafka, "audit", 1, seen, stored), stored);
	for (size_t i = 0; i < stored; i++) {
		size_t number = strtoul(strrchr(seen[i].id, '-') + 1, NULL, 16);

		if (number < 1 || number > events)
			fail_msg("event.id is %s", seen[i].id);
		assert_string_equal(seen[i].schema, "ecs");
		found[number] = true;
	}
	for (size_t number = 1; number <= events; number++)
		assert_true(found[number]);
	free(found);
	free(seen);
	return stored;
}

static void ships_a_journal(void **state)
{
	struct na_ship_status status;

	(void)state;
	for (int i = 0; i < SEGMENTS; i++)
		made_segment(&made, EVENTS);
	ship(&status);
	assert_int_equal(expect_all(SEGMENTS * EVENTS), SEGMENTS * EVENTS);
	assert_int_equal(status.acknowledged, SEGMENTS * EVENTS);
	/* Nothing again. */
	ship(&status);
	assert_int_equal(kafka_host_stored(&kafka, "audit"), SEGMENTS * EVENTS);
}

/* The client is broken: another one, and what was not acknowledged once more. */
static void replays_after_a_fatal_error(void **state)
{
	struct na_ship_status status;

	(void)state;
	rd_kafka_mock_push_request_errors(kafka.cluster, KAFKA_PRODUCE, 2,
					  RD_KAFKA_RESP_ERR_NO_ERROR,
					  RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	for (int i = 0; i < SEGMENTS; i++)
		made_segment(&made, EVENTS);
	ship(&status);
	expect_all(SEGMENTS * EVENTS);
	assert_true(status.retries > 0);
	/* More: what was behind the record at fault may have been acknowledged before, too. */
	assert_true(status.acknowledged >= SEGMENTS * EVENTS);
	assert_int_equal(status.state, NA_OUTPUT_WORKING);
}

/* Whole batches are refused: all goes through in parts, and nothing twice. */
static void goes_on_after_refused_batches(void **state)
{
	struct na_ship_status status;

	(void)state;
	rd_kafka_mock_push_request_errors(
		kafka.cluster, KAFKA_PRODUCE, 4, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_NO_ERROR,
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	made_segment(&made, EVENTS);
	ship(&status);
	assert_int_equal(status.acknowledged + status.rejected, EVENTS);
	if (!status.rejected)
		assert_int_equal(expect_all(EVENTS), EVENTS);
}

static void puts_aside_what_is_refused(void **state)
{
	struct na_ship_status status;
	char line[4096];
	FILE *dead;

	(void)state;
	rd_kafka_mock_push_request_errors(
		kafka.cluster, KAFKA_PRODUCE, 4, RD_KAFKA_RESP_ERR_INVALID_RECORD,
		RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_NO_ERROR,
		RD_KAFKA_RESP_ERR_INVALID_RECORD);
	kafka_host_set(&kafka, "linger.ms", "20");
	made_segment(&made, 2);
	ship(&status);
	assert_int_equal(status.rejected, 1);
	assert_int_equal(status.acknowledged, 1);
	dead = fopen(dead_path, "re");
	assert_non_null(dead);
	assert_non_null(fgets(line, sizeof(line), dead));
	assert_non_null(strstr(line, "{\"reason\":\"the broker refuses the record"));
	fclose(dead);
	/* The cursor went over it. */
	made_segment(&made, EVENTS);
	ship(&status);
	assert_int_equal(status.acknowledged, EVENTS);
	assert_int_equal(kafka_host_stored(&kafka, "audit"), EVENTS + 1);
}

/* A topic that refuses all for a while makes no dead letters. */
static void waits_for_what_refuses_all(void **state)
{
	struct na_ship_status status;

	(void)state;
	for (int i = 0; i < 100; i++)
		rd_kafka_mock_push_request_errors(kafka.cluster, KAFKA_PRODUCE, 1,
						  RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
	made_segment(&made, EVENTS);
	ship(&status);
	assert_int_equal(status.rejected, 0);
	assert_int_equal(expect_all(EVENTS), EVENTS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ships_a_journal),
		TEST(replays_after_a_fatal_error),
		TEST(goes_on_after_refused_batches),
		TEST(puts_aside_what_is_refused),
		TEST(waits_for_what_refuses_all),
	};
	int failed;

	if (!mkdtemp(folder))
		return EXIT_FAILURE;
	snprintf(dead_path, sizeof(dead_path), "%s/a.dead", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_files();
	rmdir(folder);
	return failed;
}
