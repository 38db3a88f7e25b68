/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's writer side: events a second through append and segments, the way from tail to
 * segments next to memcpy and CRC-32C of the same bytes, and a start with 2 GiB of segments.
 * journal_bench [FOLDER]: where the journal is made. Not in tmpfs: allocating pages is three fifths
 * of a write there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "journal/append.h"
#include "journal/recover.h"

#define EVENTS 400000
#define ROUNDS 7
#define BATCH 100000 /* fits into the tail */
#define FULL_BYTES (UINT64_C(2) << 30)
#define SEGMENT_BYTES (UINT64_C(16) << 20)

static char folder[256], tail[256];
static struct na_journal_options options = {
	.group = -1,
	.max_size = UINT64_MAX,
	.tail_size = 64u << 20,
	.segment_size = SEGMENT_BYTES,
	.sequence_block = 1u << 20,
	.sync = NA_JOURNAL_SYNC_NONE,
};

static void die(const char *what)
{
	fprintf(stderr, "journal_bench: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct na_journal *open_journal(void)
{
	struct na_buffer why = {0};
	struct na_journal *journal;

	if (na_journal_open(&options, &journal, &why) < 0) {
		na_buffer_append_char(&why, '\0');
		die(why.data);
	}
	return journal;
}

static void remove_journal(void)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	unlink(tail);
	rmdir(folder);
}

/* An established connection, of one of a few processes. */
static struct na_event established(uint64_t sequence, uint64_t n)
{
	static const char *const names[] = {"/usr/bin/curl", "/usr/sbin/nginx",
					    "/usr/bin/postgres"};
	const char *name = names[n % 3];
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, n);
	NA_SET(&event, EVENT_SEQUENCE, (int64_t)sequence);
	NA_SET(&event, TIMESTAMP, UINT64_C(1795525507123456789) + n * 1000);
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, name);
	NA_SET(&event, PROCESS_PID, (int64_t)(n % 3 + 100));
	NA_SET_TEXT(&event, USER_ID, "1000");
	NA_SET_TEXT(&event, NETWORK_TRANSPORT, "tcp");
	NA_SET(&event, SOURCE_IP,
	       ((struct na_address){{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}}));
	NA_SET(&event, SOURCE_PORT, (int64_t)(n % 65536));
	NA_SET(&event, DESTINATION_IP,
	       ((struct na_address){{0x20, 0x01, 0x0d, 0xb8, [7] = 0x3f, [15] = (uint8_t)n}}));
	NA_SET(&event, DESTINATION_PORT, 443);
	NA_SET(&event, NA_SOCKET_COOKIE, n);
	return event;
}

static void append(struct na_journal *journal, uint64_t n)
{
	struct na_event event = established(na_journal_next_sequence(journal), n);

	na_journal_append(journal, &event);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static void wait_for(struct na_journal *journal)
{
	if (na_journal_sync(journal, na_clock_boot_ns() + 60 * NA_NS_PER_SEC) < 0)
		die("the writer does not keep up");
}

static void measure_events(void)
{
	double seconds[ROUNDS];
	struct na_journal_status status;

	for (int round = 0; round < ROUNDS; round++) {
		struct na_journal *journal = open_journal();
		uint64_t start = na_clock_boot_ns();

		for (uint64_t n = 0; n < EVENTS; n++)
			append(journal, n);
		wait_for(journal);
		seconds[round] = (double)(na_clock_boot_ns() - start) / NA_NS_PER_SEC;
		na_journal_status(journal, &status);
		if (status.events_lost)
			die("events were lost");
		na_journal_close(&journal, na_clock_boot_ns() + NA_NS_PER_SEC);
		remove_journal();
	}
	printf("append and write: %.0f events/s (goal 500000), %.1f bytes an event\n",
	       EVENTS / median(seconds), (double)status.bytes / EVENTS);
}

/* The work of this thread: it waits for the disk as well, when it begins a segment. */
static uint64_t processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NA_NS_PER_SEC + (uint64_t)now.tv_nsec;
}

struct ratio {
	double work, time; /* of the processor; with what it waits for */
};

/* The writer's work alone, on frames that are in the tail before it begins. */
static struct ratio write_round(void)
{
	struct na_store store = {.options = options, .folder = -1, .lock = -1, .fd = -1};
	struct na_writer writer = {.store = &store}; /* not started: we do its work */
	struct na_appender appender;
	struct na_buffer why = {0};
	uint64_t start, wall, copy_ns, write_ns, length;
	char *to = malloc(options.tail_size);
	volatile uint32_t crc;

	na_losses_init(&store.losses);
	if (!to || na_recover(&store, &why) < 0 ||
	    na_appender_init(&appender, &store, &writer, NULL) < 0)
		die("cannot be made");
	memset(to, 1, options.tail_size); /* the pages are there */
	for (uint64_t n = 0; n < BATCH; n++) {
		struct na_event event = established(appender.next_sequence, n);

		na_appender_put(&appender, &event);
	}
	length = appender.end;
	start = processor_ns();
	memcpy(to, na_tail_at(&store.tail, 0), length);
	crc = na_crc32c(0, to, length);
	copy_ns = processor_ns() - start;
	(void)crc;
	wall = na_clock_boot_ns();
	start = processor_ns();
	if (na_store_ready(&store) < 0 || na_store_write(&store, length) < 0)
		die("cannot be written");
	write_ns = processor_ns() - start;
	wall = na_clock_boot_ns() - wall;
	munmap(store.tail.head, NA_TAIL_DATA + 2 * store.tail.size);
	close(store.tail.fd);
	na_appender_done(&appender);
	na_store_done(&store);
	free(to);
	remove_journal();
	return (struct ratio){(double)copy_ns / (double)write_ns, (double)copy_ns / (double)wall};
}

static void measure_writer(void)
{
	double work[ROUNDS], time[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		struct ratio ratio = write_round();

		work[round] = ratio.work;
		time[round] = ratio.time;
	}
	printf("tail to segments: %.2f of memcpy and CRC-32C of the same bytes (goal 0.5); %.2f "
	       "with "
	       "what the disk takes to begin a segment\n",
	       median(work), median(time));
}

static void write_file(const char *name, const char *data, size_t length, size_t size)
{
	struct na_buffer path = {0};
	int fd;

	na_buffer_printf(&path, "%s/%s", folder, name);
	na_buffer_append_char(&path, '\0');
	fd = open(path.data, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, data, length) != (ssize_t)length || ftruncate(fd, (off_t)size) < 0)
		die("cannot make a segment");
	close(fd);
	na_buffer_done(&path);
}

/* The first segment, which is real, over and over; all but the last one are sparse behind the head.
 */
static void fill(void)
{
	struct na_buffer path = {0};
	char *data = malloc(SEGMENT_BYTES);
	struct na_frame_head *head = (struct na_frame_head *)data;
	char name[NA_SEGMENT_NAME_SIZE];
	ssize_t length;
	int fd;

	na_buffer_printf(&path, "%s/%016x.segment", folder, 0);
	na_buffer_append_char(&path, '\0');
	fd = open(path.data, O_RDONLY | O_CLOEXEC);
	if (!data || fd < 0 || (length = read(fd, data, SEGMENT_BYTES)) < (ssize_t)sizeof(*head))
		die("no first segment");
	for (uint64_t at = SEGMENT_BYTES; at < FULL_BYTES; at += SEGMENT_BYTES) {
		bool last = at + SEGMENT_BYTES == FULL_BYTES;

		head->position = at;
		head->frame.crc =
			na_crc32c(0, data + sizeof(uint32_t), head->frame.size - sizeof(uint32_t));
		na_segment_name(at, name);
		write_file(name, data, last ? (size_t)length : sizeof(*head),
			   last ? (size_t)length : SEGMENT_BYTES);
	}
	close(fd);
	free(data);
	na_buffer_done(&path);
}

static void measure_start(void)
{
	struct na_journal *journal = open_journal();
	uint64_t start;

	for (uint64_t n = 0; n < BATCH; n++)
		append(journal, n);
	wait_for(journal);
	na_journal_close(&journal, na_clock_boot_ns() + NA_NS_PER_SEC);
	fill();
	unlink(tail); /* as after a crash: the last segment is read, too */
	start = na_clock_boot_ns();
	journal = open_journal();
	printf("start with a journal of 2 GiB: %.1f ms (goal 100)\n",
	       (double)(na_clock_boot_ns() - start) / NA_NS_PER_MS);
	na_journal_close(&journal, na_clock_boot_ns() + NA_NS_PER_SEC);
	remove_journal();
}

/* ------------------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	const char *base = argc > 1 ? argv[1] : "/var/tmp";

	snprintf(folder, sizeof(folder), "%s/netaudit-bench-%d", base, (int)getpid());
	snprintf(tail, sizeof(tail), "/dev/shm/netaudit-bench-%d.tail", (int)getpid());
	options.path = folder;
	options.tail = tail;
	measure_events();
	measure_writer();
	measure_start();
	return EXIT_SUCCESS;
}
