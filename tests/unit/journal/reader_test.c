/* SPDX-License-Identifier: Apache-2.0 */
/* The reader: order, seeking, every damage, and journals that change meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "../capture/failing_alloc.h"
#include "reader_fixture.h"

static uint64_t clock_ahead_ns;

uint64_t __real_na_clock_wall_ns(void);
uint64_t __wrap_na_clock_wall_ns(void);

uint64_t __wrap_na_clock_wall_ns(void)
{
	return __real_na_clock_wall_ns() + clock_ahead_ns;
}

static void open_files(void)
{
	open_with(NULL);
}

static void open_all(void)
{
	open_with(made.tail_path);
}

static void expect_end(void)
{
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
}

/* Events `first` to `last`, with what made_event put into them. */
static void expect_events(uint64_t first, uint64_t last)
{
	for (uint64_t sequence = first; sequence <= last; sequence++) {
		uint64_t position = na_reader_position(reader);

		assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
		assert_int_equal(item.sequence, sequence);
		assert_int_equal(item.event.f_EVENT_SEQUENCE, sequence);
		assert_int_equal(item.event.f_PROCESS_PID, 1000 + sequence % 3);
		assert_int_equal(item.event.f_SOURCE_PORT, 32768 + sequence % 1000);
		assert_true(na_event_has(&item.event, NA_FIELD_EVENT_ID));
		assert_true(item.position >= position);
		assert_true(item.next > item.position);
		assert_int_equal(item.next, na_reader_position(reader));
	}
}

static void expect_gap(uint64_t first, uint64_t last, const char *reason)
{
	assert_int_equal(na_reader_next(reader, &item), NA_READER_GAP);
	if (!strstr(item.gap.reason, reason))
		fail_msg("no \"%s\" in \"%s\"", reason, item.gap.reason);
	if (item.gap.first_sequence != first || item.gap.last_sequence != last)
		fail_msg("gap %" PRIu64 "-%" PRIu64 ", not %" PRIu64 "-%" PRIu64 ": %s",
			 item.gap.first_sequence, item.gap.last_sequence, first, last,
			 item.gap.reason);
	assert_int_equal(item.gap.position, na_reader_position(reader));
}

static const char *name_of(uint64_t position)
{
	static char name[40];

	snprintf(name, sizeof(name), "%016" PRIx64 ".segment", position);
	return name;
}

static void remove_segment(uint64_t position)
{
	char path[128];

	made_path(&made, position, path);
	assert_int_equal(unlink(path), 0);
}

/* Where the frame of the n-th event (from 0) of a segment begins: the file is read plainly. */
static uint64_t event_offset(uint64_t position, unsigned int n)
{
	uint64_t size = made_size(&made, position), offset = 0;
	NA_FREE char *bytes = malloc(size);
	NA_CLOSE int fd = -1;
	char path[128];

	made_path(&made, position, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, bytes, size), size);
	while (offset < size) {
		const struct na_frame *frame = (const struct na_frame *)(bytes + offset);

		if (frame->kind == NA_FRAME_EVENT && n-- == 0)
			return offset;
		offset += frame->size;
	}
	fail_msg("no such event");
	return 0;
}

/* Segments of 10 events: 1-10, 11-20, … Their positions. */
static void make_segments(size_t count, uint64_t *ret_positions)
{
	for (size_t i = 0; i < count; i++) {
		made_segment(&made, 10);
		ret_positions[i] = made.position;
	}
}

static void nothing_is_no_mistake(void **state)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	const struct na_reader_options nowhere = {.path = "/nowhere/journal"};

	(void)state;
	assert_int_equal(na_reader_open(&nowhere, &reader, &why), -ENOENT);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, "/nowhere/journal"));
	assert_null(reader);
	open_all();
	expect_end();
	assert_int_equal(na_reader_last_sequence(reader), 0);
	assert_int_equal(na_reader_seek_end(reader), 0);
	assert_int_equal(na_reader_seek_time(reader, MADE_WALL_NS), 0);
	assert_int_equal(na_reader_seek_position(reader, 0), 0);
	expect_end();
	made_segment(&made, 3);
	expect_events(1, 3);
	expect_end();
}

static void events_come_in_order_with_their_ids(void **state)
{
	uint64_t positions[5];
	struct na_event constants = {0};
	unsigned int version;

	(void)state;
	NA_SET_TEXT(&constants, HOST_HOSTNAME, "web-1");
	made.constants = &constants;
	make_segments(5, positions);
	open_files();
	assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
	assert_int_equal(item.constants->f_HOST_HOSTNAME.length, 5);
	assert_memory_equal(item.constants->f_HOST_HOSTNAME.data, "web-1", 5);
	assert_memory_equal(item.journal, made.journal, 16);
	assert_int_equal(item.epoch, 1);
	version = na_reader_constants_version(reader);
	assert_int_equal(na_reader_seek_first(reader), 0);
	expect_events(1, 50);
	assert_true(na_reader_constants_version(reader) > version);
	assert_int_equal(item.event.f_EVENT_ID.length, 36 + 1 + 1 + 1 + 16);
	expect_end();
	expect_end();
	assert_int_equal(na_reader_last_sequence(reader), 50);
	made_segment(&made, 10); /* while it is open */
	assert_int_equal(na_reader_last_sequence(reader), 60);
	expect_events(51, 60);
	expect_end();
}

static bool is_failure(void *context, enum na_event_type type, const struct na_frame_event *event)
{
	uint64_t *until_ns = context;

	return type == NA_EVENT_CONNECT_FAILED && event->wall_ns < *until_ns;
}

static void unwanted_events_are_passed_over(void **state)
{
	uint64_t positions[3], until_ns = MADE_WALL_NS + 21 * NA_NS_PER_SEC;
	unsigned int count = 0;

	(void)state;
	make_segments(3, positions);
	open_files();
	na_reader_set_wanted(reader, is_failure, &until_ns);
	while (na_reader_next(reader, &item) == NA_READER_EVENT) {
		assert_int_equal(item.event.type, NA_EVENT_CONNECT_FAILED);
		assert_int_equal(item.sequence % 3, 2);
		count++;
	}
	assert_int_equal(count, 7); /* 2, 5, … 20 */
	na_reader_set_wanted(reader, NULL, NULL);
	assert_int_equal(na_reader_seek_first(reader), 0);
	expect_events(1, 30);
}

/* From every position of every event, the rest comes; also from between two. */
static void seeking_a_position_decodes_what_is_needed(void **state)
{
	uint64_t positions[3], at[30], next[30];

	(void)state;
	make_segments(3, positions);
	open_files();
	for (size_t i = 0; i < 30; i++) {
		assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
		at[i] = item.position;
		next[i] = item.next;
	}
	for (size_t i = 0; i < 30; i++) {
		assert_int_equal(na_reader_seek_position(reader, at[i]), 0);
		assert_int_equal(na_reader_position(reader), at[i]);
		expect_events(i + 1, 30);
		expect_end();
		assert_int_equal(na_reader_seek_position(reader, next[i]), 0);
		if (i < 29)
			expect_events(i + 2, i + 2);
		else
			expect_end();
	}
	assert_int_equal(na_reader_seek_position(reader, at[4] + 8), 0);
	expect_events(6, 6);
	assert_int_equal(na_reader_seek_position(reader, positions[1]), 0);
	expect_events(11, 11);
}

static void a_position_that_is_gone_is_a_gap(void **state)
{
	uint64_t positions[3];

	(void)state;
	make_segments(3, positions);
	remove_segment(positions[0]);
	open_files();
	expect_events(11, 12); /* the oldest that is there: no gap */
	assert_int_equal(na_reader_seek_position(reader, 40), 0);
	expect_gap(0, 10, "goes on at");
	expect_events(11, 30);
	expect_end();
}

/* A cursor that is ahead, as after a crash of the machine: nothing new is passed over. */
static void a_position_beyond_the_end_waits(void **state)
{
	uint64_t positions[2];

	(void)state;
	make_segments(2, positions);
	open_files();
	assert_int_equal(na_reader_seek_position(reader, 1000000), 0);
	expect_end();
	made.epoch++;
	made.position = 2000000;
	na_buffer_clear(&made.segment);
	made_segment(&made, 5);
	expect_events(21, 25); /* the writer tells what the crash cost */
	expect_end();
}

static void the_end_is_behind_the_newest(void **state)
{
	uint64_t positions[2];

	(void)state;
	make_segments(2, positions);
	open_files();
	assert_int_equal(na_reader_seek_end(reader), 0);
	expect_end();
	assert_int_equal(na_reader_position(reader), made.position + made.segment.length);
	made_segment(&made, 4);
	expect_events(21, 24);
	expect_end();
	/* In the middle of one that grows, cut in the middle of a frame. */
	made_begin(&made);
	made_events(&made, 5);
	made_write(&made);
	{
		uint64_t cut = event_offset(made.position, 4) + 24;
		char path[128];

		made_path(&made, made.position, path);
		assert_int_equal(truncate(path, (off_t)cut), 0);
	}
	assert_int_equal(na_reader_seek_end(reader), 0);
	expect_end();
	made_events(&made, 2);
	made_write(&made);
	expect_events(29, 31);
	expect_end();
}

static void seeking_a_time_begins_in_its_segment(void **state)
{
	uint64_t positions[4];

	(void)state;
	make_segments(2, positions);
	made_begin(&made); /* a crash left it without an end */
	made_events(&made, 10);
	made_write(&made);
	make_segments(2, positions + 2);
	open_files();
	for (uint64_t second = 1; second <= 50; second++) {
		assert_int_equal(na_reader_seek_time(reader, MADE_WALL_NS + second * NA_NS_PER_SEC),
				 0);
		assert_int_equal(na_reader_next(reader, &item), NA_READER_EVENT);
		assert_int_equal(item.sequence, (second - 1) / 10 * 10 + 1);
	}
	assert_int_equal(na_reader_seek_time(reader, 0), 0);
	expect_events(1, 50);
	assert_int_equal(na_reader_seek_time(reader, UINT64_MAX), 0);
	expect_events(41, 50);
}

static void missing_segments_are_a_gap(void **state)
{
	uint64_t positions[6];

	(void)state;
	make_segments(6, positions);
	remove_segment(positions[1]);
	remove_segment(positions[3]);
	remove_segment(positions[4]);
	open_files();
	expect_events(1, 10);
	expect_gap(11, 20, name_of(positions[2]));
	expect_events(21, 30);
	expect_gap(31, 50, name_of(positions[5]));
	expect_events(51, 60);
	expect_end();
}

/* Wherever a byte is wrong: what is missing is named exactly, and everything else comes. */
static void every_flipped_byte_is_survived(void **state)
{
	uint64_t positions[3], size;

	(void)state;
	make_segments(3, positions);
	size = made_size(&made, positions[1]);
	for (uint64_t offset = 0; offset < size; offset++) {
		uint64_t expected = 1, gaps = 0;
		int step;

		made_flip(&made, positions[1], offset);
		open_files();
		while ((step = na_reader_next(reader, &item)) > 0) {
			if (step == NA_READER_EVENT) {
				assert_int_equal(item.sequence, expected);
				assert_int_equal(item.event.f_PROCESS_PID,
						 1000 + item.sequence % 3);
				expected++;
				continue;
			}
			gaps++;
			assert_non_null(strstr(item.gap.reason, made.folder));
			if (!item.gap.first_sequence)
				continue;
			assert_int_equal(item.gap.first_sequence, expected);
			assert_true(item.gap.last_sequence >= expected);
			assert_true(item.gap.last_sequence <= 20);
			expected = item.gap.last_sequence + 1;
		}
		assert_int_equal(step, NA_READER_END);
		assert_int_equal(expected, 31);
		/* The seal and names of what this segment's events do not use may go unnoticed. */
		if (offset >= event_offset(positions[0], 0) && offset < size - 40)
			assert_true(gaps > 0);
		made_flip(&made, positions[1], offset);
	}
}

static void a_damaged_event_costs_itself_alone(void **state)
{
	uint64_t positions[3], offset;
	char reason[64];

	(void)state;
	make_segments(3, positions);
	offset = event_offset(positions[1], 6);
	made_flip(&made, positions[1], offset + 20);
	open_files();
	expect_events(1, 16);
	snprintf(reason, sizeof(reason), "%s: damaged from offset %" PRIu64, name_of(positions[1]),
		 offset);
	expect_gap(17, 17, reason);
	expect_events(18, 30);
	expect_end();
}

static void a_damaged_head_costs_the_segment(void **state)
{
	uint64_t positions[3];

	(void)state;
	make_segments(3, positions);
	made_flip(&made, positions[1], 60);
	open_files();
	expect_events(1, 10);
	expect_gap(11, 20, "damaged at offset 0");
	expect_events(21, 30);
	expect_end();
}

static void a_cut_segment_is_a_gap(void **state)
{
	uint64_t positions[3];
	char path[128];

	(void)state;
	make_segments(3, positions);
	made_path(&made, positions[1], path);
	assert_int_equal(truncate(path, (off_t)event_offset(positions[1], 7) + 30), 0);
	open_files();
	expect_events(1, 17);
	expect_gap(18, 20, "cut off at offset");
	expect_events(21, 30);
	assert_int_equal(truncate(path, (off_t)event_offset(positions[1], 4)), 0);
	open_files();
	expect_events(1, 14);
	expect_gap(15, 20, "the stream ends at position");
	expect_events(21, 30);
	assert_int_equal(truncate(path, 0), 0);
	open_files();
	expect_events(1, 10);
	expect_gap(11, 20, "the stream ends at position");
	expect_events(21, 30);
	expect_end();
}

/* What a crash of the machine cut off is told by the next writer: not twice. */
static void a_crash_is_told_by_the_writer(void **state)
{
	(void)state;
	made_begin(&made);
	made_events(&made, 10);
	made_write(&made);
	{
		char path[128];

		made_path(&made, made.position, path);
		assert_int_equal(truncate(path, (off_t)event_offset(made.position, 8) + 16), 0);
	}
	made.epoch++;
	made.sequence = 1000; /* behind the reserved block */
	made.position += 100000;
	made_segment(&made, 3);
	open_files();
	expect_events(1, 8);
	expect_events(1000, 1002);
	expect_end();
	/* But not when an epoch is missing as well. */
	made.epoch += 2;
	made.position += 100000;
	made.sequence = 2000;
	made_segment(&made, 3);
	expect_gap(1003, 1999, "the stream ends");
	expect_events(2000, 2002);
}

static void foreign_files_are_named_once(void **state)
{
	char path[128];
	NA_CLOSE int fd = -1;

	(void)state;
	made_segment(&made, 10);
	made_path(&made, made.position + made.segment.length + 8, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, path, sizeof(path)), sizeof(path));
	made_path(&made, 1 << 30, path);
	assert_int_equal(symlink("/dev/zero", path), 0);
	made_path(&made, UINT64_C(1) << 40, path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/notes.segment", made.folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	open_files();
	expect_events(1, 10);
	expect_gap(0, 0, "not a segment of netaudit");
	expect_end();
	expect_end();
	made_segment(&made, 10);
	expect_events(11, 20);
	expect_end();
	made_path(&made, UINT64_C(1) << 40, path);
	assert_int_equal(rmdir(path), 0);
}

static void put_crc(uint64_t position, uint32_t layout)
{
	NA_FREE char *bytes = NULL;
	NA_CLOSE int fd = -1;
	struct na_frame_head *head;
	char path[128];

	made_path(&made, position, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	bytes = malloc(4096);
	assert_true(pread(fd, bytes, 4096, 0) > 0);
	head = (struct na_frame_head *)bytes;
	head->layout = layout;
	head->frame.crc = na_crc32c(0, bytes + 4, head->frame.size - 4);
	assert_int_equal(pwrite(fd, bytes, head->frame.size, 0), head->frame.size);
}

static void a_newer_layout_is_named(void **state)
{
	uint64_t positions[3];

	(void)state;
	make_segments(3, positions);
	put_crc(positions[1], 7);
	open_files();
	expect_events(1, 10);
	expect_gap(11, 20, "layout 7 is newer than 1");
	expect_events(21, 30);
	expect_end();
}

static void a_copy_under_another_name_is_refused(void **state)
{
	uint64_t positions[2];
	char from[128], to[128];

	(void)state;
	make_segments(2, positions);
	made_path(&made, positions[1], from);
	made_path(&made, 1 << 20, to);
	assert_int_equal(link(from, to), 0);
	open_files();
	expect_events(1, 20);
	expect_gap(0, 0, "its head says that it is");
	expect_end();
}

/* The first wins: the second's stretch is read from where the first ends. */
static void overlapping_segments_are_read_once(void **state)
{
	uint64_t positions[2], middle;
	char path[128];
	NA_CLOSE int fd = -1;

	(void)state;
	make_segments(1, positions);
	middle = event_offset(positions[0], 5);
	/* A second one that begins in the first's middle, and goes on behind its end. */
	made.sequence = 6;
	made.position = middle;
	na_buffer_clear(&made.segment);
	made_segment(&made, 30);
	made_path(&made, positions[0], path);
	assert_int_equal(truncate(path, (off_t)event_offset(positions[0], 9)), 0); /* no seal */
	open_files();
	expect_events(1, 9);
	while (na_reader_next(reader, &item) == NA_READER_EVENT)
		assert_true(item.sequence >= 6 && item.sequence <= 35);
	assert_int_equal(item.sequence, 35);
}

static void a_cloned_machine_goes_on(void **state)
{
	uint64_t positions[2];

	(void)state;
	make_segments(2, positions);
	memset(made.journal, 9, sizeof(made.journal));
	made.epoch = 1;
	made.sequence = 1;
	made_segment(&made, 5);
	open_files();
	expect_events(1, 20);
	expect_events(1, 5);
	assert_int_equal(item.journal[0], 9);
	expect_end();
}

static void deleted_files_are_read_to_their_end(void **state)
{
	uint64_t positions[4];

	(void)state;
	make_segments(4, positions);
	open_files();
	expect_events(1, 3);
	for (size_t i = 0; i < 3; i++)
		remove_segment(positions[i]);
	expect_events(4, 10);
	expect_gap(11, 30, name_of(positions[3]));
	expect_events(31, 40);
	expect_end();
}

static void the_tail_continues_the_files(void **state)
{
	(void)state;
	made_tail(&made, 1 << 20);
	made_begin(&made);
	made_events(&made, 10);
	made_show(&made);
	open_all();
	expect_events(1, 10); /* nothing is on the disk */
	expect_end();
	assert_int_equal(na_reader_last_sequence(reader), 10);
	made_write(&made);
	made_events(&made, 5);
	made_show(&made);
	open_all();
	expect_events(1, 15);
	expect_end();
	assert_int_equal(na_reader_seek_end(reader), 0);
	expect_end();
	made_events(&made, 5);
	made_show(&made);
	expect_events(16, 20);
	assert_int_equal(na_reader_seek_position(reader, item.position), 0);
	expect_events(20, 20);
	made_seal(&made);
	made_show(&made);
	made_write(&made);
	made_begin(&made);
	made_events(&made, 5);
	made_show(&made);
	expect_events(21, 25);
	expect_end();
}

/* The ring went on while the reader slept: files have it; and when they have not, it is a gap. */
static void what_the_tail_forgot_is_in_files(void **state)
{
	(void)state;
	made_tail(&made, 4 * NA_TAIL_PAGE);
	made_begin(&made);
	made_events(&made, 10);
	made_show(&made);
	open_all();
	expect_events(1, 5);
	made_events(&made, 1000);
	made_write(&made);
	made_show(&made);
	expect_events(6, 1010);
	expect_end();
	made_events(&made, 1000);
	made_show(&made); /* never written */
	assert_int_equal(na_reader_next(reader, &item), NA_READER_GAP);
	assert_int_equal(item.gap.first_sequence, 1011);
	expect_end();
	made_begin(&made);
	made_events(&made, 10);
	made_show(&made);
	expect_events(2011, 2020);
	expect_end();
}

/* A file is damaged that the tail still holds: nothing is missing. */
static void the_tail_mends_a_file(void **state)
{
	(void)state;
	made_tail(&made, 1 << 20);
	made_segment(&made, 10);
	made_show(&made);
	made_flip(&made, made.position, event_offset(made.position, 4) + 20);
	open_all();
	expect_events(1, 10);
	expect_end();
}

static void another_tail_is_noticed(void **state)
{
	(void)state;
	made_segment(&made, 5);
	open_all();
	expect_events(1, 5);
	expect_end();
	made_tail(&made, 1 << 16);
	made_begin(&made);
	made_events(&made, 5);
	made_show(&made);
	for (int i = 0; i < 8 && na_reader_next(reader, &item) == NA_READER_END; i++)
		na_reader_wait(reader, NA_NS_PER_SEC / 10);
	assert_int_equal(item.sequence, 6);
	expect_events(7, 10);
	expect_end();
	made_write(&made); /* a new one behind it, as after a restart with another size */
	made_tail(&made, 1 << 17);
	made_begin(&made);
	made_events(&made, 5);
	made_show(&made);
	for (int i = 0; i < 8 && na_reader_next(reader, &item) == NA_READER_END; i++)
		na_reader_wait(reader, NA_NS_PER_SEC / 10);
	assert_int_equal(item.sequence, 11);
	expect_events(12, 15);
}

static void another_journal_is_noticed(void **state)
{
	uint64_t positions[3];

	(void)state;
	for (int with_tail = 0; with_tail < 2; with_tail++) {
		made.epoch = made.sequence = 1;
		made.position = 0;
		na_buffer_clear(&made.segment);
		make_segments(3, positions);
		if (with_tail)
			made_tail(&made, 1 << 16);
		open_all();
		expect_events(1, 30);
		expect_end();
		for (size_t i = 0; i < 3; i++)
			remove_segment(positions[i]);
		made.journal[3]++;
		made.sequence = 1;
		made.position = 0;
		na_buffer_clear(&made.segment);
		if (with_tail)
			made_tail(&made, 1 << 16);
		made_begin(&made);
		made_events(&made, 4);
		if (with_tail)
			made_show(&made);
		else
			made_write(&made);
		for (int i = 0; i < 8 && na_reader_next(reader, &item) == NA_READER_END; i++)
			na_reader_wait(reader, NA_NS_PER_SEC / 10);
		assert_int_equal(item.sequence, 1);
		expect_events(2, 4);
		expect_end();
		if (!with_tail)
			remove_segment(0);
	}
}

/* A folder that has not changed for a while is not read again; another in its place is. */
static void another_folder_is_noticed(void **state)
{
	char aside[80];

	(void)state;
	clock_ahead_ns = 2 * NA_NS_PER_SEC;
	snprintf(aside, sizeof(aside), "%s.aside", made.folder);
	made_segment(&made, 30);
	open_files();
	expect_events(1, 30);
	expect_end();
	for (int i = 0; i < 2; i++) {
		na_reader_wait(reader, NA_NS_PER_SEC / 2);
		expect_end();
	}
	assert_int_equal(rename(made.folder, aside), 0);
	assert_int_equal(mkdir(made.folder, 0700), 0);
	made.journal[3]++;
	made.sequence = 1;
	made.position = 0;
	na_buffer_clear(&made.segment);
	made_segment(&made, 4);
	for (int i = 0; i < 8 && na_reader_next(reader, &item) == NA_READER_END; i++)
		na_reader_wait(reader, NA_NS_PER_SEC / 10);
	assert_int_equal(item.sequence, 1);
	expect_events(2, 4);
	clock_ahead_ns = 0;
	remove_segment(0);
	assert_int_equal(rmdir(made.folder), 0);
	assert_int_equal(rename(aside, made.folder), 0);
}

static void without_memory_nothing_breaks(void **state)
{
	uint64_t positions[3];
	bool failed = true;

	(void)state;
	make_segments(3, positions);
	for (size_t n = 1; failed; n++) {
		NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
		const struct na_reader_options options = {.path = made.folder};
		int step, error;
		uint64_t last = 0;

		na_reader_close(&reader);
		na_failing_alloc_arm(n);
		error = na_reader_open(&options, &reader, &why);
		if (error) {
			assert_int_equal(error, -ENOMEM);
			assert_true(na_failing_alloc_disarm());
			continue;
		}
		while ((step = na_reader_next(reader, &item)) != NA_READER_END) {
			if (step == -ENOMEM)
				continue; /* it may be tried again */
			assert_int_equal(step, NA_READER_EVENT);
			assert_int_equal(item.sequence, last + 1);
			last++;
		}
		failed = na_failing_alloc_disarm();
		assert_int_equal(last, 30);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_no_mistake),
		TEST(events_come_in_order_with_their_ids),
		TEST(unwanted_events_are_passed_over),
		TEST(seeking_a_position_decodes_what_is_needed),
		TEST(a_position_that_is_gone_is_a_gap),
		TEST(a_position_beyond_the_end_waits),
		TEST(the_end_is_behind_the_newest),
		TEST(seeking_a_time_begins_in_its_segment),
		TEST(missing_segments_are_a_gap),
		TEST(every_flipped_byte_is_survived),
		TEST(a_damaged_event_costs_itself_alone),
		TEST(a_damaged_head_costs_the_segment),
		TEST(a_cut_segment_is_a_gap),
		TEST(a_crash_is_told_by_the_writer),
		TEST(foreign_files_are_named_once),
		TEST(a_newer_layout_is_named),
		TEST(a_copy_under_another_name_is_refused),
		TEST(overlapping_segments_are_read_once),
		TEST(a_cloned_machine_goes_on),
		TEST(deleted_files_are_read_to_their_end),
		TEST(the_tail_continues_the_files),
		TEST(what_the_tail_forgot_is_in_files),
		TEST(the_tail_mends_a_file),
		TEST(another_tail_is_noticed),
		TEST(another_journal_is_noticed),
		TEST(another_folder_is_noticed),
		TEST(without_memory_nothing_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
