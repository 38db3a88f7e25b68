/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent does for a connection from record to finished event: both ends on this host, each
 * connection between processes that are known, with all its events. Encoding, journal and rings are
 * left out. Instructions are counted by
 *
 *   valgrind --tool=callgrind --toggle-collect=run_connections build/pipeline_bench 20000
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "pipeline/pipeline.h"

#define CONNECTIONS 200000
#define ROUNDS 11

enum { CLIENT = 100, SERVER = 200 };

struct load {
	struct na_sink sink; /* first */
	struct na_pipeline *pipeline;
	uint64_t now_ns, connections, events;
};

static int put(struct na_sink *sink, const struct na_event *event)
{
	((struct load *)sink)->events += event->type < NA_EVENT_COUNT;
	return 0;
}

static struct na_record_header header(struct load *load, size_t size, enum na_record_type type,
				      enum na_program program, uint32_t pid)
{
	load->now_ns += 500;
	return (struct na_record_header){.size = (uint16_t)size,
					 .type = (uint8_t)type,
					 .program = (uint8_t)program,
					 .time_ns = load->now_ns,
					 .pid = pid,
					 .tid = pid,
					 .start_ns = pid * 1000000,
					 .credentials = {1000, 1000, 1000, 1000}};
}

static void take(struct load *load, const void *record)
{
	if (na_pipeline_record(load->pipeline, record) < 0)
		exit(EXIT_FAILURE);
}

static void address_fill(uint8_t bytes[16], uint8_t last)
{
	memset(bytes, 0, 16);
	bytes[10] = bytes[11] = 0xff;
	bytes[12] = 10;
	bytes[15] = last;
}

static void create(struct load *load, uint64_t cookie)
{
	struct na_record_created record = {
		.header = header(load, sizeof(record), NA_RECORD_CREATED, NA_PROGRAM_SOCK_CREATE,
				 CLIENT),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	take(load, &record);
}

static void connect_ask(struct load *load, uint64_t cookie)
{
	struct na_record_connect record = {
		.header = header(load, sizeof(record), NA_RECORD_CONNECT, NA_PROGRAM_CONNECT4,
				 CLIENT),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.port = 80,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	address_fill(record.address, 2);
	take(load, &record);
}

static uint16_t port_of(uint64_t cookie)
{
	return (uint16_t)(32768 + cookie / 2 % 28000);
}

static void establish(struct load *load, uint64_t cookie)
{
	struct na_record_state record = {
		.header = header(load, sizeof(record), NA_RECORD_STATE, NA_PROGRAM_SET_STATE, 0),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.local_port = port_of(cookie),
		.remote_port = 80,
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.before = TCP_SYN_SENT,
		.now = TCP_ESTABLISHED,
	};

	address_fill(record.local, 1);
	address_fill(record.remote, 2);
	take(load, &record);
}

/* What connect(2) returned is no news after that. */
static void connected(struct load *load, uint64_t cookie)
{
	struct na_record_result record = {
		.header =
			header(load, sizeof(record), NA_RECORD_RESULT, NA_PROGRAM_SYS_EXIT, CLIENT),
		.cookie = cookie,
		.inode = cookie + 1000,
		.netns = 7,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.operation = NA_OPERATION_CONNECT,
	};

	take(load, &record);
}

static void accept_one(struct load *load, uint64_t cookie)
{
	struct na_record_accepted record = {
		.header = header(load, sizeof(record), NA_RECORD_ACCEPTED, NA_PROGRAM_SYS_EXIT,
				 SERVER),
		.cookie = cookie + 1,
		.inode = cookie + 1001,
		.netns = 7,
		.local_port = 80,
		.remote_port = port_of(cookie),
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	address_fill(record.local, 2);
	address_fill(record.remote, 1);
	take(load, &record);
}

static void release(struct load *load, uint64_t cookie, uint32_t pid)
{
	struct na_record_released record = {
		.header = header(load, sizeof(record), NA_RECORD_RELEASED, NA_PROGRAM_SOCK_RELEASE,
				 pid),
		.cookie = cookie,
		.inode = cookie + 1000,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	};

	take(load, &record);
}

static void end(struct load *load, uint64_t cookie, uint8_t before)
{
	struct na_record_ended record = {
		.header = header(load, sizeof(record), NA_RECORD_ENDED, NA_PROGRAM_SET_STATE, 0),
		.cookie = cookie,
		.netns = 7,
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.before = before,
		.now = TCP_CLOSE,
		.flags = NA_FLAG_ORPHAN,
		.sent_bytes = 1234,
		.received_bytes = 56789,
		.sent_packets = 5,
		.received_packets = 4,
		.rtt_us = 23,
	};

	take(load, &record);
}

static void exec(struct load *load, uint32_t pid, const char *name)
{
	struct {
		struct na_record_exec exec;
		char texts[128];
	} record = {.exec.header = header(load, 0, NA_RECORD_EXEC, NA_PROGRAM_EXEC, pid)};
	size_t length = strlen(name) + 1;

	/* Components from the leaf to the root: name, "bin". */
	memcpy(record.texts, name, length);
	memcpy(record.texts + length, "bin", 4);
	record.exec.executable_length = (uint16_t)(length + 4);
	memcpy(record.texts + length + 4, name, length);
	record.exec.arguments_length = (uint16_t)length;
	record.exec.arguments_total = (uint32_t)length;
	record.exec.uid = record.exec.euid = record.exec.gid = record.exec.egid = 1000;
	record.exec.header.size = (uint16_t)(sizeof(record.exec) + 2 * length + 4);
	take(load, &record);
}

static __attribute__((noinline)) void run_connections(struct load *load, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		uint64_t cookie = load->connections++ * 2 + 1;

		create(load, cookie);
		connect_ask(load, cookie);
		establish(load, cookie);
		connected(load, cookie);
		accept_one(load, cookie);
		release(load, cookie, CLIENT);
		release(load, cookie + 1, SERVER);
		end(load, cookie + 1, TCP_LAST_ACK);
		end(load, cookie, TCP_FIN_WAIT2);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : CONNECTIONS;
	struct load load = {.sink.put = put, .now_ns = NA_NS_PER_SEC};
	struct na_pipeline_options options = {
		.max_processes = 1000,
		.max_sockets = 1000,
		.max_flows = 1000,
		.flow_interval_ns = 60 * NA_NS_PER_SEC,
		.heartbeat_ns = 60 * NA_NS_PER_SEC,
		.passwd = "/etc/passwd",
		.call_results = true,
		.boot_number = UINT64_C(0x0123456789abcdef),
		.wall_offset_ns = UINT64_C(1795525507123456789),
		.instance = "6c1d5a2e-0000-4000-8000-000000000000-1f",
		.first_sequence = 1 << 20,
		.sink = &load.sink,
	};
	double times[ROUNDS];

	load.pipeline = na_pipeline_new(&options);
	if (!load.pipeline || !count)
		return EXIT_FAILURE;
	exec(&load, CLIENT, "client");
	exec(&load, SERVER, "server");
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start_ns = na_clock_boot_ns();

		run_connections(&load, count);
		times[i] = (double)(na_clock_boot_ns() - start_ns) / (double)count;
	}
	qsort(times, ROUNDS, sizeof(*times), compare);
	printf("record to event           %5.0f ns/connection  %.1f events\n", times[ROUNDS / 2],
	       (double)load.events / (double)load.connections);
	na_pipeline_free(load.pipeline);
	return EXIT_SUCCESS;
}
