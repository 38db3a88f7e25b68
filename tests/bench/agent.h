/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent does with records: process cache, socket table, a journal in memory. */
#ifndef NA_BENCH_AGENT_H
#define NA_BENCH_AGENT_H

#include "record.h"

struct bench_agent;

/* NULL: out of memory. One thread at a time. */
struct bench_agent *bench_agent_new(void);
void bench_agent_free(struct bench_agent *agent);

/* As na_record_take. */
int bench_agent_take(struct bench_agent *agent, const struct na_record_header *record);

/* Once a second at most, as the agent does. */
int bench_agent_tick(struct bench_agent *agent);

#endif
