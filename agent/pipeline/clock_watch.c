/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the wall clock. */
#include "pipeline/clock_watch.h"

#include <stdlib.h>

#include "base/clock.h"

/* Samples of the offset differ by less, unless the clock was moved. */
#define NOISE_NS (100 * NA_NS_PER_US)
/* A shorter sleep is none: a machine takes longer to fall asleep and wake up. */
#define SLEEP_MIN_NS (10 * NA_NS_PER_MS)
/*
 * The kernel slews a clock by a tenth at most (adjtimex(2), tick): what moved further was set. Time
 * services set a clock that is off by more than 128 ms (ntpd) to 1 s, so that looks a second apart
 * see it. A look that comes late does not hide a step: more than ten seconds of slewing at the
 * limit do not count.
 */
#define SLEW_SHARE 10
#define SLEW_MAX_NS (10 * NA_NS_PER_SEC)

static uint64_t slew_limit(uint64_t elapsed_ns)
{
	uint64_t counted_ns = elapsed_ns < SLEW_MAX_NS ? elapsed_ns : SLEW_MAX_NS;

	return counted_ns / SLEW_SHARE + NOISE_NS;
}

/* ------------------------------------------------------------------------------------------- */

void na_clock_watch_init(struct na_clock_watch *watch)
{
	watch->wall_offset_ns = na_clock_wall_offset_ns();
	watch->suspended_ns = na_clock_suspended_ns();
	watch->looked_ns = na_clock_awake_ns();
}

bool na_clock_watch_look(struct na_clock_watch *watch, struct na_clock_change *ret_change)
{
	struct na_clock_watch before = *watch, now;
	uint64_t moved_ns, slept_ns;
	int64_t off_ns;

	na_clock_watch_init(&now);
	off_ns = (int64_t)(now.wall_offset_ns - before.wall_offset_ns);
	moved_ns = (uint64_t)llabs(off_ns);
	slept_ns =
		now.suspended_ns > before.suspended_ns ? now.suspended_ns - before.suspended_ns : 0;
	watch->looked_ns = now.looked_ns;
	if (moved_ns > NOISE_NS)
		watch->wall_offset_ns = now.wall_offset_ns;
	if (slept_ns < SLEEP_MIN_NS)
		slept_ns = 0;
	else
		watch->suspended_ns = now.suspended_ns;
	if (moved_ns <= slew_limit(now.looked_ns - before.looked_ns))
		off_ns = 0;
	if (!off_ns && !slept_ns)
		return false;
	*ret_change = (struct na_clock_change){off_ns, slept_ns};
	return true;
}
