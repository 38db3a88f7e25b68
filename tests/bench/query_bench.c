/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a journal is searched: events a second of a filter that matches little, beside memcpy
 * and CRC-32C of the same bytes. "make bench", or alone: query_bench [EVENTS].
 *
 * The journal has connections of 200 programs to 1000 peers in segments of 16 MiB, in a folder of
 * its own in /tmp: what is measured is what comes out of the page cache.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "config/filter.h"
#include "journal/encoder.h"
#include "journal/reader.h"

#define EVENTS UINT64_C(4000000)
#define SEGMENT_BYTES (16u << 20)
#define ROUNDS 5

struct journal {
	char folder[64];
	struct na_encoder *encoder;
	struct na_buffer segment;
	uint64_t position, events, bytes;
};

static void begin(struct journal *journal)
{
	struct na_frame_head head = {.layout = NA_JOURNAL_LAYOUT,
				     .epoch = 1,
				     .position = journal->position,
				     .first_sequence = journal->events + 1};

	na_buffer_clear(&journal->segment);
	assert(na_encoder_begin(journal->encoder, &head, NULL, &journal->segment) == 0);
}

static void end(struct journal *journal)
{
	char path[128];
	NA_CLOSE int fd = -1;

	assert(na_encoder_seal(journal->encoder, &journal->segment) == 0);
	snprintf(path, sizeof(path), "%s/%016" PRIx64 ".segment", journal->folder,
		 journal->position);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, journal->segment.data, journal->segment.length) ==
				  (ssize_t)journal->segment.length);
	journal->position += journal->segment.length;
	journal->bytes += journal->segment.length;
}

/* One denied in a thousand, the rest in turn what a connection has. */
static enum na_event_type type_of(uint64_t number)
{
	static const enum na_event_type types[] = {NA_EVENT_CONNECT_ATTEMPTED, NA_EVENT_ESTABLISHED,
						   NA_EVENT_CLOSED};

	return number % 1000 == 999 ? NA_EVENT_DENIED : types[number % 3];
}

static void append(struct journal *journal, uint64_t number)
{
	struct na_event event;
	char program[32], entity[32], connection[64];

	na_event_init(&event, type_of(number), number * 1000);
	snprintf(program, sizeof(program), "/usr/bin/program-%03" PRIu64, number / 7 % 200);
	snprintf(entity, sizeof(entity), "entity-%013" PRIu64, number / 7 % 200);
	snprintf(connection, sizeof(connection),
		 "0c1f0f6e-7d5b-4d0a-9f4e-2b6a2f0d9a11-%" PRIx64 "-1", number / 3);
	NA_SET(&event, TIMESTAMP, number * 1000);
	NA_SET(&event, EVENT_SEQUENCE, (int64_t)number + 1);
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, program);
	NA_SET_TEXT(&event, PROCESS_NAME, program + 9);
	NA_SET_TEXT(&event, PROCESS_ENTITY_ID, entity);
	NA_SET(&event, PROCESS_PID, (int64_t)(number / 7 % 200));
	NA_SET_TEXT(&event, USER_ID, "1000");
	NA_SET_TEXT(&event, NETWORK_TRANSPORT, "tcp");
	NA_SET_TEXT(&event, NA_CONNECTION_ID, connection);
	NA_SET(&event, NA_SOCKET_COOKIE, number / 3);
	NA_SET(&event, NA_SOCKET_INODE, number / 3 + 100000);
	NA_SET(&event, SOURCE_PORT, (int64_t)(32768 + number % 28000));
	NA_SET(&event, SOURCE_IP,
	       ((struct na_address){{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}}));
	NA_SET(&event, DESTINATION_PORT, 443);
	NA_SET(&event, DESTINATION_IP,
	       ((struct na_address){{[10] = 0xff,
				     [11] = 0xff,
				     [12] = 10,
				     [13] = 1,
				     [14] = (uint8_t)(number % 1000 / 256),
				     [15] = (uint8_t)(number % 1000)}}));
	assert(na_encoder_event(journal->encoder, &event, &journal->segment) == 0);
}

static void make(struct journal *journal, uint64_t events)
{
	snprintf(journal->folder, sizeof(journal->folder), "/tmp/query_bench.XXXXXX");
	assert(mkdtemp(journal->folder));
	journal->encoder = na_encoder_new();
	begin(journal);
	for (; journal->events < events; journal->events++) {
		if (journal->segment.length > SEGMENT_BYTES) {
			end(journal);
			begin(journal);
		}
		append(journal, journal->events);
	}
	end(journal);
	na_encoder_free(journal->encoder);
}

static void clean(struct journal *journal)
{
	DIR *folder = opendir(journal->folder);
	struct dirent *entry;

	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	rmdir(journal->folder);
	na_buffer_done(&journal->segment);
}

static bool only_denied(void *context, enum na_event_type type, const struct na_frame_event *event)
{
	(void)context;
	(void)event;
	return type == NA_EVENT_DENIED;
}

/* Seconds; what matched is counted. */
static double search(const struct journal *journal, na_reader_wanted *wanted, const char *text,
		     uint64_t *ret_found)
{
	const struct na_reader_options options = {.path = journal->folder};
	uint64_t start_ns = na_clock_boot_ns(), found = 0, last = 0;
	static struct na_reader_item item;
	struct na_buffer why = {0};
	struct na_reader *reader;
	struct na_filter *filter;
	int step;

	assert(na_filter_parse(text, &filter, &why) == 0);
	assert(na_reader_open(&options, &reader, &why) == 0);
	na_reader_set_wanted(reader, wanted, NULL);
	while ((step = na_reader_next(reader, &item)) == NA_READER_EVENT) {
		found += na_filter_match(filter, &item.event);
		last = item.sequence;
	}
	assert(step == NA_READER_END && last > 0);
	assert(na_reader_position(reader) == journal->position);
	na_reader_close(&reader);
	na_filter_free(filter);
	*ret_found = found;
	return (double)(na_clock_boot_ns() - start_ns) / (double)NA_NS_PER_SEC;
}

/* Seconds to copy and check as many bytes as the journal has, from memory. */
static double copy(const struct journal *journal)
{
	size_t length = journal->segment.length;
	uint64_t start_ns, done = 0;
	char *to = malloc(length);
	uint32_t crc = 0;

	assert(to);
	memcpy(to, journal->segment.data, length); /* its pages are there */
	start_ns = na_clock_boot_ns();
	for (; done < journal->bytes; done += length) {
		memcpy(to, journal->segment.data, length);
		crc = na_crc32c(crc, to, length);
	}
	__asm__ volatile("" : : "r"(crc));
	free(to);
	return (double)(na_clock_boot_ns() - start_ns) / (double)NA_NS_PER_SEC *
	       (double)journal->bytes / (double)done;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_row(const struct journal *journal, const char *filter, na_reader_wanted *wanted)
{
	double searched[ROUNDS], copied[ROUNDS];
	uint64_t found = 0;

	for (int i = 0; i < ROUNDS; i++) {
		searched[i] = search(journal, wanted, filter, &found);
		copied[i] = copy(journal);
	}
	qsort(searched, ROUNDS, sizeof(*searched), compare);
	qsort(copied, ROUNDS, sizeof(*copied), compare);
	printf("| %-28s | %7" PRIu64 " | %6.2f | %6.0f | %.2f |\n", filter, found,
	       (double)journal->events / searched[ROUNDS / 2] / 1e6,
	       (double)journal->bytes / searched[ROUNDS / 2] / 1e6,
	       copied[ROUNDS / 2] / searched[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
	static struct journal journal;

	make(&journal, argc > 1 ? strtoull(argv[1], NULL, 10) : EVENTS);
	printf("%" PRIu64 " events, %.1f bytes each\n\n", journal.events,
	       (double)journal.bytes / (double)journal.events);
	puts("| filter | found | million events/s | MB/s | of memcpy + CRC-32C |");
	puts("|---|---|---|---|---|");
	print_row(&journal, "event=denied", only_denied);
	print_row(&journal, "exe=/usr/bin/program-007", NULL);
	print_row(&journal, "destination=10.1.3.0/28", NULL);
	clean(&journal);
	return EXIT_SUCCESS;
}
