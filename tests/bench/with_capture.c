/* SPDX-License-Identifier: Apache-2.0 */
/* Attaches and detaches the agent's kernel programs; a thread reads while they are attached. */
#include "with_capture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "capture/capture.h"

#define RING_BYTES (4 * 1024 * 1024)
#define READ_LIMIT 4096
#define WAIT_NS NA_NS_PER_SEC
#define INTERVAL_NS (60 * NA_NS_PER_SEC)

/* Between on and off `capture` belongs to the reader, else to the thread that measures. */
struct bench_capture {
	struct na_capture *capture;
	pthread_t reader;
	int wake_fd;
	atomic_bool stop;
	int error;                  /* of the reader, read after it was joined */
	struct bench_agent *agent;  /* NULL: records are dropped */
	struct bench_counts counts; /* since bench_capture_count, but lost */
	uint64_t losses_told;       /* the kernel's counters at bench_capture_count */
};

static int take(void *context, const struct na_record_header *record)
{
	struct bench_capture *bench = context;

	bench->counts.records++;
	bench->counts.connections += record->type == NA_RECORD_ACCEPTED;
	return bench->agent ? bench_agent_take(bench->agent, record) : 0;
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec;
}

static void *read_rings(void *context)
{
	struct bench_capture *bench = context;
	int got = 0;

	while (got >= 0 && !atomic_load(&bench->stop)) {
		got = na_capture_read(bench->capture, READ_LIMIT, take, bench);
		if (got >= 0 && bench->agent && bench_agent_tick(bench->agent) < 0)
			got = -EIO;
		if (got >= 0 && got < READ_LIMIT)
			got = na_capture_wait(bench->capture, bench->wake_fd, WAIT_NS);
	}
	bench->counts.cpu_ns += thread_cpu_ns();
	bench->error = got < 0 ? got : 0;
	return NULL;
}

static int switch_on(void *context)
{
	struct bench_capture *bench = context;
	int error = na_capture_attach(bench->capture);

	if (error < 0)
		return error;
	atomic_store(&bench->stop, false);
	error = pthread_create(&bench->reader, NULL, read_rings, bench);
	if (error)
		na_capture_detach(bench->capture);
	return -error;
}

static int switch_off(void *context)
{
	struct bench_capture *bench = context;
	eventfd_t woken;

	atomic_store(&bench->stop, true);
	eventfd_write(bench->wake_fd, 1);
	pthread_join(bench->reader, NULL);
	eventfd_read(bench->wake_fd, &woken);
	na_capture_detach(bench->capture);
	if (bench->error < 0)
		return bench->error;
	return na_capture_drain(bench->capture, take, bench) < 0 ? -EIO : 0;
}

static int load_programs(struct na_capture **ret_capture)
{
	const struct na_capture_options options = {
		.families = 1u << AF_INET | 1u << AF_INET6,
		.ring_bytes = RING_BYTES,
		.flow_interval_ns = INTERVAL_NS,
	};
	struct na_buffer why = {0};
	int error = na_capture_open(&options, ret_capture, &why);

	if (error < 0)
		fprintf(stderr, "the programs cannot be loaded: %.*s\n", (int)why.length, why.data);
	else
		na_capture_detach(*ret_capture);
	na_buffer_done(&why);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int bench_capture_open(enum bench_reader reader, struct bench_capture **ret_capture)
{
	struct bench_capture *bench = calloc(1, sizeof(*bench));
	int error;

	if (!bench)
		return -ENOMEM;
	bench->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = bench->wake_fd < 0 ? -errno : load_programs(&bench->capture);
	if (!error && reader == BENCH_AGENT) {
		bench->agent = bench_agent_new();
		error = bench->agent ? 0 : -ENOMEM;
	}
	if (error < 0)
		bench_capture_close(&bench);
	else
		*ret_capture = bench;
	return error;
}

void bench_capture_close(struct bench_capture **capture)
{
	if (!*capture)
		return;
	na_capture_close(&(*capture)->capture);
	bench_agent_free((*capture)->agent);
	if ((*capture)->wake_fd >= 0)
		close((*capture)->wake_fd);
	free(*capture);
	*capture = NULL;
}

struct bench_toggle bench_capture_toggle(struct bench_capture *capture)
{
	return (struct bench_toggle){capture->agent ? "agent" : "programs", switch_on, switch_off,
				     capture};
}

struct bench_counts bench_capture_count(struct bench_capture *capture)
{
	const struct na_program_state *programs = na_capture_programs(capture->capture);
	struct bench_counts counts = capture->counts;
	uint64_t losses = 0;

	for (int i = 0; i < NA_PROGRAM_COUNT; i++)
		losses += programs[i].lost + programs[i].skipped;
	counts.lost = losses - capture->losses_told;
	capture->counts = (struct bench_counts){0};
	capture->losses_told = losses;
	return counts;
}
