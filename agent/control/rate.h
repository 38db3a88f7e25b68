/* SPDX-License-Identifier: Apache-2.0 */
/* How much a counter grew in the last minute. One thread, or under the caller's lock. */
#ifndef NA_RATE_H
#define NA_RATE_H

#include <stdint.h>

#define NA_RATE_SAMPLES 61

struct na_rate {
	struct {
		uint64_t time_ns, total;
	} samples[NA_RATE_SAMPLES];
	unsigned int next, count;
};

/* About once a second; samples closer than half a second are left out. */
void na_rate_add(struct na_rate *rate, uint64_t now_ns, uint64_t total);

/* Per second over the last minute, or since the first sample; 0 before there are two. */
double na_rate_per_second(const struct na_rate *rate);

#endif
