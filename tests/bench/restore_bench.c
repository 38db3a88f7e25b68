/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a start reads the journal for what the agent before knew: MB and events a second, the
 * memory that it takes, and what is open afterwards. "make bench", or alone: restore_bench [MIB].
 *
 * The journal has connections of 200 programs with all their events, of which one in a hundred
 * stays open. It comes out of the page cache.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/encoder.h"
#include "journal/reader.h"
#include "pipeline/counters.h"
#include "pipeline/pipeline.h"

#define MIB (1u << 20)
#define SEGMENT_BYTES (16 * MIB)
#define PROGRAMS 200
#define OPEN_ONE_IN 100

struct maker {
	struct na_sink sink; /* first */
	struct na_pipeline *pipeline;
	struct na_encoder *encoder;
	struct na_buffer segment;
	char folder[64];
	uint64_t position, sequence, now_ns;
};

static struct na_pipeline *new_pipeline(struct na_sink *sink)
{
	struct na_pipeline_options options = {
		.max_processes = 65536,
		.max_sockets = 262144,
		.max_flows = 65536,
		.flow_interval_ns = 60 * NA_NS_PER_SEC,
		.heartbeat_ns = 60 * NA_NS_PER_SEC,
		.boot_number = 1,
		.instance = "instance",
		.sink = sink,
	};
	struct na_pipeline *pipeline = na_pipeline_new(&options);

	assert(pipeline);
	return pipeline;
}

/* ---- the journal ---- */

static void begin(struct maker *maker)
{
	struct na_frame_head head = {.layout = NA_JOURNAL_LAYOUT,
				     .epoch = 1,
				     .position = maker->position,
				     .first_sequence = maker->sequence + 1};

	na_buffer_clear(&maker->segment);
	assert(na_encoder_begin(maker->encoder, &head, NULL, &maker->segment) == 0);
}

static void end(struct maker *maker)
{
	char path[128];
	NA_CLOSE int fd = -1;

	assert(na_encoder_seal(maker->encoder, &maker->segment) == 0);
	snprintf(path, sizeof(path), "%s/%016" PRIx64 ".segment", maker->folder, maker->position);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, maker->segment.data, maker->segment.length) ==
				  (ssize_t)maker->segment.length);
	maker->position += maker->segment.length;
}

static int put(struct na_sink *sink, const struct na_event *event)
{
	struct maker *maker = (struct maker *)sink;

	if (maker->segment.length > SEGMENT_BYTES) {
		end(maker);
		begin(maker);
	}
	maker->sequence++;
	return na_encoder_event(maker->encoder, event, &maker->segment);
}

static struct na_record_header header(struct maker *maker, size_t size, enum na_record_type type,
				      enum na_program program, uint32_t pid)
{
	maker->now_ns += 20 * NA_NS_PER_US;
	return (struct na_record_header){.size = (uint16_t)size,
					 .type = (uint8_t)type,
					 .program = (uint8_t)program,
					 .time_ns = maker->now_ns,
					 .pid = pid,
					 .tid = pid,
					 .start_ns = pid * UINT64_C(1000001)};
}

static void take(struct maker *maker, const void *record)
{
	assert(na_pipeline_record(maker->pipeline, record) == 0);
}

static void address_fill(uint8_t bytes[16], uint64_t number)
{
	memset(bytes, 0, 16);
	bytes[10] = bytes[11] = 0xff;
	bytes[12] = 10;
	bytes[14] = (uint8_t)(number >> 8);
	bytes[15] = (uint8_t)number;
}

#define HEADER(id, member, program, pid)                                                           \
	header(maker, sizeof(struct na_record_##member), NA_RECORD_##id, NA_PROGRAM_##program, pid)
#define SOCKET .cookie = cookie, .inode = cookie + 1000, .family = AF_INET, .protocol = IPPROTO_TCP

static void execute(struct maker *maker, uint32_t pid)
{
	struct {
		struct na_record_exec exec;
		char texts[64];
	} record = {.exec.header = HEADER(EXEC, exec, EXEC, pid)};
	int length = snprintf(record.texts, sizeof(record.texts), "program-%u", pid) + 1;

	record.exec.executable_length = (uint16_t)length;
	record.exec.header.size = (uint16_t)(sizeof(record.exec) + (size_t)length);
	take(maker, &record);
}

static void connect_one(struct maker *maker, uint64_t cookie)
{
	uint32_t pid = 1 + (uint32_t)(cookie / 7 % PROGRAMS);
	struct na_record_created created = {
		.header = HEADER(CREATED, created, SOCK_CREATE, pid), SOCKET, .type = SOCK_STREAM};
	struct na_record_connect asked = {.header = HEADER(CONNECT, connect, CONNECT4, pid),
					  SOCKET,
					  .type = SOCK_STREAM,
					  .port = 443};
	struct na_record_state up = {.header = HEADER(STATE, state, SET_STATE, 0),
				     SOCKET,
				     .local_port = (uint16_t)(32768 + cookie % 28000),
				     .remote_port = 443,
				     .before = TCP_SYN_SENT,
				     .now = TCP_ESTABLISHED};

	address_fill(asked.address, cookie % 1000);
	address_fill(up.remote, cookie % 1000);
	address_fill(up.local, 65535);
	take(maker, &created);
	take(maker, &asked);
	take(maker, &up);
}

static void end_one(struct maker *maker, uint64_t cookie)
{
	uint32_t pid = 1 + (uint32_t)(cookie / 7 % PROGRAMS);
	struct na_record_released released = {.header =
						      HEADER(RELEASED, released, SOCK_RELEASE, pid),
					      SOCKET,
					      .type = SOCK_STREAM};
	struct na_record_ended ended = {.header = HEADER(ENDED, ended, SET_STATE, 0),
					SOCKET,
					.before = TCP_FIN_WAIT2,
					.now = TCP_CLOSE,
					.sent_bytes = cookie};

	take(maker, &released);
	take(maker, &ended);
}

static void make(struct maker *maker, uint64_t bytes)
{
	snprintf(maker->folder, sizeof(maker->folder), "/tmp/restore_bench.XXXXXX");
	assert(mkdtemp(maker->folder));
	maker->sink.put = put;
	maker->pipeline = new_pipeline(&maker->sink);
	maker->encoder = na_encoder_new();
	begin(maker);
	for (uint32_t pid = 1; pid <= PROGRAMS; pid++)
		execute(maker, pid);
	for (uint64_t cookie = 1; maker->position < bytes; cookie++) {
		connect_one(maker, cookie);
		if (cookie % OPEN_ONE_IN)
			end_one(maker, cookie);
	}
	end(maker);
	na_encoder_free(maker->encoder);
	na_pipeline_free(maker->pipeline);
}

static void clean(struct maker *maker)
{
	DIR *folder = opendir(maker->folder);
	struct dirent *entry;

	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	rmdir(maker->folder);
	na_buffer_done(&maker->segment);
}

/* ---- the start ---- */

static int put_nothing(struct na_sink *sink, const struct na_event *event)
{
	(void)sink;
	(void)event;
	return 0;
}

static bool is_wanted(void *context, enum na_event_type type, const struct na_frame_event *event)
{
	(void)event;
	return na_pipeline_restores(context, type);
}

static void start(const struct maker *maker, uint64_t bytes)
{
	const struct na_reader_options options = {.path = maker->folder};
	struct na_sink sink = {.put = put_nothing};
	struct na_pipeline *pipeline = new_pipeline(&sink);
	static struct na_reader_item item;
	uint64_t events = 0, began_ns;
	struct na_counters counters;
	struct na_buffer why = {0};
	struct na_reader *reader;
	size_t memory;
	double seconds;

	began_ns = na_clock_boot_ns();
	assert(na_reader_open(&options, &reader, &why) == 0);
	assert(na_reader_seek_end(reader) == 0);
	if (na_reader_position(reader) > bytes)
		assert(na_reader_seek_position(reader, na_reader_position(reader) - bytes) == 0);
	else
		assert(na_reader_seek_first(reader) == 0);
	na_reader_set_wanted(reader, is_wanted, pipeline);
	for (int step; (step = na_reader_next(reader, &item)) > 0;)
		if (step == NA_READER_EVENT) {
			na_pipeline_restore(pipeline, &item.event);
			events++;
		}
	na_reader_close(&reader);
	na_pipeline_restored(pipeline, false);
	seconds = (double)(na_clock_boot_ns() - began_ns) / (double)NA_NS_PER_SEC;
	na_pipeline_counters(pipeline, &counters);
	memory = mallinfo2().uordblks;
	printf("| %5" PRIu64 " | %8" PRIu64 " | %5.2f | %5.2f | %8" PRIu64 " | %5.1f |\n",
	       bytes / MIB, events, seconds, (double)events / seconds / 1e6,
	       (uint64_t)counters.values[NA_STAT_SOCKETS], (double)memory / MIB);
	na_pipeline_free(pipeline);
	na_buffer_done(&why);
}

int main(int argc, char **argv)
{
	uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 512;
	static struct maker maker;

	make(&maker, mib * MIB);
	printf("%" PRIu64 " MiB, %" PRIu64 " events\n\n", maker.position / MIB, maker.sequence);
	puts("| MiB read | events | seconds | million events/s | sockets | MiB of memory |");
	puts("|---|---|---|---|---|---|");
	for (uint64_t part = 64; part <= mib; part *= 2)
		start(&maker, part * MIB);
	clean(&maker);
	return EXIT_SUCCESS;
}
