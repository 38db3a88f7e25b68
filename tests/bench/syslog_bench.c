/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output syslog over TCP on loopback, next to a bare send loop of the same frames to the same
 * reader in the same run. "make bench", or alone: syslog_bench. A round ends when the reader has
 * the last byte; rounds of both kinds alternate.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "syslog/message.h"
#include "syslog/syslog.h"

#define BATCH 1000 /* as the option `batch` has it */
#define BATCHES 1000
#define BODY_BYTES 1200
#define ROUNDS 11
#define GOAL 0.8

struct bench {
	struct na_output_record records[BATCH];
	struct na_event event;
	struct na_buffer bodies, frames;
	char address[64];
	struct sockaddr_in name;
	int listener;
};

struct cost {
	double clock, processor;
};

static uint64_t acknowledged;

static void must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "syslog_bench: %s failed\n", what);
	exit(EXIT_FAILURE);
}

static void acknowledge(struct na_output_host *host, uint64_t first, uint64_t last)
{
	(void)host;
	acknowledged += last - first + 1;
}

static void fail(struct na_output_host *host, const char *reason)
{
	(void)host;
	must(false, reason);
}

static void say_state(struct na_output_host *host, enum na_output_state state, const char *why)
{
	(void)host;
	(void)state;
	(void)why;
}

/* One connection to its end. */
static void *read_all(void *argument)
{
	const struct bench *bench = argument;
	static char sink[1u << 18];
	int fd = accept4(bench->listener, NULL, NULL, SOCK_CLOEXEC);

	must(fd >= 0, "accept");
	while (read(fd, sink, sizeof(sink)) > 0)
		;
	close(fd);
	return NULL;
}

static void make_records(struct bench *bench)
{
	size_t ends[BATCH];

	na_event_init(&bench->event, NA_EVENT_ESTABLISHED, 1);
	for (size_t i = 0; i < BATCH; i++) {
		na_buffer_printf(&bench->bodies, "{\"n\":%zu,\"pad\":\"%0*zu\"}", i, BODY_BYTES, i);
		ends[i] = bench->bodies.length;
	}
	must(!na_buffer_error(&bench->bodies), "memory");
	for (size_t i = 0, start = 0; i < BATCH; start = ends[i++])
		bench->records[i] = (struct na_output_record){
			.id = na_text_of("3f0f9c3e-52d1-4a35-9a3e-dc6f8e5a7b10-7-81123"),
			.body = {bench->bodies.data + start, ends[i] - start},
			.event = &bench->event,
			.wall_ns = na_clock_wall_ns(),
		};
}

static void make_frames(struct bench *bench)
{
	struct na_syslog_encoder encoder = {.frame = NA_SYSLOG_FRAME_OCTET,
					    .facility = 16,
					    .max_size = 65536,
					    .sd_id = "netaudit@32473"};
	struct na_buffer why = {0};

	na_syslog_encoder_init(&encoder);
	for (size_t i = 0; i < BATCH; i++)
		must(na_syslog_encode(&encoder, &bench->records[i], &bench->frames, &why) == 0,
		     "encode");
	na_syslog_encoder_done(&encoder);
}

static void listen_on_loopback(struct bench *bench)
{
	socklen_t size = sizeof(bench->name);

	bench->name = (struct sockaddr_in){.sin_family = AF_INET,
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bench->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(bench->listener, (struct sockaddr *)&bench->name, size) == 0, "bind");
	must(getsockname(bench->listener, (struct sockaddr *)&bench->name, &size) == 0, "bind");
	must(listen(bench->listener, 1) == 0, "listen");
	snprintf(bench->address, sizeof(bench->address), "tcp://127.0.0.1:%u",
		 ntohs(bench->name.sin_port));
}

static void send_bare(const struct bench *bench)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	must(connect(fd, (const struct sockaddr *)&bench->name, sizeof(bench->name)) == 0,
	     "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (size_t batch = 0; batch < BATCHES; batch++) {
		size_t sent = 0;

		while (sent < bench->frames.length) {
			ssize_t count = send(fd, bench->frames.data + sent,
					     bench->frames.length - sent, MSG_NOSIGNAL);

			must(count > 0, "send");
			sent += (size_t)count;
		}
	}
	close(fd);
}

static void put_batch(struct bench *bench, struct na_output_instance *instance, uint64_t first)
{
	struct na_buffer why = {0};
	size_t done = 0, taken;

	for (size_t i = 0; i < BATCH; i++)
		bench->records[i].number = first + i;
	while (done < BATCH) {
		taken = 0;
		must(na_output_syslog.put(instance, bench->records + done, BATCH - done, &taken,
					  &why) == NA_OUTPUT_TAKEN,
		     "put");
		done += taken;
		na_output_syslog.work(instance, 0);
	}
	na_buffer_done(&why);
}

static void send_by_output(struct bench *bench)
{
	struct na_syslog_options options = {.address = na_text_of(bench->address),
					    .facility = 16,
					    .sd_id = na_text_of("netaudit@32473"),
					    .timeout = 30 * NA_NS_PER_SEC,
					    .overlap = 10 * NA_NS_PER_SEC,
					    .verify = true};
	struct na_output_host host = {
		.acknowledge = acknowledge, .failed = fail, .state = say_state};
	struct na_output_instance *instance;
	struct na_buffer why = {0};

	acknowledged = 0;
	must(na_output_syslog.open(&options, &host, &instance, &why) == 0, "open");
	for (size_t batch = 0; batch < BATCHES; batch++)
		put_batch(bench, instance, batch * BATCH + 1);
	na_output_syslog.drain(instance, na_clock_boot_ns() + 30 * NA_NS_PER_SEC);
	na_output_syslog.close(instance);
	must(acknowledged == BATCH * BATCHES, "acknowledgement of everything");
}

/* Of all threads: the reader costs the same in both kinds of round. */
static uint64_t processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NA_NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* Nanoseconds for each record, by the clock and of the processors. */
static struct cost run_round(struct bench *bench, bool bare)
{
	pthread_t reader;
	uint64_t start, processor;

	must(pthread_create(&reader, NULL, read_all, bench) == 0, "thread");
	start = na_clock_boot_ns();
	processor = processor_ns();
	if (bare)
		send_bare(bench);
	else
		send_by_output(bench);
	pthread_join(reader, NULL);
	return (struct cost){(double)(na_clock_boot_ns() - start) / (BATCH * BATCHES),
			     (double)(processor_ns() - processor) / (BATCH * BATCHES)};
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *what, double *output, double *bare)
{
	double ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		ratio[i] = bare[i] / output[i];
	qsort(output, ROUNDS, sizeof(*output), compare);
	qsort(bare, ROUNDS, sizeof(*bare), compare);
	qsort(ratio, ROUNDS, sizeof(*ratio), compare);
	printf("syslog tcp, %-14s output %5.0f ns/record  bare send loop %5.0f  ratio %.2f "
	       "(quartiles %.2f %.2f; goal %.1f)\n",
	       what, output[ROUNDS / 2], bare[ROUNDS / 2], ratio[ROUNDS / 2], ratio[ROUNDS / 4],
	       ratio[ROUNDS * 3 / 4], GOAL);
}

int main(void)
{
	double output[2][ROUNDS], bare[2][ROUNDS];
	static struct bench bench;

	listen_on_loopback(&bench);
	make_records(&bench);
	make_frames(&bench);
	for (int i = 0; i < ROUNDS; i++) {
		struct cost of_bare = run_round(&bench, true);
		struct cost of_output = run_round(&bench, false);

		bare[0][i] = of_bare.clock;
		bare[1][i] = of_bare.processor;
		output[0][i] = of_output.clock;
		output[1][i] = of_output.processor;
	}
	print("by the clock", output[0], bare[0]);
	print("processor time", output[1], bare[1]);
	na_buffer_done(&bench.bodies);
	na_buffer_done(&bench.frames);
	close(bench.listener);
	return EXIT_SUCCESS;
}
