/* SPDX-License-Identifier: Apache-2.0 */
/* How much a counter grew in the last minute: a ring of samples. */
#include "control/rate.h"

#include "base/clock.h"

#define CLOSEST_NS (NA_NS_PER_SEC / 2)
#define WINDOW_NS (60 * NA_NS_PER_SEC)

/* `back` 0: the latest. */
static unsigned int place(const struct na_rate *rate, unsigned int back)
{
	return (rate->next + NA_RATE_SAMPLES - 1 - back) % NA_RATE_SAMPLES;
}

/* ------------------------------------------------------------------------------------------- */

void na_rate_add(struct na_rate *rate, uint64_t now_ns, uint64_t total)
{
	if (rate->count && now_ns < rate->samples[place(rate, 0)].time_ns + CLOSEST_NS)
		return;
	rate->samples[rate->next].time_ns = now_ns;
	rate->samples[rate->next].total = total;
	rate->next = (rate->next + 1) % NA_RATE_SAMPLES;
	rate->count += rate->count < NA_RATE_SAMPLES;
}

double na_rate_per_second(const struct na_rate *rate)
{
	unsigned int last = place(rate, 0), first = last;

	for (unsigned int back = 1; back < rate->count; back++) {
		first = place(rate, back);
		if (rate->samples[first].time_ns + WINDOW_NS <= rate->samples[last].time_ns)
			break;
	}
	if (!rate->count || rate->samples[first].time_ns == rate->samples[last].time_ns)
		return 0;
	return (double)(rate->samples[last].total - rate->samples[first].total) *
	       (double)NA_NS_PER_SEC /
	       (double)(rate->samples[last].time_ns - rate->samples[first].time_ns);
}
