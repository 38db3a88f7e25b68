/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The toggles that attach and detach the agent's kernel programs, with a thread that reads their
 * rings: "programs" drops what it reads, the kernel side and the way to the agent; "agent" makes
 * events of it and appends them to a journal, as the agent does.
 */
#ifndef NA_BENCH_WITH_CAPTURE_H
#define NA_BENCH_WITH_CAPTURE_H

#include <stdint.h>

#include "toggle.h"

struct bench_capture;

enum bench_reader { BENCH_PROGRAMS, BENCH_AGENT, BENCH_READER_COUNT };

/* Loads the programs, detached. Errors say why on stderr. One thread calls all functions here. */
int bench_capture_open(enum bench_reader reader, struct bench_capture **ret_capture);
void bench_capture_close(struct bench_capture **capture);

/* Borrows the capture. */
struct bench_toggle bench_capture_toggle(struct bench_capture *capture);

struct bench_counts {
	uint64_t records, lost;
	uint64_t connections; /* accepted */
	uint64_t cpu_ns;      /* of the reading thread */
};

/* Since the last call. */
struct bench_counts bench_capture_count(struct bench_capture *capture);

#endif
