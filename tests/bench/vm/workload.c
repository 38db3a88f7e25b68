/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load of the measurement in a guest, where a nanosecond is an instruction: blocks of
 * operations, and what they took of this CPU's time and of the agent's.
 *
 *   workload OPERATION BLOCKS SIZE WAIT_MS [PID…]   OPERATION: one of load_bench, or exec,
 *                                                   which needs vm_client in this folder
 *
 * A line a block: ns that passed in it without those of the processes named, then those of each
 * process from the block's begin until WAIT_MS after its end, when they have caught up. There is
 * one CPU and nothing waits in a block, so what passes is the load's, or somebody's who interrupted
 * it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../load.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define EXIT_USAGE 64
#define COUNT_MAX 1000000
#define WATCHED_MAX 4
#define WARM_UP 100

/* ---- A process that connects once and exits */

#define CLIENT "./vm_client"

struct parent {
	char port[8];
	int listener;
};

static int listen_on_loopback(struct parent *parent)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);

	parent->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (parent->listener < 0 ||
	    bind(parent->listener, (struct sockaddr *)&address, length) < 0 ||
	    listen(parent->listener, 1) < 0 ||
	    getsockname(parent->listener, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	snprintf(parent->port, sizeof(parent->port), "%u", ntohs(address.sin_port));
	return 0;
}

static void end_exec(void *state)
{
	struct parent *parent = state;

	if (parent->listener >= 0)
		close(parent->listener);
	free(parent);
}

static int begin_exec(void **ret_state)
{
	struct parent *parent = calloc(1, sizeof(*parent));
	int error = parent ? listen_on_loopback(parent) : -ENOMEM;

	if (error < 0 && parent)
		end_exec(parent);
	else if (!error)
		*ret_state = parent;
	return error;
}

static int step_exec(void *state)
{
	struct parent *parent = state;
	char *arguments[] = {CLIENT, parent->port, NULL};
	NA_CLOSE int server = -1;
	int status;
	pid_t child;
	int error = -posix_spawn(&child, CLIENT, NULL, NULL, arguments, environ);

	if (error < 0)
		return error;
	if (waitpid(child, &status, 0) < 0)
		return -errno;
	if (status)
		return -ECHILD;
	server = accept4(parent->listener, NULL, NULL, SOCK_CLOEXEC);
	return server < 0 ? -errno : 0;
}

static const struct bench_operation exec_operation = {
	.name = "exec",
	.doc = "a process that is started, connects once and exits; its parent accepts",
	.threads = 1,
	.begin = begin_exec,
	.step = step_exec,
	.end = end_exec,
};

/* ---- Blocks */

struct blocks {
	const struct bench_operation *operation;
	void *state;
	unsigned long count, size, wait_ms;
	clockid_t clocks[WATCHED_MAX]; /* processor time of the processes */
	int watched;
};

/* Processor times of the processes, and their sum. */
struct times {
	uint64_t each_ns[WATCHED_MAX], sum_ns;
};

/* A process that is gone is an error: its time would be missing. */
static int read_times(const struct blocks *blocks, struct times *ret_times)
{
	struct times times = {0};

	for (int i = 0; i < blocks->watched; i++) {
		struct timespec time;

		if (clock_gettime(blocks->clocks[i], &time) < 0)
			return -errno;
		times.each_ns[i] = (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec;
		times.sum_ns += times.each_ns[i];
	}
	*ret_times = times;
	return 0;
}

static int do_steps(const struct blocks *blocks, unsigned long count)
{
	int error = 0;

	for (unsigned long i = 0; i < count && !error; i++)
		error = blocks->operation->step(blocks->state);
	return error;
}

/* The others' work of before must not fall into what follows. */
static void let_others_finish(const struct blocks *blocks)
{
	struct timespec wait = {
		.tv_sec = (time_t)(blocks->wait_ms / 1000),
		.tv_nsec = (long)(blocks->wait_ms % 1000 * NA_NS_PER_MS),
	};

	nanosleep(&wait, NULL);
}

static int measure_block(const struct blocks *blocks)
{
	struct times before = {0}, within = {0}, after = {0};
	uint64_t start_ns, passed_ns;
	int error = read_times(blocks, &before);

	if (error < 0)
		return error;
	start_ns = na_clock_awake_ns();
	error = do_steps(blocks, blocks->size);
	passed_ns = na_clock_awake_ns() - start_ns;
	if (!error)
		error = read_times(blocks, &within);
	let_others_finish(blocks);
	if (!error)
		error = read_times(blocks, &after);
	if (error < 0)
		return error;
	printf("%" PRIu64, passed_ns - (within.sum_ns - before.sum_ns));
	for (int i = 0; i < blocks->watched; i++)
		printf(" %" PRIu64, after.each_ns[i] - before.each_ns[i]);
	puts("");
	return 0;
}

static int measure(struct blocks *blocks)
{
	int error = blocks->operation->begin(&blocks->state);

	if (error < 0)
		return error;
	error = do_steps(blocks, WARM_UP < blocks->size ? WARM_UP : blocks->size);
	let_others_finish(blocks);
	for (unsigned long i = 0; i < blocks->count && !error; i++)
		error = measure_block(blocks);
	blocks->operation->end(blocks->state);
	return error;
}

/* ---- Arguments */

static bool parse_number(const char *text, unsigned long *ret_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || *end || number > COUNT_MAX)
		return false;
	*ret_number = number;
	return true;
}

static const struct bench_operation *find_operation(const char *name)
{
	for (size_t i = 0; bench_operations[i]; i++)
		if (strcmp(bench_operations[i]->name, name) == 0)
			return bench_operations[i];
	return strcmp(name, exec_operation.name) == 0 ? &exec_operation : NULL;
}

static bool parse(int argc, char **argv, struct blocks *ret_blocks)
{
	if (argc < 5 || argc > 5 + WATCHED_MAX || !parse_number(argv[2], &ret_blocks->count) ||
	    !parse_number(argv[3], &ret_blocks->size) ||
	    !parse_number(argv[4], &ret_blocks->wait_ms))
		return false;
	ret_blocks->operation = find_operation(argv[1]);
	for (int i = 5; i < argc; i++)
		if (clock_getcpuclockid(atoi(argv[i]), &ret_blocks->clocks[ret_blocks->watched++]))
			return false;
	return ret_blocks->operation;
}

int main(int argc, char **argv)
{
	struct blocks blocks = {0};
	int error;

	if (!parse(argc, argv, &blocks)) {
		fputs("Usage: workload OPERATION BLOCKS SIZE WAIT_MS [PID…]\n", stderr);
		return EXIT_USAGE;
	}
	error = measure(&blocks);
	if (error < 0)
		fprintf(stderr, "workload: %s\n", strerrordesc_np(-error));
	return error < 0;
}
