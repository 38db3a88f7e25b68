/* SPDX-License-Identifier: Apache-2.0 */
/* A journal by the real writer, and what an output is offered of it. */
#include "deliver_made.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/journal.h"
#include "syslog/message.h"
#include "syslog/syslog.h"
#include "traffic.h"

#define SYNC_NS (60 * NA_NS_PER_SEC)
#define SYNC_EVENTS 20000 /* fit into the tail */

static void make_folder(const char *folder, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", folder, name);
	assert(mkdir(path, 0750) == 0);
}

static void remove_folder(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	rmdir(path);
}

static struct na_journal *open_journal(const struct deliver_made *made)
{
	struct na_event constants = {0};
	struct na_journal_options options = {
		.path = made->journal,
		.tail = made->tail,
		.group = -1,
		.max_size = UINT64_MAX,
		.tail_size = 32u << 20,
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
	assert(na_journal_open(&options, &journal, &why) == 0);
	return journal;
}

static void append(struct na_journal *journal, struct na_traffic *traffic)
{
	static const enum na_event_type types[] = {NA_EVENT_ESTABLISHED, NA_EVENT_CLOSED,
						   NA_EVENT_CONNECT_FAILED, NA_EVENT_ACCEPTED};
	uint64_t sequence = na_journal_next_sequence(journal);
	struct na_event *event = (struct na_event *)na_traffic_next(traffic, types[sequence % 4]);

	NA_SET(event, EVENT_SEQUENCE, (int64_t)sequence);
	assert(na_journal_append(journal, event) == 0);
}

/* ---- collecting ---- */

struct collector {
	struct deliver_made *made;
	struct na_syslog_encoder encoder;
	uint64_t count;
};

struct na_output_instance {
	struct collector *collector; /* NULL: of the sink */
	struct na_output_host *host;
};

static na_output_open sink_open;
static na_output_fields sink_fields;
static na_output_put sink_put, collect_put;
static na_output_work sink_work;
static na_output_drain sink_drain;
static na_output_close sink_close;

static int sink_open(const void *options, struct na_output_host *host,
		     struct na_output_instance **ret_instance, struct na_buffer *why)
{
	struct na_output_instance *instance = malloc(sizeof(*instance));

	(void)why;
	assert(instance);
	instance->collector = (struct collector *)(uintptr_t)options;
	instance->host = host;
	*ret_instance = instance;
	return 0;
}

static void sink_fields(const void *options, na_output_take_field *take, void *context)
{
	(void)options;
	(void)take;
	(void)context;
}

static enum na_output_verdict sink_put(struct na_output_instance *instance,
				       const struct na_output_record *records, size_t count,
				       size_t *ret_taken, struct na_buffer *why)
{
	(void)why;
	*ret_taken = count;
	instance->host->acknowledge(instance->host, records[0].number, records[count - 1].number);
	return NA_OUTPUT_TAKEN;
}

static struct na_text copy(struct na_text text)
{
	char *data = malloc(text.length + 1);

	assert(data);
	memcpy(data, text.data, text.length);
	data[text.length] = '\0';
	return (struct na_text){data, text.length};
}

static enum na_output_verdict collect_put(struct na_output_instance *instance,
					  const struct na_output_record *records, size_t count,
					  size_t *ret_taken, struct na_buffer *why)
{
	struct collector *collector = instance->collector;
	struct na_buffer frame = {0};

	for (size_t i = 0; i < count; i++) {
		struct deliver_record *to = &collector->made->records[collector->count++];

		assert(collector->count <= collector->made->events);
		na_buffer_clear(&frame);
		assert(na_syslog_encode(&collector->encoder, &records[i], &frame, why) == 0);
		to->wall_ns = records[i].wall_ns;
		to->id = copy(records[i].id);
		to->frame = copy((struct na_text){frame.data, frame.length});
		/* A frame ends with its body: memory is what bounds how many events there are. */
		to->body =
			(struct na_text){to->frame.data + to->frame.length - records[i].body.length,
					 records[i].body.length};
		assert(memcmp(to->body.data, records[i].body.data, to->body.length) == 0);
	}
	na_buffer_done(&frame);
	return sink_put(instance, records, count, ret_taken, why);
}

static enum na_output_verdict sink_work(struct na_output_instance *instance, uint64_t timeout_ns)
{
	(void)instance;
	(void)timeout_ns;
	return NA_OUTPUT_TAKEN;
}

static void sink_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	(void)instance;
	(void)deadline_ns;
}

static void sink_close(struct na_output_instance *instance)
{
	free(instance);
}

/* ------------------------------------------------------------------------------------------- */

void deliver_made_init(struct deliver_made *made, const char *folder, uint64_t events,
		       uint64_t bytes)
{
	struct na_journal_status status = {0};
	struct na_traffic traffic = {0};
	struct na_journal *journal;

	*made = (struct deliver_made){0};
	snprintf(made->folder, sizeof(made->folder), "%s/netaudit-bench.XXXXXX", folder);
	assert(mkdtemp(made->folder));
	make_folder(made->folder, "journal", made->journal, sizeof(made->journal));
	make_folder(made->folder, "ship", made->ship, sizeof(made->ship));
	snprintf(made->tail, sizeof(made->tail), "%s/tail", made->folder);
	journal = open_journal(made);
	while (made->events < events && status.bytes < bytes) {
		append(journal, &traffic);
		if (++made->events % SYNC_EVENTS && made->events < events)
			continue;
		assert(na_journal_sync(journal, na_clock_boot_ns() + SYNC_NS) == 0);
		na_journal_status(journal, &status);
		assert(!status.events_lost);
	}
	made->journal_bytes = status.bytes;
	na_journal_close(&journal, na_clock_boot_ns() + SYNC_NS);
}

void deliver_made_done(struct deliver_made *made)
{
	for (uint64_t i = 0; made->records && i < made->events; i++) {
		free((char *)(uintptr_t)made->records[i].id.data);
		free((char *)(uintptr_t)made->records[i].frame.data);
	}
	free(made->records);
	remove_folder(made->journal);
	remove_folder(made->ship);
	remove_folder(made->folder);
}

void deliver_made_forget(const struct deliver_made *made)
{
	remove_folder(made->ship);
	assert(mkdir(made->ship, 0750) == 0);
}

void deliver_made_collect(struct deliver_made *made)
{
	struct collector collector = {
		.made = made,
		.encoder = {.frame = NA_SYSLOG_FRAME_OCTET,
			    .facility = 16,
			    .max_size = 65536,
			    .sd_id = "netaudit@32473"},
	};
	struct na_output_common common = deliver_common("bench", "collect");
	struct na_output collect = deliver_sink;
	struct na_ship_output output = {&collect, &collector, &common, {0}};
	struct na_ship_options options;
	struct pollfd fd = {.events = POLLIN};
	struct na_ship *ship;

	collect.put = collect_put;
	collect.fields = na_output_syslog.fields;
	na_syslog_encoder_init(&collector.encoder);
	made->records = calloc(made->events, sizeof(*made->records));
	assert(made->records);
	ship = deliver_ship(made, &output, &options);
	fd.fd = na_ship_fd(ship);
	assert(poll(&fd, 1, -1) == 1);
	deliver_unship(made, &ship);
	assert(collector.count == made->events);
	na_syslog_encoder_done(&collector.encoder);
}

struct na_output_common deliver_common(const char *name, const char *type)
{
	return (struct na_output_common){
		.name = na_text_of(name),
		.type = na_text_of(type),
		.batch = 1000,
		.retry_min = NA_NS_PER_SEC,
		.retry_max = 60 * NA_NS_PER_SEC,
	};
}

struct na_ship *deliver_ship(const struct deliver_made *made, const struct na_ship_output *output,
			     struct na_ship_options *options)
{
	struct na_buffer why = {0};
	struct na_ship *ship;

	*options = (struct na_ship_options){
		.journal = made->journal,
		.tail = made->tail,
		.folder = made->ship,
		.outputs = output,
		.count = 1,
		.once = true,
	};
	assert(na_ship_new(options, &ship, &why) == 0 && na_ship_start(ship) == 0);
	return ship;
}

void deliver_unship(const struct deliver_made *made, struct na_ship **ship)
{
	na_ship_free(ship);
	deliver_made_forget(made);
}

const struct na_output deliver_sink = {
	.name = "sink",
	.fields = sink_fields,
	.open = sink_open,
	.put = sink_put,
	.work = sink_work,
	.drain = sink_drain,
	.close = sink_close,
};
