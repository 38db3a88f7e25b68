/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel runs no program of a tracepoint that is active on the CPU already: one that comes in a
 * softirq over it is skipped, and, where tracepoints can be preempted (from 7.0), one of another task
 * that gets the CPU meanwhile. What it had to tell would be lost. So a second program of the same
 * body, the stand-in, is attached behind it. The first leaves a mark by what its run is about, a task,
 * a socket or a file; a stand-in that finds none does the work.
 *
 * Marks of two that share a slot, at the same moment, are one: then a stand-in tells a second time.
 */
#ifndef NA_STAND_IN_H
#define NA_STAND_IN_H

#include "fill.h"

#define STAND_IN_MARKS 32768 /* a power of two; 256 KiB */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STAND_IN_MARKS);
	__type(key, __u32);
	__type(value, __u64);
} stand_in_marks SEC(".maps");

struct {
	__u64 worked[NA_PROGRAM_COUNT]; /* runs that the stand-in of the program did for it */
	__u8 attached[NA_PROGRAM_COUNT]; /* the program has one; the agent sets it */
} stand_ins SEC(".data.stand_ins");

/* Its lower half: of a pointer that it follows, the verifier lets nothing else become a number. */
static __always_inline __u64 stand_in__key(const void *pointer)
{
	__u64 key;

	asm volatile("r1 = %1; w1 -= 0; %0 = r1" : "=r"(key) : "r"(pointer) : "r1");
	return key;
}

/* Objects are 64 bytes and more apart. */
static __always_inline __u64 *stand_in__slot(__u64 key)
{
	__u32 slot = (key >> 6 ^ key >> 21) & (STAND_IN_MARKS - 1);

	return bpf_map_lookup_elem(&stand_in_marks, &slot);
}

static __always_inline void stand_in__mark(__u8 program, __u64 key)
{
	__u64 *slot = stand_ins.attached[program] ? stand_in__slot(key) : NULL;

	if (slot)
		*slot = key;
}

/* Whether the program ran; a run without it is counted. */
static __always_inline bool stand_in__is_idle(__u8 program, __u64 key)
{
	__u64 *slot = stand_in__slot(key);

	if (!slot)
		return true;
	if (*slot == key) {
		*slot = 0;
		return true;
	}
	__sync_fetch_and_add(&stand_ins.worked[program], 1);
	return false;
}

static __always_inline void stand_in__mark_task(__u8 program)
{
	if (stand_ins.attached[program])
		stand_in__mark(program, bpf_get_current_task());
}

static __always_inline bool stand_in__is_idle_of_task(__u8 program)
{
	return stand_in__is_idle(program, bpf_get_current_task());
}

#endif
