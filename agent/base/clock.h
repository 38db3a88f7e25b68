/* SPDX-License-Identifier: Apache-2.0 */
/* The only source of time, so that tests and replays can replace it. Any thread. */
#ifndef NA_CLOCK_H
#define NA_CLOCK_H

#include <stdint.h>

#define NA_NS_PER_US UINT64_C(1000)
#define NA_NS_PER_MS UINT64_C(1000000)
#define NA_NS_PER_SEC UINT64_C(1000000000)

/* CLOCK_BOOTTIME, the clock of the kernel's records. */
uint64_t na_clock_boot_ns(void);

/* Nanoseconds since 1970, UTC. */
uint64_t na_clock_wall_ns(void);

/*
 * What to add to boot time for wall time, sampled so that a preemption between the two reads does
 * not count. May change at any moment: the wall clock can be set.
 */
uint64_t na_clock_wall_offset_ns(void);

/* For how long the machine slept since it was started, sampled like that. */
uint64_t na_clock_suspended_ns(void);

/* CLOCK_MONOTONIC: boot time without sleep. */
uint64_t na_clock_awake_ns(void);

#endif
