/* SPDX-License-Identifier: Apache-2.0 */
/* Loads that go on until they are stopped. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define THREADS_MAX 2
#define CACHE_LINE 64
#define SETTLE_NS (50 * NA_NS_PER_MS)
#define TW_BUCKETS "/proc/sys/net/ipv4/tcp_max_tw_buckets"
#define TW_BUCKETS_MAX "64"

struct worker {
	/* Written by the worker, read by the meter. */
	_Alignas(CACHE_LINE) _Atomic uint64_t count;
	_Atomic int error;
	/* Fixed before the thread starts. */
	const struct bench_operation *operation;
	const atomic_bool *stop;
	void *state;
	pthread_t thread;
	int cpu;
};

struct bench_load {
	struct worker workers[THREADS_MAX];
	unsigned int threads;
	uint64_t block_ns;
	atomic_bool stop;
};

static int write_file(const char *path, const char *text)
{
	NA_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

static int raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	NA_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return -errno;
	return 0;
}

/*
 * A network of our own: nothing else is counted, and the limit of TIME_WAIT, without which figures
 * wander as the table fills, ends with the namespace and never touches the host.
 */
static int enter_namespace(void)
{
	int error;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	error = raise_loopback();
	return error < 0 ? error : write_file(TW_BUCKETS, TW_BUCKETS_MAX);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	uint64_t count = 0;
	int error = 0;

	while (!error && !atomic_load_explicit(worker->stop, memory_order_relaxed)) {
		error = worker->operation->step(worker->state);
		atomic_store_explicit(&worker->count, ++count, memory_order_relaxed);
	}
	atomic_store_explicit(&worker->error, error, memory_order_relaxed);
	return NULL;
}

static int start_worker(struct worker *worker)
{
	pthread_attr_t attributes;
	cpu_set_t cpus;
	int error;

	CPU_ZERO(&cpus);
	CPU_SET(worker->cpu, &cpus);
	error = -worker->operation->begin(&worker->state);
	if (error)
		return -error;
	pthread_attr_init(&attributes);
	error = pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	if (!error)
		error = pthread_create(&worker->thread, &attributes, work, worker);
	pthread_attr_destroy(&attributes);
	if (error)
		worker->operation->end(worker->state);
	return -error;
}

/* The n-th CPU that we may use, or -1. */
static int nth_cpu(unsigned int n)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && n-- == 0)
			return cpu;
	return -1;
}

static int start_all(struct bench_load *load, const struct bench_operation *operation)
{
	for (unsigned int i = 0; i < operation->threads && i < THREADS_MAX; i++) {
		struct worker *worker = &load->workers[i];
		int error, cpu = nth_cpu(i);

		if (cpu < 0)
			break;
		worker->operation = operation;
		worker->stop = &load->stop;
		worker->cpu = cpu;
		error = start_worker(worker);
		if (error < 0)
			return error;
		load->threads++;
	}
	return load->threads ? 0 : -EINVAL;
}

static void wait_until(uint64_t boot_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(boot_ns / NA_NS_PER_SEC),
		.tv_nsec = (long)(boot_ns % NA_NS_PER_SEC),
	};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* What the load did so far. */
struct reading {
	uint64_t boot_ns, count, cpu_ns;
};

static uint64_t cpu_ns_of(pthread_t thread)
{
	struct timespec time;
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) < 0)
		return 0;
	return (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec;
}

/* Negative errno of a worker that gave up. */
static int read_all(struct bench_load *load, struct reading *ret_reading)
{
	struct reading reading = {.boot_ns = na_clock_boot_ns()};

	for (unsigned int i = 0; i < load->threads; i++) {
		struct worker *worker = &load->workers[i];
		int error = atomic_load_explicit(&worker->error, memory_order_relaxed);

		if (error < 0)
			return error;
		reading.count += atomic_load_explicit(&worker->count, memory_order_relaxed);
		reading.cpu_ns += cpu_ns_of(worker->thread);
	}
	*ret_reading = reading;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int bench_load_start(const struct bench_operation *operation, uint64_t block_ns,
		     struct bench_load **ret_load)
{
	struct bench_load *load;
	int error = enter_namespace();

	if (error < 0)
		return error;
	load = aligned_alloc(CACHE_LINE, sizeof(*load));
	if (!load)
		return -ENOMEM;
	memset(load, 0, sizeof(*load));
	load->block_ns = block_ns;
	error = start_all(load, operation);
	if (error < 0)
		bench_load_stop(&load);
	else
		*ret_load = load;
	return error;
}

int bench_load_measure(void *context, struct bench_sample *ret_sample)
{
	struct bench_load *load = context;
	struct reading before, after;
	double operations, cpu, wall;
	int error;

	/* What was just switched on or off leaves work behind: RCU frees the programs. */
	wait_until(na_clock_boot_ns() + SETTLE_NS);
	error = read_all(load, &before);
	if (error < 0)
		return error;
	wait_until(before.boot_ns + load->block_ns);
	error = read_all(load, &after);
	if (error < 0)
		return error;
	if (after.count == before.count || after.cpu_ns == before.cpu_ns)
		return -ETIME;
	operations = (double)(after.count - before.count);
	cpu = (double)(after.cpu_ns - before.cpu_ns);
	wall = (double)(after.boot_ns - before.boot_ns);
	*ret_sample = (struct bench_sample){
		.rate = operations * (double)NA_NS_PER_SEC / wall,
		.cpu_ns = cpu / operations,
		.share = cpu / wall / load->threads,
	};
	return 0;
}

void bench_load_stop(struct bench_load **load)
{
	if (!*load)
		return;
	atomic_store_explicit(&(*load)->stop, true, memory_order_relaxed);
	for (unsigned int i = 0; i < (*load)->threads; i++) {
		struct worker *worker = &(*load)->workers[i];

		pthread_join(worker->thread, NULL);
		worker->operation->end(worker->state);
	}
	free(*load);
	*load = NULL;
}
