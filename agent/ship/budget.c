/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket. */
#include "ship/budget.h"

#include "base/clock.h"

#define HOUR_MS UINT64_C(3600000)

static void fill(struct na_mark *mark, uint64_t limit, uint64_t wall_ns)
{
	uint64_t elapsed_ms, gain;

	if (!mark->budget_wall_ns) {
		mark->budget_left = limit;
		mark->budget_wall_ns = wall_ns;
	}
	if (wall_ns <= mark->budget_wall_ns)
		return;
	elapsed_ms = (wall_ns - mark->budget_wall_ns) / NA_NS_PER_MS;
	if (elapsed_ms >= HOUR_MS) {
		mark->budget_left = limit;
		mark->budget_wall_ns = wall_ns;
		return;
	}
	gain = elapsed_ms * limit / HOUR_MS; /* below 2^62: the limit is 1 TiB */
	if (!gain)
		return;
	mark->budget_wall_ns += elapsed_ms * NA_NS_PER_MS;
	mark->budget_left += gain;
	/* Also where the limit was lowered since. */
	if (mark->budget_left > limit)
		mark->budget_left = limit;
}

/* ------------------------------------------------------------------------------------------- */

bool na_budget_take(struct na_mark *mark, uint64_t limit_bytes, uint64_t wall_ns, uint64_t bytes)
{
	if (!limit_bytes)
		return true;
	fill(mark, limit_bytes, wall_ns);
	if (bytes > mark->budget_left)
		return false;
	mark->budget_left -= bytes;
	return true;
}

void na_budget_charge(struct na_mark *mark, uint64_t limit_bytes, uint64_t wall_ns, uint64_t bytes)
{
	if (!na_budget_take(mark, limit_bytes, wall_ns, bytes))
		mark->budget_left = 0;
}

void na_budget_miss(struct na_mark *mark)
{
	if (!mark->over_count)
		mark->over_first = mark->sequence;
	mark->over_last = mark->sequence;
	mark->over_count++;
	mark->left_out[NA_RULE_BUDGET]++;
}
