/* SPDX-License-Identifier: Apache-2.0 */
/* What something costs a load, by switching it on and off while the load goes on. */
#include "toggle.h"

#include <errno.h>

static int nothing(void *context)
{
	(void)context;
	return 0;
}

const struct bench_toggle bench_toggle_nothing = {"nothing", nothing, nothing, NULL};

/* One block without and one with. */
static int measure_pair(const struct bench_meter *meter, const struct bench_toggle *toggle,
			struct bench_sample *ret_off, struct bench_sample *ret_on)
{
	int error = meter->measure(meter->context, ret_off), off_error;

	if (error < 0)
		return error;
	error = toggle->on(toggle->context);
	if (error < 0)
		return error;
	error = meter->measure(meter->context, ret_on);
	off_error = toggle->off(toggle->context);
	return error < 0 ? error : off_error;
}

/* ------------------------------------------------------------------------------------------- */

int bench_compare(const struct bench_meter *meter, const struct bench_toggle *toggle, size_t pairs,
		  struct bench_comparison *ret_comparison)
{
	double rates[BENCH_PAIRS_MAX], ratios[BENCH_PAIRS_MAX], cpu_ratios[BENCH_PAIRS_MAX];
	double added[BENCH_PAIRS_MAX], shares[BENCH_PAIRS_MAX];
	struct bench_sample off, on;

	if (!pairs || pairs > BENCH_PAIRS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < pairs; i++) {
		int error = measure_pair(meter, toggle, &off, &on);

		if (error < 0)
			return error;
		rates[i] = off.rate;
		ratios[i] = on.rate / off.rate;
		cpu_ratios[i] = off.cpu_ns / on.cpu_ns;
		added[i] = on.cpu_ns - off.cpu_ns;
		shares[i] = (off.share + on.share) / 2;
	}
	*ret_comparison = (struct bench_comparison){
		.pairs = pairs,
		.rate = bench_spread_of(rates, pairs),
		.ratio = bench_spread_of(ratios, pairs),
		.cpu_ratio = bench_spread_of(cpu_ratios, pairs),
		.added = bench_spread_of(added, pairs),
		.share = bench_spread_of(shares, pairs),
	};
	return 0;
}
