/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the wall clock against boot time, and tells when it was stepped or the machine slept.
 * One thread at a time.
 *
 * The offset in use is fixed between samples that differ by nanoseconds only, so that the times of
 * neighbouring events keep their distance. Slewing (what a time service does to small errors) moves
 * it silently: an event for each second of it would tell nothing.
 */
#ifndef NA_CLOCK_WATCH_H
#define NA_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct na_clock_watch {
	uint64_t wall_offset_ns; /* boot time to wall time; what events are dated with */
	uint64_t suspended_ns;   /* since boot, as of the last look */
	uint64_t looked_ns;      /* awake time */
};

struct na_clock_change {
	int64_t step_ns;       /* the wall clock was set, by so much; 0: it was not */
	uint64_t suspended_ns; /* the machine slept for so long; 0: it did not */
};

void na_clock_watch_init(struct na_clock_watch *watch);

/*
 * About once a second. Brings wall_offset_ns up to date. True: *ret_change says what happened since
 * the last look, for na_pipeline_clock_changed.
 */
bool na_clock_watch_look(struct na_clock_watch *watch, struct na_clock_change *ret_change);

#endif
