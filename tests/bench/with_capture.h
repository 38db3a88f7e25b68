/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The toggle that attaches and detaches the agent's kernel programs, with a thread that reads their
 * rings and drops what it reads: the kernel side and the way to the agent, without the agent's
 * work.
 */
#ifndef NA_BENCH_WITH_CAPTURE_H
#define NA_BENCH_WITH_CAPTURE_H

#include <stdint.h>

#include "toggle.h"

struct bench_capture;

/*
 * Loads the programs, detached. -EOPNOTSUPP: this build has none. Other errors say why on stderr.
 * One thread calls all functions here; the toggle's name is "programs".
 */
int bench_capture_open(struct bench_capture **ret_capture);
void bench_capture_close(struct bench_capture **capture);

/* Borrows the capture. */
struct bench_toggle bench_capture_toggle(struct bench_capture *capture);

/* Records read, and lost, since the last call. */
void bench_capture_count(struct bench_capture *capture, uint64_t *ret_read, uint64_t *ret_lost);

#endif
