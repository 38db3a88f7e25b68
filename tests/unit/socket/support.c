/* SPDX-License-Identifier: Apache-2.0 */
/* A socket table whose events are lines of text. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/field.h"

#define HISTORY_EVENTS 20000
#define HISTORY_BYTES (4u << 20)

#define TEXT(event, id) (int)(event)->f_##id.length, (event)->f_##id.data

static void append(struct na_buffer *out, const struct na_event *event, enum na_field field,
		   const char *name, struct na_text text)
{
	if (na_event_has(event, field))
		na_buffer_printf(out, " %s=%.*s", name, (int)text.length, text.data);
}

static void append_number(struct na_buffer *out, const struct na_event *event, enum na_field field,
			  const char *name, int64_t number)
{
	if (na_event_has(event, field))
		na_buffer_printf(out, " %s=%lld", name, (long long)number);
}

static void append_end(struct na_buffer *out, const char *name, bool has_address,
		       struct na_text address, bool has_port, int64_t port)
{
	if (!has_address && !has_port)
		return;
	na_buffer_printf(out, " %s=", name);
	if (has_address)
		na_buffer_append(out, address.data, address.length);
	if (has_port)
		na_buffer_printf(out, ":%lld", (long long)port);
}

static void append_ends(struct na_buffer *out, const struct na_event *event)
{
	append_end(out, "from", na_event_has(event, NA_FIELD_SOURCE_ADDRESS),
		   event->f_SOURCE_ADDRESS, na_event_has(event, NA_FIELD_SOURCE_PORT),
		   event->f_SOURCE_PORT);
	append_end(out, "to", na_event_has(event, NA_FIELD_DESTINATION_ADDRESS),
		   event->f_DESTINATION_ADDRESS, na_event_has(event, NA_FIELD_DESTINATION_PORT),
		   event->f_DESTINATION_PORT);
}

/* Of the connection's id only the ordinal. */
static void append_link(struct na_buffer *out, const struct na_event *event)
{
	struct na_text id = event->f_NA_CONNECTION_ID;
	const char *ordinal;

	if (!na_event_has(event, NA_FIELD_NA_CONNECTION_ID))
		return;
	ordinal = memrchr(id.data, '-', id.length);
	na_buffer_printf(out, " link=%.*s", (int)(id.data + id.length - ordinal - 1), ordinal + 1);
}

/* Of an open connection: its age in seconds, and what `closed` has too. */
static void append_open(struct na_buffer *out, const struct na_event *event)
{
	append_number(out, event, NA_FIELD_EVENT_DURATION, "age",
		      event->f_EVENT_DURATION / (int64_t)SECONDS);
	append_number(out, event, NA_FIELD_SOURCE_PACKETS, "packets_out", event->f_SOURCE_PACKETS);
	append_number(out, event, NA_FIELD_DESTINATION_PACKETS, "packets_in",
		      event->f_DESTINATION_PACKETS);
	append_number(out, event, NA_FIELD_NA_TCP_RTT_US, "rtt", event->f_NA_TCP_RTT_US);
	append_number(out, event, NA_FIELD_NA_TCP_RETRANSMITS, "again",
		      event->f_NA_TCP_RETRANSMITS);
	if (na_event_has(event, NA_FIELD_EVENT_START))
		assert_int_equal(event->boot_ns - event->f_EVENT_START, event->f_EVENT_DURATION);
	assert_false(na_event_has(event, NA_FIELD_EVENT_END));
}

static void append_event(struct na_buffer *out, const struct na_event *event)
{
	na_buffer_append_string(out, na_event_name(event->type));
	append(out, event, NA_FIELD_PROCESS_NAME, "by", event->f_PROCESS_NAME);
	append_number(out, event, NA_FIELD_PROCESS_THREAD_ID, "tid", event->f_PROCESS_THREAD_ID);
	append(out, event, NA_FIELD_USER_ID, "uid", event->f_USER_ID);
	append(out, event, NA_FIELD_NA_CREATOR_NAME, "creator", event->f_NA_CREATOR_NAME);
	append(out, event, NA_FIELD_NA_CLOSER_NAME, "closer", event->f_NA_CLOSER_NAME);
	append_ends(out, event);
	append_link(out, event);
	append(out, event, NA_FIELD_NETWORK_DIRECTION, "dir", event->f_NETWORK_DIRECTION);
	append_number(out, event, NA_FIELD_SOURCE_BYTES, "out", event->f_SOURCE_BYTES);
	append_number(out, event, NA_FIELD_DESTINATION_BYTES, "in", event->f_DESTINATION_BYTES);
	append(out, event, NA_FIELD_EVENT_REASON, "reason", event->f_EVENT_REASON);
	append(out, event, NA_FIELD_NA_CLOSED_BY, "closed_by", event->f_NA_CLOSED_BY);
	append(out, event, NA_FIELD_ERROR_CODE, "error", event->f_ERROR_CODE);
	append(out, event, NA_FIELD_NA_OPERATION, "op", event->f_NA_OPERATION);
	append(out, event, NA_FIELD_NA_POLICY, "policy", event->f_NA_POLICY);
	append(out, event, NA_FIELD_NA_HOOK, "hook", event->f_NA_HOOK);
	append_number(out, event, NA_FIELD_NA_SOCKOPT_LEVEL, "level", event->f_NA_SOCKOPT_LEVEL);
	append_number(out, event, NA_FIELD_NA_SOCKOPT_NAME, "option", event->f_NA_SOCKOPT_NAME);
	append_number(out, event, NA_FIELD_NA_MESSAGE_SIZE, "size", event->f_NA_MESSAGE_SIZE);
	append_number(out, event, NA_FIELD_NA_MESSAGE_FLAGS, "flags", event->f_NA_MESSAGE_FLAGS);
	append_number(out, event, NA_FIELD_NA_SECID, "secid", event->f_NA_SECID);
	append_number(out, event, NA_FIELD_NA_SAMPLE, "sample", event->f_NA_SAMPLE);
	append(out, event, NA_FIELD_NA_SHUTDOWN_HOW, "how", event->f_NA_SHUTDOWN_HOW);
	append_number(out, event, NA_FIELD_NA_BACKLOG, "backlog", event->f_NA_BACKLOG);
	append(out, event, NA_FIELD_NA_SOCKET_STATE, "state", event->f_NA_SOCKET_STATE);
	append_number(out, event, NA_FIELD_NA_LOST_COUNT, "lost", event->f_NA_LOST_COUNT);
	append(out, event, NA_FIELD_NA_LOST_REASON, "why", event->f_NA_LOST_REASON);
	if (na_event_has(event, NA_FIELD_NA_UNATTRIBUTED))
		na_buffer_append_string(out, " unattributed");
	if (na_event_has(event, NA_FIELD_NA_UNCERTAIN))
		na_buffer_append_string(out, " unseen");
	if (event->f_EVENT_TYPE.count == 2 &&
	    (event->type == NA_EVENT_FLOW || event->type == NA_EVENT_CONNECTION))
		append(out, event, NA_FIELD_EVENT_TYPE, "type", event->f_EVENT_TYPE.items[1]);
	if (event->type == NA_EVENT_CONNECTION)
		append_open(out, event);
	na_buffer_append_char(out, '\n');
}

static void sum_flow(struct world *world, const struct na_event *event)
{
	bool ingress = event->f_NETWORK_DIRECTION.data[0] == 'i';
	int64_t out = event->f_SOURCE_BYTES, in = event->f_DESTINATION_BYTES;

	world->flow_sent_bytes += (uint64_t)(ingress ? in : out);
	world->flow_received_bytes += (uint64_t)(ingress ? out : in);
}

static struct na_text copy_text(struct na_text text)
{
	char *bytes = malloc(text.length + 1);

	assert_non_null(bytes);
	if (text.length)
		memcpy(bytes, text.data, text.length);
	return (struct na_text){bytes, text.length};
}

static void copy_field(struct na_event *event, enum na_field field)
{
	const struct na_field_row *row = &na_field_rows[field];
	char *member = (char *)event + row->offset;
	struct na_text *items;

	if (row->type == NA_TYPE_KEYWORD || row->type == NA_TYPE_OBJECT) {
		*(struct na_text *)member = copy_text(*(struct na_text *)member);
	} else if (row->type == NA_TYPE_KEYWORDS) {
		struct na_texts *texts = (struct na_texts *)member;

		items = calloc(texts->count + 1, sizeof(*items));
		assert_non_null(items);
		for (size_t i = 0; i < texts->count; i++)
			items[i] = copy_text(texts->items[i]);
		texts->items = items;
	}
}

static void free_field(struct na_event *event, enum na_field field)
{
	const struct na_field_row *row = &na_field_rows[field];
	char *member = (char *)event + row->offset;

	if (row->type == NA_TYPE_KEYWORD || row->type == NA_TYPE_OBJECT) {
		free((char *)((struct na_text *)member)->data);
	} else if (row->type == NA_TYPE_KEYWORDS) {
		const struct na_texts *texts = (struct na_texts *)member;

		for (size_t i = 0; i < texts->count; i++)
			free((char *)texts->items[i].data);
		free((struct na_text *)texts->items);
	}
}

/* As the pipeline hands it on, and the journal back. */
static void keep_event(struct history *history, const struct na_event *event)
{
	struct na_event *kept = &history->events[history->event_count++];

	assert_true(history->event_count <= HISTORY_EVENTS);
	*kept = *event;
	NA_SET(kept, TIMESTAMP, event->boot_ns);
	for (int field = 0; field < NA_FIELD_COUNT; field++)
		if (na_event_has(kept, (enum na_field)field))
			copy_field(kept, (enum na_field)field);
}

static void keep_record(struct history *history, const struct na_record_header *record)
{
	assert_true(history->record_bytes + record->size <= HISTORY_BYTES);
	memcpy(history->records + history->record_bytes, record, record->size);
	history->record_bytes += (record->size + 7u) & ~7u;
}

static int put(struct na_sink *sink, const struct na_event *event)
{
	struct world *world = (struct world *)sink;

	if (world->sink_error)
		return world->sink_error;
	append_event(&world->lines, event);
	if (world->history)
		keep_event(world->history, event);
	if (event->type == NA_EVENT_FLOW)
		sum_flow(world, event);
	return 0;
}

static void fork_and_exec(struct world *world, uint32_t pid, const char *name)
{
	struct {
		struct na_record_exec exec;
		char texts[64];
	} record = {.exec.header = header(world, 0, NA_RECORD_EXEC, NA_PROGRAM_EXEC, pid, 0)};
	size_t length = strlen(name) + 1;

	/* Components from the leaf to the root: name, "bin". */
	memcpy(record.texts, name, length);
	memcpy(record.texts + length, "bin", 4);
	record.exec.executable_length = (uint16_t)(length + 4);
	memcpy(record.texts + length + 4, name, length);
	record.exec.arguments_length = (uint16_t)length;
	record.exec.arguments_total = (uint32_t)length;
	record.exec.uid = record.exec.euid = pid;
	record.exec.gid = record.exec.egid = pid;
	record.exec.header.size = (uint16_t)(sizeof(record.exec) + 2 * length + 4);
	na_processes_record(world->processes, &record.exec.header);
}

static bool begin(struct world *world)
{
	const struct world_options *options = &world->options;
	struct na_processes_options processes = {.max = 100, .boot_id = 1};
	struct na_sockets_options sockets = {
		.max_sockets = options->max_sockets ? options->max_sockets : 1000,
		.max_flows = options->max_flows ? options->max_flows : 1000,
		.flow_interval_ns = 60 * SECONDS,
		.connection_interval_ns = options->connection_interval_ns,
		.boot_id = 1,
		.call_results = !options->no_call_results,
		.sink = &world->sink,
	};

	world->processes = na_processes_new(&processes);
	sockets.processes = world->processes;
	if (world->processes)
		world->sockets = na_sockets_new(&sockets);
	return world->sockets;
}

static void exec_all(struct world *world)
{
	fork_and_exec(world, CLIENT, "client");
	fork_and_exec(world, SERVER, "server");
	fork_and_exec(world, OTHER, "other");
}

static void fill_tuple(uint8_t local[16], uint16_t *local_port, uint8_t remote[16],
		       uint16_t *remote_port, bool passive)
{
	address_fill(local, passive ? 2 : 1);
	address_fill(remote, passive ? 1 : 2);
	*local_port = passive ? 80 : 4000;
	*remote_port = passive ? 4000 : 80;
}

/* ------------------------------------------------------------------------------------------- */

void address_fill(uint8_t bytes[16], unsigned int last)
{
	memset(bytes, 0, 16);
	bytes[10] = bytes[11] = 0xff;
	bytes[12] = 10;
	bytes[15] = (uint8_t)last;
}

struct na_record_header header(struct world *world, size_t size, enum na_record_type type,
			       enum na_program program, uint32_t pid, int error)
{
	struct na_record_header header = {.size = (uint16_t)size,
					  .type = (uint8_t)type,
					  .program = (uint8_t)program,
					  .time_ns = world->now_ns,
					  .error = error};

	world->now_ns += NA_NS_PER_US;
	if (!pid)
		return header;
	header.pid = pid;
	header.tid = pid + 1;
	header.start_ns = pid * 1000000;
	header.credentials = (struct na_credentials){pid, pid, pid, pid};
	return header;
}

struct world *world_try(const struct world_options *options)
{
	struct world *world = test_calloc(1, sizeof(*world));

	world->sink.put = put;
	world->options = *options;
	world->now_ns = SECONDS;
	if (begin(world)) {
		exec_all(world);
		return world;
	}
	world_free(world);
	return NULL;
}

void world_restart(struct world *world, bool gap, bool known)
{
	uint64_t now_ns = world->now_ns;

	na_sockets_free(world->sockets);
	na_processes_free(world->processes);
	world->sockets = NULL;
	assert_true(begin(world));
	world->now_ns = SECONDS; /* as the first agent saw them */
	if (known)
		exec_all(world);
	world->now_ns = now_ns;
	history_restore(world, world->history, world->history->event_count, gap);
}

struct world *world_new_with(const struct world_options *options)
{
	struct world *world = world_try(options);

	assert_non_null(world);
	return world;
}

struct world *world_new(void)
{
	return world_new_with(&(struct world_options){0});
}

void world_free(struct world *world)
{
	na_sockets_free(world->sockets);
	na_processes_free(world->processes);
	na_buffer_done(&world->lines);
	test_free(world);
}

void expect(struct world *world, const char *lines)
{
	na_buffer_append_char(&world->lines, '\0');
	assert_int_equal(na_buffer_error(&world->lines), 0);
	assert_string_equal(world->lines.data, lines);
	na_buffer_clear(&world->lines);
}

void history_keep(struct world *world, struct history *ret_history)
{
	*ret_history = (struct history){
		.events = calloc(HISTORY_EVENTS, sizeof(*ret_history->events)),
		.records = malloc(HISTORY_BYTES),
	};
	assert_non_null(ret_history->events);
	assert_non_null(ret_history->records);
	world->history = ret_history;
}

void history_free(struct history *history)
{
	for (size_t i = 0; i < history->event_count; i++)
		for (int field = 0; field < NA_FIELD_COUNT; field++)
			if (na_event_has(&history->events[i], (enum na_field)field))
				free_field(&history->events[i], (enum na_field)field);
	free(history->events);
	free(history->records);
}

void history_restore(struct world *world, const struct history *history, size_t end, bool gap)
{
	for (size_t i = 0; i < end; i++)
		na_sockets_restore(world->sockets, &history->events[i]);
	na_sockets_restored(world->sockets, gap);
	na_processes_restored(world->processes, gap);
}

int take(struct world *world, const void *record)
{
	if (world->history)
		keep_record(world->history, record);
	return na_sockets_record(world->sockets, record);
}

void created_as(struct world *world, uint32_t pid, uint64_t cookie, int family, int type,
		int protocol)
{
	struct na_record_created record = {
		.header = header(world, sizeof(record), NA_RECORD_CREATED, NA_PROGRAM_SOCK_CREATE,
				 pid, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.family = (uint16_t)family,
		.type = (uint16_t)type,
		.protocol = (uint16_t)protocol,
	};

	take(world, &record);
}

void created(struct world *world, uint32_t pid, uint64_t cookie)
{
	created_as(world, pid, cookie, AF_INET, SOCK_STREAM, IPPROTO_TCP);
}

void create_failed(struct world *world, uint32_t pid, enum na_program program, int type, int error,
		   uint16_t flags)
{
	struct na_record_created record = {
		.header = header(world, sizeof(record), NA_RECORD_CREATED, program, pid, error),
		.family = AF_INET,
		.type = (uint16_t)type,
		.flags = flags,
	};

	take(world, &record);
}

void bind_asked(struct world *world, uint32_t pid, uint64_t cookie, uint16_t port, int error)
{
	struct na_record_bind record = {
		.header =
			header(world, sizeof(record), NA_RECORD_BIND, NA_PROGRAM_BIND4, pid, error),
		.cookie = cookie,
		.port = port,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	address_fill(record.address, 2);
	take(world, &record);
}

void bound(struct world *world, uint32_t pid, uint64_t cookie, uint16_t port)
{
	struct na_record_bound record = {
		.header = header(world, sizeof(record), NA_RECORD_BOUND, NA_PROGRAM_POST_BIND4, pid,
				 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.port = port,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	address_fill(record.address, 2);
	take(world, &record);
}

void connect_asked(struct world *world, uint32_t pid, uint64_t cookie, uint16_t port, int error)
{
	struct na_record_connect record = {
		.header = header(world, sizeof(record), NA_RECORD_CONNECT, NA_PROGRAM_CONNECT4, pid,
				 error),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.port = port,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	address_fill(record.address, 2);
	take(world, &record);
}

void state(struct world *world, uint64_t cookie, int before, int now, int error)
{
	struct na_record_state record = {
		.header = header(world, sizeof(record), NA_RECORD_STATE, NA_PROGRAM_SET_STATE,
				 now == TCP_LISTEN ? SERVER : 0, error),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.before = (uint8_t)before,
		.now = (uint8_t)now,
	};

	fill_tuple(record.local, &record.local_port, record.remote, &record.remote_port,
		   now == TCP_LISTEN);
	take(world, &record);
}

void accepted(struct world *world, uint32_t pid, uint64_t cookie, uint64_t listener)
{
	struct na_record_accepted record = {
		.header = header(world, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 pid, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.listener = listener,
		.listener_inode = listener ? listener + 1000 : 0,
		.netns = 7,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	fill_tuple(record.local, &record.local_port, record.remote, &record.remote_port, true);
	take(world, &record);
}

void ended(struct world *world, uint64_t cookie, int before, int error)
{
	struct na_record_ended record = {
		.header = header(world, sizeof(record), NA_RECORD_ENDED, NA_PROGRAM_SET_STATE, 0,
				 error),
		.cookie = cookie,
		.netns = 7,
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.before = (uint8_t)before,
		.now = TCP_CLOSE,
		.flags = NA_FLAG_ORPHAN,
		.sent_bytes = 11,
		.received_bytes = 22,
	};

	take(world, &record);
}

void released(struct world *world, uint32_t pid, uint64_t cookie)
{
	struct na_record_released record = {
		.header = header(world, sizeof(record), NA_RECORD_RELEASED, NA_PROGRAM_SOCK_RELEASE,
				 pid, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	take(world, &record);
}

void result(struct world *world, uint32_t pid, uint64_t cookie, enum na_operation operation,
	    int error, int value, uint16_t flags)
{
	struct na_record_result record = {
		.header = header(world, sizeof(record), NA_RECORD_RESULT, NA_PROGRAM_SYS_EXIT, pid,
				 error),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.flags = flags,
		.operation = operation,
		.value = value,
	};

	address_fill(record.local, 2);
	record.local_port = 80;
	take(world, &record);
}

void hook_asked(struct world *world, uint32_t pid, uint64_t cookie, enum na_hook hook, int verdict)
{
	struct na_record_hook record = {
		.header = header(world, sizeof(record), NA_RECORD_HOOK,
				 (enum na_program)(NA_PROGRAM_FEXIT_SOCKET_CREATE + hook - 1), pid,
				 verdict),
		.cookie = cookie,
		.inode = cookie ? cookie + 1000 : 0,
		.netns = 7,
		.family = AF_INET,
		.type = cookie ? SOCK_STREAM : 0,
		.hook = (uint16_t)hook,
	};

	take(world, &record);
}

void exited(struct world *world, uint32_t pid)
{
	struct na_record_exited record = {
		.header = header(world, sizeof(record), NA_RECORD_EXITED, NA_PROGRAM_EXIT, pid, 0)};

	na_processes_record(world->processes, &record.header);
}

struct na_record_found found_socket(struct world *world, uint32_t pid, uint64_t cookie,
				    int tcp_state)
{
	return (struct na_record_found){
		.header = header(world, sizeof(struct na_record_found), NA_RECORD_FOUND,
				 NA_PROGRAM_SNAPSHOT, pid, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.state = (uint32_t)tcp_state,
	};
}
