/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a journal as capture does, at command: feed FOLDER TAIL [BYTES]. Each line of its input is
 * a count, and may have a size behind it; so many events of connections are appended, with command
 * lines of that many bytes, and when they are in segments the number of the last is printed. Ends
 * at the end of its input. BYTES: what the journal keeps, in segments that are small beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "journal/journal.h"
#include "traffic.h"

#define SYNC_NS (60 * NA_NS_PER_SEC)
#define LINE_BYTES_MAX 64
#define COMMAND_BYTES_MAX 200000
#define SMALL_SEGMENT_BYTES (128u << 10)

static void die(const char *what)
{
	fprintf(stderr, "feed: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct na_journal *open_journal(char **paths)
{
	struct na_event constants = {0};
	struct na_journal_options options = {
		.path = paths[0],
		.tail = paths[1],
		.group = -1,
		.max_size = paths[2] ? strtoull(paths[2], NULL, 10) : UINT64_C(4) << 30,
		.tail_size = 16u << 20,
		.segment_size = paths[2] ? SMALL_SEGMENT_BYTES : 1u << 20,
		.sync = NA_JOURNAL_SYNC_NONE,
		.constants = &constants,
	};
	struct na_buffer why = {0};
	struct na_journal *journal;

	NA_SET_TEXT(&constants, HOST_HOSTNAME, "web-1");
	NA_SET_TEXT(&constants, HOST_NAME, "web-1");
	NA_SET_TEXT(&constants, AGENT_TYPE, "netaudit");
	NA_SET_TEXT(&constants, AGENT_VERSION, NA_VERSION);
	NA_SET_TEXT(&constants, ECS_VERSION, "8.17.0");
	if (na_journal_open(&options, &journal, &why) < 0) {
		na_buffer_append_char(&why, '\0');
		die(why.data);
	}
	return journal;
}

/* Unlike capture it awaits the writer where the tail is about to be full: it loses nothing. */
static void append(struct na_journal *journal, struct na_traffic *traffic, unsigned long count,
		   struct na_text command)
{
	static const enum na_event_type types[] = {NA_EVENT_ESTABLISHED, NA_EVENT_CLOSED,
						   NA_EVENT_CONNECT_FAILED, NA_EVENT_ACCEPTED};

	for (unsigned long i = 0; i < count; i++) {
		uint64_t sequence = na_journal_next_sequence(journal);
		struct na_event *event =
			(struct na_event *)na_traffic_next(traffic, types[sequence % 4]);

		NA_SET(event, EVENT_SEQUENCE, (int64_t)sequence);
		NA_SET(event, TIMESTAMP, na_clock_wall_ns());
		if (command.length)
			NA_SET(event, PROCESS_COMMAND_LINE, command);
		if (na_journal_append(journal, event) < 0)
			die("no memory");
		if (i % 10000 == 9999 || i == count - 1)
			if (na_journal_sync(journal, na_clock_boot_ns() + SYNC_NS) < 0)
				die("the writer does not keep up");
	}
}

/* What a line asks for. */
static void heed(struct na_journal *journal, const char *line)
{
	static struct na_traffic traffic;
	static char command[COMMAND_BYTES_MAX];
	char *end;
	unsigned long count = strtoul(line, &end, 10), size = strtoul(end, NULL, 10);

	if (size > sizeof(command))
		die("a command line that is too long");
	memset(command, 'x', size);
	append(journal, &traffic, count, (struct na_text){command, size});
}

int main(int argc, char **argv)
{
	struct na_journal_status status;
	struct na_journal *journal;
	char line[LINE_BYTES_MAX];

	if (argc < 3 || argc > 4)
		die("usage: feed FOLDER TAIL [BYTES]");
	journal = open_journal(argv + 1);
	while (fgets(line, sizeof(line), stdin)) {
		heed(journal, line);
		na_journal_status(journal, &status);
		if (status.events_lost)
			die("events were lost");
		printf("%llu\n", (unsigned long long)na_journal_next_sequence(journal) - 1);
		fflush(stdout);
	}
	na_journal_close(&journal, na_clock_boot_ns() + SYNC_NS);
	return EXIT_SUCCESS;
}
