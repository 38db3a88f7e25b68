/* SPDX-License-Identifier: Apache-2.0 */
/* The only source of time. */
#include "base/clock.h"

#include <time.h>

#define SAMPLES 5

static uint64_t read_clock(clockid_t id)
{
	struct timespec time;

	clock_gettime(id, &time);
	return (uint64_t)time.tv_sec * NA_NS_PER_SEC + (uint64_t)time.tv_nsec;
}

/* What `other` shows beyond `base`, where the two reads of `base` lay closest together. */
static uint64_t compare_clocks(clockid_t base, clockid_t other)
{
	uint64_t best = UINT64_MAX, offset = 0;

	for (int i = 0; i < SAMPLES; i++) {
		uint64_t before = read_clock(base);
		uint64_t between = read_clock(other);
		uint64_t after = read_clock(base);

		if (after - before >= best)
			continue;
		best = after - before;
		offset = between - (before + (after - before) / 2);
	}
	return offset;
}

/* ------------------------------------------------------------------------------------------- */

uint64_t na_clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t na_clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t na_clock_awake_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t na_clock_wall_offset_ns(void)
{
	return compare_clocks(CLOCK_BOOTTIME, CLOCK_REALTIME);
}

uint64_t na_clock_suspended_ns(void)
{
	/* Of a machine that never slept samples are a few nanoseconds off, either way. */
	int64_t slept_ns = (int64_t)compare_clocks(CLOCK_MONOTONIC, CLOCK_BOOTTIME);

	return slept_ns > 0 ? (uint64_t)slept_ns : 0;
}
