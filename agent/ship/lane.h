/* SPDX-License-Identifier: Apache-2.0 */
/* One output: its thread, reader, cursor and instance. Main thread, where nothing else is said. */
#ifndef NA_LANE_H
#define NA_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "ship/ship.h"

struct na_lane;

/*
 * Both options outlive it. `through` is an eventfd that gets a 1 when the thread has nothing more
 * to do. NULL: out of memory.
 */
struct na_lane *na_lane_new(const struct na_ship_options *options,
			    const struct na_ship_output *output, int through);

/* 0 or -EAGAIN. */
int na_lane_start(struct na_lane *lane);

void na_lane_reopen(struct na_lane *lane);

/* Asks only, so that all end at the same time. */
void na_lane_stop(struct na_lane *lane, uint64_t deadline_ns);

/* Joins the thread; na_lane_stop was called, or it is through. */
void na_lane_join(struct na_lane *lane);

/* After na_lane_join. NULL is fine. */
void na_lane_free(struct na_lane *lane);

/* Any thread. */
void na_lane_status(struct na_lane *lane, struct na_ship_status *ret_status);
bool na_lane_is_through(struct na_lane *lane);

#endif
