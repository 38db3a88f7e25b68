/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Late facts from the journal's writer to its readers, over the borders of segments: who follows,
 * who comes back and who comes later read the same. The clocks are the test's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "journal/reader.h"
#include "journal/tail.h"
#include "store_support.h"

#define EVENTS 900
#define OF_A_PROCESS 3
#define STEP_NS (20 * NA_NS_PER_MS)
#define MOST_NS (1300 * NA_NS_PER_MS)
#define WALL_NS UINT64_C(1795860000000000000)

static _Atomic uint64_t boot_ns, wall_ns;
static struct na_world world;
static struct na_journal *journal;
static struct na_reader *reader;
static struct na_reader_item item;

/* What was read of an event, by its number. */
struct body {
	char name[24]; /* the late fact; "" for none */
	uint64_t position, appended_ns, read_ns;
};

static struct body bodies[EVENTS + 1];

uint64_t __wrap_na_clock_boot_ns(void);
uint64_t __wrap_na_clock_wall_ns(void);

uint64_t __wrap_na_clock_boot_ns(void)
{
	return boot_ns;
}

uint64_t __wrap_na_clock_wall_ns(void)
{
	return wall_ns;
}

static void pass(uint64_t ns)
{
	boot_ns += ns;
	wall_ns += ns;
}

static struct na_reader *open_reader(const char *tail, bool settled)
{
	const struct na_reader_options options = {
		.path = world.folder, .tail = tail, .settled = settled};
	struct na_buffer why = {0};
	struct na_reader *opened = NULL;

	assert_int_equal(na_reader_open(&options, &opened, &why), 0);
	return opened;
}

static void open_both(bool late)
{
	world.options.late = late;
	journal = na_world_open(&world);
	reader = open_reader(world.tail, true);
}

static int setup(void **state)
{
	(void)state;
	boot_ns = NA_NS_PER_SEC;
	wall_ns = WALL_NS;
	memset(bodies, 0, sizeof(bodies));
	na_world_init(&world);
	world.options.segment_size = 16 << 10;
	world.options.tail_size = 1 << 20;
	world.options.max_size = 64 << 20;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	na_reader_close(&reader);
	na_journal_close(&journal, na_soon());
	na_world_done(&world);
	return 0;
}

static struct na_event of_process(uint64_t process)
{
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, boot_ns);
	NA_SET(&event, PROCESS_PID, (int64_t)process);
	NA_SET(&event, PROCESS_START, WALL_NS - process);
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, "/usr/bin/curl");
	return event;
}

static uint64_t append(uint64_t process)
{
	struct na_event event = of_process(process);
	uint64_t sequence = na_journal_next_sequence(journal);

	NA_SET(&event, EVENT_SEQUENCE, (int64_t)sequence);
	NA_SET(&event, TIMESTAMP, wall_ns);
	NA_SET(&event, EVENT_CREATED, wall_ns);
	assert_int_equal(na_journal_append(journal, &event), 0);
	if (sequence <= EVENTS)
		bodies[sequence].appended_ns = boot_ns;
	return sequence;
}

static void name_of(uint64_t process, char name[24])
{
	snprintf(name, 24, "name %llu", (unsigned long long)process);
}

static int tell(uint64_t process)
{
	struct na_event about = of_process(process), fact = {0};
	char name[24];

	name_of(process, name);
	NA_SET_TEXT(&fact, PROCESS_NAME, name);
	return na_journal_late(journal, &about, &fact);
}

/* A second's work of the capture thread, when nothing happens. */
static void tick(void)
{
	struct na_journal_loss loss;

	assert_false(na_journal_take_loss(journal, &loss));
}

static struct body body_of(const struct na_reader_item *read)
{
	struct body body = {.position = read->position, .read_ns = boot_ns};

	if (na_event_has(&read->event, NA_FIELD_PROCESS_NAME))
		memcpy(body.name, read->event.f_PROCESS_NAME.data,
		       read->event.f_PROCESS_NAME.length);
	return body;
}

/* Reads what there is now; `expected` is the next number. Returns the one behind the last. */
static uint64_t follow(uint64_t expected)
{
	int step;

	while ((step = na_reader_next(reader, &item)) == NA_READER_EVENT) {
		uint64_t appended_ns = bodies[expected].appended_ns;

		assert_int_equal(item.sequence, expected);
		bodies[expected] = body_of(&item);
		bodies[expected++].appended_ns = appended_ns;
	}
	if (step == NA_READER_GAP)
		fail_msg("%s", item.gap.reason);
	assert_int_equal(step, NA_READER_END);
	return expected;
}

/* From that event on, with another reader: all as they were read. */
static void read_again(const char *tail, uint64_t from)
{
	struct na_reader *again = open_reader(tail, true);
	int step;

	assert_int_equal(na_reader_seek_position(again, bodies[from].position), 0);
	while ((step = na_reader_next(again, &item)) == NA_READER_EVENT) {
		struct body body = body_of(&item);

		assert_int_equal(item.sequence, from);
		assert_string_equal(body.name, bodies[from].name);
		from++;
	}
	assert_int_equal(step, NA_READER_END);
	assert_int_equal(from, EVENTS + 1);
	na_reader_close(&again);
}

/* Facts come when the process's events are up to 0.9 s old; of each fifth process far later. */
static bool is_told_in_time(uint64_t process)
{
	return process % 5 != 0;
}

static uint64_t told_after(uint64_t process)
{
	return is_told_in_time(process) ? process % 40 : 100; /* in events */
}

static void live_through_all(void)
{
	uint64_t expected = 1;

	for (uint64_t i = 0; i < EVENTS; i++) {
		append(i / OF_A_PROCESS);
		for (uint64_t process = 0; process < i / OF_A_PROCESS; process++)
			if (process * OF_A_PROCESS + OF_A_PROCESS + told_after(process) == i)
				assert_true(tell(process) == 0 || !is_told_in_time(process));
		pass(STEP_NS);
		expected = follow(expected);
	}
	for (int i = 0; i < 3; i++) {
		pass(NA_NS_PER_SEC);
		tick();
		expected = follow(expected);
	}
	assert_int_equal(expected, EVENTS + 1);
}

static void everybody_reads_the_same(void **state)
{
	char file[2 * NA_TEST_PATH_SIZE];

	(void)state;
	open_both(true);
	live_through_all();
	for (uint64_t i = 1; i <= EVENTS; i++) {
		uint64_t process = (i - 1) / OF_A_PROCESS;
		char name[24] = "";
		bool ends = process * OF_A_PROCESS + OF_A_PROCESS + told_after(process) >= EVENTS;

		if (is_told_in_time(process) && !ends)
			name_of(process, name);
		assert_string_equal(bodies[i].name, name);
		assert_true(bodies[i].read_ns - bodies[i].appended_ns > NA_NS_PER_SEC);
		if (i + MOST_NS / STEP_NS <= EVENTS) /* the events behind it tell the time */
			assert_true(bodies[i].read_ns - bodies[i].appended_ns <= MOST_NS);
	}
	for (uint64_t from = 1; from <= EVENTS; from += 13)
		read_again(world.tail, from);
	na_journal_close(&journal, na_soon());
	for (uint64_t from = 1; from <= EVENTS; from += 13)
		read_again(NULL, from);
	assert_true(na_world_file(&world, ".segment", 3, file));
}

/* Turns a byte of a file around. */
static void flip(const char *path, long offset)
{
	FILE *file = fopen(path, "r+e");
	int byte;

	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	byte = fgetc(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	assert_int_not_equal(fputc(~byte & 0xff, file), EOF);
	assert_int_equal(fclose(file), 0);
}

/* What is behind the damage may be lacking; nothing else is said of any event. */
static void read_damaged(void)
{
	struct na_reader *again = open_reader(NULL, true);
	int step;

	while ((step = na_reader_next(again, &item)) != NA_READER_END) {
		struct body body = {0};

		assert_true(step >= 0);
		if (step == NA_READER_EVENT)
			body = body_of(&item);
		if (*body.name)
			assert_string_equal(body.name, bodies[item.sequence].name);
	}
	na_reader_close(&again);
}

static void damage_makes_no_other_facts(void **state)
{
	char file[2 * NA_TEST_PATH_SIZE];

	(void)state;
	open_both(true);
	live_through_all();
	na_journal_close(&journal, na_soon());
	for (size_t segment = 0; segment < 3; segment++)
		for (long offset = 40; offset < (12 << 10); offset += 337) {
			assert_true(na_world_file(&world, ".segment", segment, file));
			flip(file, offset);
			read_damaged();
			flip(file, offset);
		}
	read_again(NULL, 1);
}

static void an_event_waits_until_nothing_can_come(void **state)
{
	struct na_reader *other;

	(void)state;
	open_both(true);
	append(1);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
	other = open_reader(world.tail, false); /* as query does */
	assert_int_equal(na_reader_next(other, &item), NA_READER_EVENT);
	na_reader_close(&other);
	tick();
	pass(NA_NS_PER_SEC);
	tick();
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
	assert_int_equal(tell(1), 0);
	pass(1);
	tick();
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
	assert_string_equal(body_of(&item).name, "name 1");
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
}

static void nobody_waits_where_no_facts_are_made(void **state)
{
	(void)state;
	open_both(false);
	append(1);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
	append(1);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
}

static void nobody_waits_for_a_writer_that_ended(void **state)
{
	(void)state;
	open_both(true);
	append(1);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
	na_journal_close(&journal, na_soon());
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
}

static void the_next_writer_frees_what_a_kill_left(void **state)
{
	(void)state;
	open_both(true);
	append(1);
	na_journal_close(&journal, 0);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
	journal = na_world_open(&world);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
}

static void a_clock_that_is_set_back_changes_nothing_that_was_read(void **state)
{
	(void)state;
	open_both(true);
	append(1);
	tick();
	pass(NA_NS_PER_SEC + 1);
	tick();
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
	bodies[1] = body_of(&item);
	wall_ns = WALL_NS; /* within a second of event.created again */
	append(1);
	assert_int_equal(tell(1), 0);
	tick();
	pass(NA_NS_PER_SEC + 1);
	tick();
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
	assert_string_equal(body_of(&item).name, "name 1");
	assert_int_equal(na_reader_seek_position(reader, bodies[1].position), 0);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
	assert_string_equal(body_of(&item).name, "");
}

/* The wait must neither spin on an event that waits, nor sleep through what frees it. */
static void waiting_sees_what_frees_an_event(void **state)
{
	(void)state;
	open_both(true);
	append(1);
	tick();
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
	pass(NA_NS_PER_SEC + 1);
	tick();
	na_reader_wait(reader, UINT64_MAX); /* returns: it may be read now */
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
}

static void what_cannot_be_told_is_said(void **state)
{
	struct na_event about = of_process(1), fact = {0};

	(void)state;
	open_both(true);
	NA_SET_TEXT(&fact, PROCESS_NAME, "curl");
	assert_int_equal(na_journal_late(journal, &about, &fact), -ENOSPC); /* no segment yet */
	append(2);
	assert_int_equal(na_journal_late(journal, &about, &fact), -ENOENT);
	NA_SET_TEXT(&fact, USER_NAME, "root");
	assert_int_equal(na_journal_late(journal, &about, &fact), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_reads_the_same),
		TEST(damage_makes_no_other_facts),
		TEST(an_event_waits_until_nothing_can_come),
		TEST(nobody_waits_where_no_facts_are_made),
		TEST(nobody_waits_for_a_writer_that_ended),
		TEST(the_next_writer_frees_what_a_kill_left),
		TEST(a_clock_that_is_set_back_changes_nothing_that_was_read),
		TEST(waiting_sees_what_frees_an_event),
		TEST(what_cannot_be_told_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
