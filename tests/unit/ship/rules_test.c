/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts of the host: marks, dedup, budget, back-off, view, dead letters, copies. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../capture/failing_alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/field.h"
#include "ship/arena.h"
#include "ship/backoff.h"
#include "ship/batch.h"
#include "ship/budget.h"
#include "ship/dead.h"
#include "ship/dedup.h"
#include "ship/mark.h"
#include "ship/pool.h"
#include "ship/view.h"

#define SECOND NA_NS_PER_SEC

static char path[] = "/tmp/rules_test.XXXXXX";

static void clear_file(void)
{
	assert_int_equal(truncate(path, 0), 0);
}

static struct na_event event_of(uint8_t host, int64_t port)
{
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	NA_SET_TEXT(&event, EVENT_ID, "id");
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, "/usr/bin/curl");
	NA_SET(&event, DESTINATION_IP, ((struct na_address){{[15] = host}}));
	NA_SET(&event, DESTINATION_PORT, port);
	return event;
}

static void mark_is_found_by_its_position(void **state)
{
	struct na_mark_file file = {.path = path};
	struct na_mark mark = {.journal = {7}, .position = 100, .own = 3}, found;
	const uint8_t other[16] = {8};

	(void)state;
	clear_file();
	assert_int_equal(na_mark_load(&file, mark.journal, 100, &found), -ENOENT);
	assert_int_equal(na_mark_store(&file, &mark), 0);
	na_mark_keep(&file);
	/* The next one was written, its cursor was not: the one before is there. */
	mark.position = 200;
	assert_int_equal(na_mark_store(&file, &mark), 0);
	mark.position = 300;
	assert_int_equal(na_mark_store(&file, &mark), 0);
	assert_int_equal(na_mark_load(&file, mark.journal, 100, &found), 0);
	assert_int_equal(found.own, 3);
	assert_int_equal(na_mark_load(&file, mark.journal, 200, &found), -ENOENT);
	assert_int_equal(na_mark_load(&file, mark.journal, 300, &found), 0);
	assert_int_equal(na_mark_load(&file, other, 300, &found), -ENOENT);
}

static void damaged_mark_is_none(void **state)
{
	struct na_mark_file file = {.path = path};
	struct na_mark mark = {.journal = {7}, .position = 100}, found;

	(void)state;
	for (off_t at = 0; at < (off_t)sizeof(mark) + 8; at++) {
		int fd;
		char byte;

		clear_file();
		file.slot = 1;
		assert_int_equal(na_mark_store(&file, &mark), 0);
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		assert_int_equal(na_mark_load(&file, mark.journal, 100, &found), -ENOENT);
	}
}

static bool withhold(struct na_dedup *dedup, const struct na_event *event, uint64_t wall_ns)
{
	struct na_mark mark = {.position = wall_ns};

	return na_dedup_withhold(dedup, event, wall_ns, &mark);
}

static void dedup_tells_keys_apart(void **state)
{
	struct na_dedup *dedup = na_dedup_new(60 * SECOND);
	struct na_event event = event_of(1, 443);

	(void)state;
	assert_false(withhold(dedup, &event, SECOND));
	assert_true(withhold(dedup, &event, SECOND));
	event = event_of(1, 444);
	assert_false(withhold(dedup, &event, SECOND));
	event = event_of(2, 443);
	assert_false(withhold(dedup, &event, SECOND));
	event = event_of(1, 443);
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, "/usr/bin/curk");
	assert_false(withhold(dedup, &event, SECOND));
	NA_CLEAR(&event, PROCESS_EXECUTABLE);
	assert_false(withhold(dedup, &event, SECOND));
	assert_true(withhold(dedup, &event, SECOND));
	/* Of an incoming connection the peer is the source, its port is of no use. */
	event = event_of(9, 22);
	NA_SET_TEXT(&event, NETWORK_DIRECTION, "ingress");
	NA_SET(&event, SOURCE_IP, ((struct na_address){{[15] = 77}}));
	NA_SET(&event, SOURCE_PORT, 40000);
	assert_false(withhold(dedup, &event, SECOND));
	NA_SET(&event, SOURCE_PORT, 40001);
	assert_true(withhold(dedup, &event, SECOND));
	/* Without a peer's address nothing repeats. */
	NA_CLEAR(&event, SOURCE_IP);
	assert_false(withhold(dedup, &event, SECOND));
	assert_false(withhold(dedup, &event, SECOND));
	na_dedup_free(dedup);
}

static void dedup_is_bounded(void **state)
{
	struct na_dedup *dedup = na_dedup_new(60 * SECOND);
	struct na_mark hold;
	struct na_event event;

	(void)state;
	for (int64_t port = 0; port < 2 * NA_DEDUP_KEYS_MAX; port++) {
		event = event_of(1, port);
		assert_false(withhold(dedup, &event, SECOND));
	}
	/* Those that found room repeat, the others are sent. */
	event = event_of(1, 0);
	assert_true(withhold(dedup, &event, 5 * SECOND));
	assert_int_equal(na_dedup_hold(dedup)->position, 5 * SECOND);
	event = event_of(1, NA_DEDUP_KEYS_MAX);
	assert_false(withhold(dedup, &event, SECOND));
	assert_null(na_dedup_take(dedup, 60 * SECOND, &hold));
	assert_non_null(na_dedup_take(dedup, 61 * SECOND, &hold));
	assert_int_equal(hold.position, 5 * SECOND);
	assert_null(na_dedup_take(dedup, 61 * SECOND, &hold));
	assert_null(na_dedup_hold(dedup));
	assert_false(withhold(dedup, &event, 61 * SECOND));
	assert_true(withhold(dedup, &event, 61 * SECOND));
	/* The clock was set back: the window ends. */
	assert_non_null(na_dedup_take(dedup, SECOND, &hold));
	na_dedup_free(dedup);
}

static void without_memory_nothing_is_withheld(void **state)
{
	struct na_event event = event_of(1, 443);
	bool failed;
	size_t n = 1;

	(void)state;
	do {
		struct na_dedup *dedup = na_dedup_new(60 * SECOND);
		bool first, second;

		na_failing_alloc_arm(n++);
		first = withhold(dedup, &event, SECOND);
		second = withhold(dedup, &event, SECOND);
		failed = na_failing_alloc_disarm();
		assert_false(first);
		assert_int_equal(second, !failed);
		na_dedup_free(dedup);
	} while (failed);
	assert_true(n > 3);
}

static void budget_fills_by_events_time(void **state)
{
	struct na_mark mark = {.sequence = 4};
	uint64_t now = 1000 * SECOND;

	(void)state;
	assert_true(na_budget_take(&mark, 0, now, 1u << 30));
	assert_true(na_budget_take(&mark, 3600, now, 3600));
	assert_false(na_budget_take(&mark, 3600, now, 1));
	na_budget_miss(&mark);
	mark.sequence = 6;
	na_budget_miss(&mark);
	assert_int_equal(mark.over_first, 4);
	assert_int_equal(mark.over_last, 6);
	assert_int_equal(mark.over_count, 2);
	/* A byte a second, also when asked for a hundred times in it. */
	for (unsigned int i = 1; i < 100; i++)
		assert_false(na_budget_take(&mark, 3600, now + i * 10 * NA_NS_PER_MS, 1));
	assert_true(na_budget_take(&mark, 3600, now + SECOND, 1));
	assert_false(na_budget_take(&mark, 3600, now + SECOND, 1));
	/* Back gives nothing; long after there is an hour's worth, no more. */
	assert_false(na_budget_take(&mark, 3600, now - 500 * SECOND, 1));
	now += 100000 * SECOND;
	assert_false(na_budget_take(&mark, 3600, now, 3601));
	assert_true(na_budget_take(&mark, 3600, now, 3600));
	na_budget_charge(&mark, 3600, now + SECOND, 5000);
	assert_int_equal(mark.budget_left, 0);
	/* The largest limit does not overflow. */
	mark = (struct na_mark){0};
	assert_true(na_budget_take(&mark, UINT64_C(1) << 40, now, UINT64_C(1) << 40));
	assert_true(na_budget_take(&mark, UINT64_C(1) << 40, now + 3599 * SECOND,
				   (UINT64_C(1) << 40) / 3600 * 3598));
}

static void backoff_doubles_with_jitter(void **state)
{
	struct na_backoff backoff = {.min_ns = SECOND, .max_ns = 10 * SECOND, .random = 42};
	const uint64_t ceilings[] = {1, 2, 4, 8, 10, 10};
	uint64_t seen = 0;
	bool differs = false;

	(void)state;
	for (size_t i = 0; i < sizeof(ceilings) / sizeof(*ceilings); i++) {
		uint64_t wait = na_backoff_next(&backoff);

		assert_in_range(wait, ceilings[i] * SECOND / 2, ceilings[i] * SECOND);
	}
	na_backoff_reset(&backoff);
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t wait = na_backoff_next(&backoff);

		na_backoff_reset(&backoff);
		assert_in_range(wait, SECOND / 2, SECOND);
		differs = differs || (seen && wait != seen);
		seen = wait;
	}
	assert_true(differs);
	/* A minimum above the maximum is the maximum. */
	backoff = (struct na_backoff){.min_ns = 5 * SECOND, .max_ns = SECOND};
	assert_in_range(na_backoff_next(&backoff), SECOND / 2, SECOND);
	assert_in_range(na_backoff_next(&backoff), SECOND / 2, SECOND);
}

static void states_are_in_every_view(void **state)
{
	(void)state;
	assert_true(na_view_is_state(NA_EVENT_HEARTBEAT));
	assert_true(na_view_is_state(NA_EVENT_EVENTS_LOST));
	assert_true(na_view_is_state(NA_EVENT_AGENT_STARTED));
	assert_false(na_view_is_state(NA_EVENT_CLOSED));
	assert_false(na_view_is_state(NA_EVENT_COUNT)); /* a newer agent's */
	assert_true(na_view_has_type(NA_EVENT_HEARTBEAT));
	assert_true(na_view_has_type(NA_EVENT_FLOW));
	assert_true(na_view_has_type(NA_EVENT_DENIED));
	assert_false(na_view_has_type(NA_EVENT_SHUTDOWN));
}

static void view_has_each_interval_once(void **state)
{
	struct na_event event;
	unsigned int shown = 0;

	(void)state;
	na_event_init(&event, NA_EVENT_CONNECTION, 1);
	/* Ten hours, told up to 50 seconds late: once in each. */
	for (uint64_t minute = 1; minute < 660; minute++) {
		uint64_t late_s = minute * 7919 % 51;

		NA_SET(&event, EVENT_DURATION, (int64_t)((minute * 60 + late_s) * SECOND));
		shown += na_view_has(&event, 3600 * SECOND, 60 * SECOND);
	}
	assert_int_equal(shown, 10);
	/* Also where the one is no multiple of the other. */
	shown = 0;
	for (uint64_t minute = 1; minute <= 70; minute++) {
		NA_SET(&event, EVENT_DURATION, (int64_t)(minute * 60 * SECOND));
		shown += na_view_has(&event, 450 * SECOND, 60 * SECOND);
	}
	assert_int_equal(shown, 70 * 60 / 450);
	NA_SET(&event, EVENT_DURATION, (int64_t)(60 * SECOND));
	assert_true(na_view_has(&event, 60 * SECOND, 60 * SECOND));
	assert_false(na_view_has(&event, 3600 * SECOND, 60 * SECOND));
}

static size_t lines_in(const char *name)
{
	FILE *file = fopen(name, "re");
	char *line = NULL;
	size_t size = 0, lines = 0;

	assert_non_null(file);
	while (getline(&line, &size, file) > 0) {
		json_t *root = json_loads(line, 0, NULL);

		lines += root != NULL;
		json_decref(root);
	}
	free(line);
	fclose(file);
	return lines;
}

static void dead_letters_are_lines(void **state)
{
	struct na_dead dead = {.path = path};
	struct na_text id = na_text_of("i\"d"), body = na_text_of("{\"a\":1}\n\x01\xff");

	(void)state;
	clear_file();
	assert_int_equal(na_dead_write(&dead, "why", id, body), 0);
	assert_int_equal(na_dead_write(&dead, "why", id, body), 0);
	assert_int_equal(lines_in(path), 2);
	/* A crash tore the last one. */
	assert_int_equal(truncate(path, 50), 0);
	assert_int_equal(na_dead_write(&dead, "why", id, body), 0);
	assert_int_equal(lines_in(path), 1);
	dead.path = "/nowhere/dead";
	assert_int_equal(na_dead_write(&dead, "why", id, body), -ENOENT);
	dead.path = "/dev/full";
	assert_int_equal(na_dead_write(&dead, "why", id, body), -ENOSPC);
}

/* A letter fills more than half of a file, so that each one begins another. */
static void write_large(struct na_dead *dead, int expected)
{
	char *large = calloc(1, NA_DEAD_BYTES_MAX / 2);

	memset(large, 'x', NA_DEAD_BYTES_MAX / 2);
	assert_int_equal(na_dead_write(dead, "why", na_text_of("id"),
				       (struct na_text){large, NA_DEAD_BYTES_MAX / 2}),
			 expected);
	free(large);
}

static void dead_letters_are_bounded_and_counted(void **state)
{
	struct na_dead dead = {.path = path}, again = {.path = path};
	char old[64], count[64];
	struct stat status;

	(void)state;
	clear_file();
	snprintf(old, sizeof(old), "%s.1", path);
	snprintf(count, sizeof(count), "%s.lost", path);
	assert_int_equal(na_dead_load(&dead), 0);
	assert_int_equal(dead.thrown_away, 0);
	for (int i = 0; i < 5; i++)
		write_large(&dead, 0);
	assert_int_equal(stat(path, &status), 0);
	assert_in_range(status.st_size, 1, NA_DEAD_BYTES_MAX);
	assert_int_equal(stat(old, &status), 0);
	assert_in_range(status.st_size, 1, NA_DEAD_BYTES_MAX);
	assert_int_equal(dead.thrown_away, 3);
	assert_int_equal(na_dead_load(&again), 0);
	assert_int_equal(again.thrown_away, 3);
	/* What cannot be counted is not thrown away. */
	assert_int_equal(unlink(count), 0);
	assert_int_equal(mkdir(count, 0700), 0);
	write_large(&again, -EISDIR);
	assert_int_equal(again.thrown_away, 3);
	assert_int_equal(lines_in(old), 1);
	assert_int_equal(na_dead_load(&again), -EISDIR);
	assert_int_equal(rmdir(count), 0);
	unlink(old);
}

static struct na_event full_event(char *bytes)
{
	static struct na_text items[2];
	struct na_event event = event_of(1, 443);

	items[0] = (struct na_text){bytes, 3};
	items[1] = (struct na_text){NULL, 0};
	NA_SET(&event, PROCESS_ARGS, ((struct na_texts){items, 2}));
	NA_SET(&event, NA_AGENT_COUNTERS, ((struct na_text){bytes, 2}));
	NA_SET(&event, PROCESS_NAME, ((struct na_text){bytes, 1}));
	return event;
}

/* The copy lives on when all that it was made of is gone. */
static void copies_own_their_texts(void **state)
{
	char bytes[] = "abc";
	struct na_event event = full_event(bytes), *copy;
	struct na_arena arena = {0};

	(void)state;
	copy = na_arena_event(&arena, &event, NULL, NULL);
	assert_non_null(copy);
	memset(bytes, 'x', sizeof(bytes));
	assert_memory_equal(copy->present, event.present, sizeof(event.present));
	assert_memory_equal(copy->f_PROCESS_ARGS.items[0].data, "abc", 3);
	assert_int_equal(copy->f_PROCESS_ARGS.items[1].length, 0);
	assert_memory_equal(copy->f_NA_AGENT_COUNTERS.data, "ab", 2);
	assert_memory_equal(copy->f_PROCESS_NAME.data, "a", 1);
	assert_int_equal(copy->f_DESTINATION_PORT, 443);
	na_arena_done(&arena);
}

/* With the size of what is copied, and no more. */
static void copies_have_the_fields_that_are_asked_for(void **state)
{
	char bytes[] = "abc";
	struct na_event event = full_event(bytes), *copy;
	struct na_event wanted = {0}; /* its bits */
	struct na_event constants = {0};
	struct na_arena arena = {0};

	(void)state;
	event.boot_ns = 12;
	na_event_mark(&wanted, NA_FIELD_PROCESS_ARGS);
	na_event_mark(&wanted, NA_FIELD_DESTINATION_PORT);
	na_event_mark(&wanted, NA_FIELD_USER_NAME); /* it has none */
	na_event_mark(&wanted, NA_FIELD_HOST_NAME);
	NA_SET_TEXT(&constants, HOST_NAME, "h");
	NA_SET(&constants, DESTINATION_PORT, 1); /* the event's own counts */
	NA_SET_TEXT(&constants, HOST_OS_TYPE, "linux");
	copy = na_arena_event(&arena, &event, wanted.present, &constants);
	assert_non_null(copy);
	assert_int_equal(copy->type, event.type);
	assert_int_equal(copy->boot_ns, 12);
	memset(bytes, 'x', sizeof(bytes));
	for (int field = 0; field < NA_FIELD_COUNT; field++)
		assert_int_equal(na_event_has(copy, (enum na_field)field),
				 field == NA_FIELD_PROCESS_ARGS || field == NA_FIELD_HOST_NAME ||
					 field == NA_FIELD_DESTINATION_PORT);
	assert_memory_equal(copy->f_HOST_NAME.data, "h", 1);
	assert_memory_equal(copy->f_PROCESS_ARGS.items[0].data, "abc", 3);
	assert_int_equal(copy->f_DESTINATION_PORT, 443);
	na_arena_done(&arena);
}

static void batches_fail_cleanly(void **state)
{
	char bytes[] = "abc";
	struct na_event event = full_event(bytes);
	const struct na_output_record *added;
	struct na_output_record record = {
		.number = 1, .id = na_text_of("id"), .body = na_text_of("body"), .event = &event};
	struct na_pool pool;
	size_t n = 1;
	bool failed;

	(void)state;
	na_pool_init(&pool);
	do {
		struct na_batch *batch;
		int error = 0;

		na_failing_alloc_arm(n++);
		batch = na_batch_new(&pool, NULL);
		for (unsigned int i = 0; batch && !error && i < 40; i++)
			error = na_batch_add(batch, &record, NULL, &added);
		failed = na_failing_alloc_disarm();
		assert_int_equal(failed, !batch || error);
		na_batch_free(batch);
	} while (failed);
	assert_true(n > 8);
	na_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mark_is_found_by_its_position),
		cmocka_unit_test(damaged_mark_is_none),
		cmocka_unit_test(dedup_tells_keys_apart),
		cmocka_unit_test(dedup_is_bounded),
		cmocka_unit_test(without_memory_nothing_is_withheld),
		cmocka_unit_test(budget_fills_by_events_time),
		cmocka_unit_test(backoff_doubles_with_jitter),
		cmocka_unit_test(states_are_in_every_view),
		cmocka_unit_test(view_has_each_interval_once),
		cmocka_unit_test(dead_letters_are_lines),
		cmocka_unit_test(dead_letters_are_bounded_and_counted),
		cmocka_unit_test(copies_own_their_texts),
		cmocka_unit_test(copies_have_the_fields_that_are_asked_for),
		cmocka_unit_test(batches_fail_cleanly),
	};
	int fd = mkstemp(path), failures;

	if (fd < 0)
		return 1;
	close(fd);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failures;
}
