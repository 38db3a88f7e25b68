/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernel programs and agent share: rings, doorbell, loss counters, knobs. */
#ifndef NA_MAPS_H
#define NA_MAPS_H

#include "kernel.h"
#include "record.h"

/* Highest number of rings; the one behind the last in use takes per-message records (FLOW). */
#define NA_RINGS_MAX 17

/* The agent makes the rings with their size and puts them here before it attaches anything. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, NA_RINGS_MAX);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_RINGBUF);
		__uint(max_entries, 4096);
	});
} rings SEC(".maps");

/* Maps of their own, mapped by the reader. */
struct {
	__u32 sleeping;
} doorbell SEC(".data.doorbell");

/* Records for which a ring had no room, per program; only grows. */
__u64 lost[NA_PROGRAM_NUMBERS] SEC(".data.lost"); /* older verifiers lose a comparison with the count */

/* Security hooks by enum na_hook; the agent writes modes and samples, before it attaches and at a reload. */
struct {
	__u64 calls[NA_HOOK_COUNT];
	__u64 refusals[NA_HOOK_COUNT];
	__u64 missed[NA_HOOK_COUNT];  /* returns that the kernel's probes did not see */
	__u32 samples[NA_HOOK_COUNT]; /* one in so many calls is an event */
	__u8 modes[NA_HOOK_COUNT];    /* enum na_hook_mode */
} hooks SEC(".data.hooks");

/*
 * Operations (bits of enum na_operation) that programs on hooks and functions tell: the exit of system
 * calls and io_uring leave them alone. The agent sets it when it knows what attached.
 */
struct {
	__u32 successes;
	__u32 failures;
	__u32 lsm;     /* what LSMs refuse of them is told by the hooks */
	__u32 seccomp; /* refusals by seccomp are wanted of all operations */
} told SEC(".data.told");

static __always_inline bool is_told(__u32 operation, bool failed)
{
	return (failed ? told.failures : told.successes) >> operation & 1;
}

/* Knobs, set before load. */
const volatile __u8 hook_slots[NA_HOOK_COUNT] = {
#define NA_HOOK(id, name, function, slots, ...) [NA_HOOK_##id] = slots,
#include "hooks.def"
};
const volatile __u32 ring_count = 1;
const volatile __u64 families = 1 << AF_INET | 1 << AF_INET6; /* bit AF_* */
const volatile __u64 flow_interval_ns = 60000000000;

static __always_inline bool family_wanted(__u16 family)
{
	return family < 64 && families >> family & 1;
}

/* Atomic: process, softirq and interrupt context of one CPU may all get here. */
static __always_inline void count_lost(__u8 program)
{
	__sync_fetch_and_add(&lost[program], 1);
}

/*
 * Room for a record, or NULL and it is counted. Not zeroed: zeroing halves the speed, so a program
 * writes every member (record.h asserts that there is no padding).
 */
static __always_inline void *record_reserve(__u32 ring, __u64 size, __u8 program)
{
	void *map = bpf_map_lookup_elem(&rings, &ring);
	void *record = map ? bpf_ringbuf_reserve(map, size, 0) : NULL;

	if (!record)
		count_lost(program);
	return record;
}

static __always_inline __u32 ring_of_cpu(void)
{
	return bpf_get_smp_processor_id() % ring_count;
}

#define RESERVE(type, program) \
	((struct na_record_##type *)record_reserve(ring_of_cpu(), sizeof(struct na_record_##type), program))

/*
 * Wakes the reader only when it said that it sleeps: a wake-up for each record costs a third of the
 * connection rate. Partner: na_rings_wait sets the flag, then looks at the positions.
 *
 * A store, where an exchange would let one of two CPUs ring: kernels before 5.12 refuse a program that
 * holds one. Whoever lowers the flag rings, after that and before its record can be read: so the
 * flag is never down while the reader sleeps, and two that lower it at once ring twice.
 */
static __always_inline __u64 wakeup_flags(void)
{
	volatile __u32 *sleeping = &doorbell.sleeping;

	if (!*sleeping)
		return BPF_RB_NO_WAKEUP;
	*sleeping = 0;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void record_submit(void *record)
{
	bpf_ringbuf_submit(record, wakeup_flags());
}

#endif
