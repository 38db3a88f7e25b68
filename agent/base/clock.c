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

uint64_t na_clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t na_clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t na_clock_wall_offset_ns(void)
{
	uint64_t best = UINT64_MAX, offset = 0;

	for (int i = 0; i < SAMPLES; i++) {
		uint64_t before = na_clock_boot_ns();
		uint64_t wall = na_clock_wall_ns();
		uint64_t after = na_clock_boot_ns();

		if (after - before >= best)
			continue;
		best = after - before;
		offset = wall - (before + (after - before) / 2);
	}
	return offset;
}
