/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's writer and its reader, at the same time. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "journal/journal.h"
#include "journal/reader.h"

#define EVENTS 20000
#define MINUTE_NS (60 * NA_NS_PER_SEC)

static char folder[] = "/tmp/pair_test.XXXXXX", path[64], tail[64];

static struct na_journal *open_journal(void)
{
	const struct na_journal_options options = {.path = path,
						   .tail = tail,
						   .group = -1,
						   .max_size = 64 << 20,
						   .tail_size = 4 << 20,
						   .segment_size = 64 << 10,
						   .sync = NA_JOURNAL_SYNC_NONE,
						   .boot = {1}};
	struct na_journal *journal = NULL;
	struct na_buffer why = {0};

	if (na_journal_open(&options, &journal, &why) < 0)
		fail_msg("%.*s", (int)why.length, why.data);
	return journal;
}

static void append(struct na_journal *journal, uint64_t count)
{
	struct na_event event;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t sequence = na_journal_next_sequence(journal);

		na_event_init(&event, NA_EVENT_ESTABLISHED, i);
		NA_SET(&event, TIMESTAMP, 1 + i);
		NA_SET(&event, EVENT_SEQUENCE, (int64_t)sequence);
		NA_SET(&event, PROCESS_PID, (int64_t)(sequence % 100));
		NA_SET_TEXT(&event, PROCESS_NAME, "curl");
		assert_int_equal(na_journal_append(journal, &event), 0);
	}
}

static void *write_on(void *unused)
{
	for (int i = 0; i < 4; i++) {
		struct na_journal *journal = open_journal();

		append(journal, EVENTS / 4);
		na_journal_close(&journal, na_clock_boot_ns() + MINUTE_NS);
	}
	return unused;
}

static struct na_reader *open_reader(void)
{
	const struct na_reader_options options = {.path = path, .tail = tail};
	struct na_reader *reader = NULL;
	struct na_buffer why = {0};

	if (na_reader_open(&options, &reader, &why) < 0)
		fail_msg("%.*s", (int)why.length, why.data);
	return reader;
}

/* Events from `expected` on, each once and in order, while they come. */
static void follow(struct na_reader *reader, uint64_t expected, uint64_t last)
{
	uint64_t deadline_ns = na_clock_boot_ns() + MINUTE_NS;
	static struct na_reader_item item;

	while (expected <= last) {
		int step = na_reader_next(reader, &item);

		if (step == NA_READER_END) {
			assert_true(na_clock_boot_ns() < deadline_ns);
			na_reader_wait(reader, NA_NS_PER_SEC);
			continue;
		}
		if (step == NA_READER_GAP)
			fail_msg("%s", item.gap.reason);
		assert_int_equal(step, NA_READER_EVENT);
		assert_int_equal(item.sequence, expected);
		assert_int_equal(item.event.f_PROCESS_PID, expected % 100);
		expected++;
	}
}

static void what_is_written_is_read(void **state)
{
	struct na_journal *journal = open_journal();
	struct na_reader *reader = open_reader();
	pthread_t writer;

	(void)state;
	na_journal_close(&journal, na_clock_boot_ns() + MINUTE_NS);
	assert_int_equal(pthread_create(&writer, NULL, write_on, NULL), 0);
	follow(reader, 1, EVENTS);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(na_reader_last_sequence(reader), EVENTS);
	na_reader_close(&reader);
	reader = open_reader(); /* and all of it again, from what is on the disk */
	follow(reader, 1, EVENTS);
	na_reader_close(&reader);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/journal", folder);
	snprintf(tail, sizeof(tail), "%s/tail", folder);
	return 0;
}

static int teardown(void **state)
{
	DIR *opened = opendir(path);
	struct dirent *entry;

	(void)state;
	while ((entry = readdir(opened)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(opened), entry->d_name, 0);
	closedir(opened);
	rmdir(path);
	unlink(tail);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
