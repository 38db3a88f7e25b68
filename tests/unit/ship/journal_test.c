/* SPDX-License-Identifier: Apache-2.0 */
/* Real journals through the host into real files: nothing is faked but the writer. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../journal/made.h"
#include "base/clock.h"
#include "base/log.h"
#include "file/file.h"
#include "ship/ship.h"

#define FAR_NS (60 * NA_NS_PER_SEC)
#define NUMBERS_MAX 4000
#define TAIL_BYTES (1u << 20)

static char folder[] = "/tmp/ship_journal_test.XXXXXX";
static char log_path[64];

static struct {
	struct made made;
	struct na_file_options file;
	struct na_output_common common;
	struct na_ship_output output;
	struct na_ship_options options;
	struct na_ship *ship;
} host;

static void remove_files(void)
{
	static const char *const names[] = {"log", "a.cursor", "a.mark", "status.json"};
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
	memset(&host, 0, sizeof(host));
	made_init(&host.made);
	host.file = (struct na_file_options){.path = na_text_of(log_path)};
	host.common = (struct na_output_common){
		.name = na_text_of("a"),
		.type = na_text_of("file"),
		.batch = 50,
		.retry_min = NA_NS_PER_MS,
		.retry_max = NA_NS_PER_MS,
	};
	host.output = (struct na_ship_output){&na_output_file, &host.file, &host.common, {0}};
	host.options = (struct na_ship_options){
		.journal = host.made.folder,
		.tail = host.made.tail_path,
		.folder = folder,
		.outputs = &host.output,
		.count = 1,
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_ship_free(&host.ship);
	made_done(&host.made);
	return 0;
}

static void start(void)
{
	struct na_buffer why = {0};

	assert_int_equal(na_ship_new(&host.options, &host.ship, &why), 0);
	assert_int_equal(na_ship_start(host.ship), 0);
}

static void stop(uint64_t within_ns)
{
	na_ship_stop(host.ship, na_clock_boot_ns() + within_ns);
	na_ship_free(&host.ship);
}

static void run_once(void)
{
	struct pollfd fd = {.events = POLLIN};

	host.options.once = true;
	start();
	fd.fd = na_ship_fd(host.ship);
	assert_int_equal(poll(&fd, 1, 60000), 1);
	stop(0);
}

static uint64_t acknowledged(void)
{
	struct na_ship_status status;

	assert_true(na_ship_status(host.ship, 0, &status));
	return status.acknowledged;
}

/* How often each number is in the file; returns lines without one. Every line parses. */
static size_t count_numbers(unsigned int seen[NUMBERS_MAX])
{
	FILE *file = fopen(log_path, "re");
	char *line = NULL;
	size_t size = 0, others = 0;

	memset(seen, 0, NUMBERS_MAX * sizeof(*seen));
	assert_non_null(file);
	while (getline(&line, &size, file) > 0) {
		json_t *root = json_loads(line, 0, NULL);
		json_t *number = json_object_get(root, "event.sequence");

		assert_non_null(root);
		if (!number)
			number = json_object_get(json_object_get(root, "event"), "sequence");
		if (number)
			seen[json_integer_value(number) % NUMBERS_MAX]++;
		else
			others++;
		json_decref(root);
	}
	free(line);
	fclose(file);
	return others;
}

static void expect_each(uint64_t first, uint64_t last, unsigned int least, unsigned int most)
{
	unsigned int seen[NUMBERS_MAX];

	count_numbers(seen);
	for (uint64_t number = first; number <= last; number++)
		assert_in_range(seen[number], least, most);
}

/* ------------------------------------------------------------------------------------------- */

static void ships_segments(void **state)
{
	(void)state;
	host.options.tail = NULL;
	for (int i = 0; i < 5; i++)
		made_segment(&host.made, 100);
	run_once();
	expect_each(1, 500, 1, 1);
	/* Nothing again; what is new only once. */
	made_segment(&host.made, 10);
	run_once();
	expect_each(1, 510, 1, 1);
}

static void ships_flat(void **state)
{
	(void)state;
	host.options.tail = NULL;
	host.common.format = NA_OUTPUT_FLAT;
	made_segment(&host.made, 20);
	run_once();
	expect_each(1, 20, 1, 1);
}

/* Killed again and again while the journal grows in its tail. */
static void ships_the_tail_over_restarts(void **state)
{
	(void)state;
	made_segment(&host.made, 100);
	made_tail(&host.made, TAIL_BYTES);
	made_begin(&host.made);
	for (int life = 0; life < 10; life++) {
		start();
		made_events(&host.made, 50);
		made_show(&host.made);
		while (acknowledged() < 20)
			;
		stop(0);
	}
	start();
	made_events(&host.made, 50);
	made_show(&host.made);
	stop(FAR_NS);
	expect_each(1, 650, 1, 10);
}

static void tells_of_a_missing_segment(void **state)
{
	unsigned int seen[NUMBERS_MAX];
	char path[128];
	uint64_t position;

	(void)state;
	host.options.tail = NULL;
	made_segment(&host.made, 100);
	run_once();
	made_segment(&host.made, 100);
	position = host.made.position;
	made_segment(&host.made, 100);
	made_path(&host.made, position, path);
	assert_int_equal(unlink(path), 0);
	run_once();
	assert_int_equal(count_numbers(seen), 1);
	expect_each(1, 100, 1, 1);
	expect_each(101, 200, 0, 0);
	expect_each(201, 300, 1, 1);
}

/* What the view refuses before it is decoded moves the cursor too. */
static void skips_with_the_view(void **state)
{
	unsigned int seen[NUMBERS_MAX];

	(void)state;
	host.options.tail = NULL;
	host.common.view = NA_OUTPUT_CONNECTIONS;
	made_begin(&host.made);
	for (int i = 0; i < 100; i++)
		made_event(&host.made, i % 10 ? NA_EVENT_ESTABLISHED : NA_EVENT_CONNECT_FAILED);
	made_event(&host.made, NA_EVENT_HEARTBEAT);
	made_event(&host.made, NA_EVENT_ESTABLISHED);
	made_seal(&host.made);
	made_write(&host.made);
	run_once();
	run_once();
	assert_int_equal(count_numbers(seen), 0);
	for (uint64_t number = 1; number <= 102; number++)
		assert_int_equal(seen[number], number % 10 == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ships_segments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ships_flat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ships_the_tail_over_restarts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_of_a_missing_segment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(skips_with_the_view, set_up, tear_down),
	};
	int failures;

	na_log_set_level(NA_LOG_ERROR);
	if (!mkdtemp(folder))
		return 1;
	snprintf(log_path, sizeof(log_path), "%s/log", folder);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	remove_files();
	rmdir(folder);
	return failures;
}
