/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads that go on until they are stopped: threads, each pinned to a CPU of its own, that do one
 * operation again and again and never wait for each other.
 */
#ifndef NA_BENCH_LOAD_H
#define NA_BENCH_LOAD_H

#include <stdint.h>

#include "toggle.h"

/* One kind of load. `state` belongs to one thread. */
struct bench_operation {
	const char *name;
	const char *doc;
	unsigned int threads; /* or as many as there are CPUs, if those are fewer */
	int (*begin)(void **ret_state);
	int (*step)(void *state); /* 0 or a negative errno, which ends the load */
	void (*end)(void *state);
};

/* NULL behind the last. */
extern const struct bench_operation *const bench_operations[];

struct bench_load;

/*
 * Starts the threads, in a network namespace of the load's own, which the calling thread enters for
 * good: call before other threads exist. -EPERM without CAP_SYS_ADMIN.
 */
int bench_load_start(const struct bench_operation *operation, uint64_t block_ns,
		     struct bench_load **ret_load);

/* Waits for a block: a bench_meter's `measure`. -ETIME: no operation ended in it. */
int bench_load_measure(void *load, struct bench_sample *ret_sample);

void bench_load_stop(struct bench_load **load);

#endif
