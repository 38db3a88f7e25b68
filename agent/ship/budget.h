/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes per hour: a bucket that holds an hour's worth and fills by the events' own wall times. So a
 * backlog of a day has the budget of a day, and an event that is read again is decided as before:
 * the bucket is part of the mark. A wall clock that goes back fills nothing.
 */
#ifndef NA_BUDGET_H
#define NA_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "ship/mark.h"

/* Takes `bytes` out of the bucket; false: they are not in it. Limit 0: none. */
bool na_budget_take(struct na_mark *mark, uint64_t limit_bytes, uint64_t wall_ns, uint64_t bytes);

/* The same for what is sent in any case: takes what there is. */
void na_budget_charge(struct na_mark *mark, uint64_t limit_bytes, uint64_t wall_ns, uint64_t bytes);

/* The event behind the mark (`sequence`) was left out: to be told. */
void na_budget_miss(struct na_mark *mark);

#endif
