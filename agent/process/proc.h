/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from /proc, about what ran before us or whose records were lost. One thread. */
#ifndef NA_PROCESS_PROC_H
#define NA_PROCESS_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "process/facts.h"

/*
 * /proc/PID/stat tells a start in clock ticks, records in nanoseconds; the kernel rounds down. The
 * tick of /proc is USER_HZ, 100 on every architecture we run on, whatever HZ the kernel has.
 */
#define NA_TICK_NS UINT64_C(10000000)

static inline bool na_same_tick(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns / NA_TICK_NS == b_ns / NA_TICK_NS;
}

/* A folder as /proc. A descriptor, or a negative errno. */
int na_proc_open(const char *path);

/*
 * Texts of `ret_facts` lie in `arena`, which is cleared first. start_ns is the beginning of the
 * tick. -ESRCH: no such process, a zombie, or it ended or was replaced while it was read. What
 * cannot be read of a process that is there is left out.
 */
int na_proc_read(int proc, uint32_t pid, struct na_arena *arena, struct na_facts *ret_facts);

#endif
