/* SPDX-License-Identifier: Apache-2.0 */
/* How long a child that died stays dead: 100 ms, twice as long each time, 30 s at most. */
#ifndef NA_BACKOFF_H
#define NA_BACKOFF_H

#include <stdint.h>

#include "base/clock.h"

#define NA_BACKOFF_FIRST_NS (100 * NA_NS_PER_MS)
#define NA_BACKOFF_MOST_NS (30 * NA_NS_PER_SEC)
#define NA_BACKOFF_GOOD_LIFE_NS (60 * NA_NS_PER_SEC) /* who lived so long begins anew */

struct na_backoff {
	uint64_t last_ns; /* 0: none yet */
};

/* What to wait for a child that lived so long. */
static inline uint64_t na_backoff_next(struct na_backoff *backoff, uint64_t lived_ns)
{
	if (lived_ns >= NA_BACKOFF_GOOD_LIFE_NS)
		backoff->last_ns = 0;
	backoff->last_ns = backoff->last_ns ? 2 * backoff->last_ns : NA_BACKOFF_FIRST_NS;
	if (backoff->last_ns > NA_BACKOFF_MOST_NS)
		backoff->last_ns = NA_BACKOFF_MOST_NS;
	return backoff->last_ns;
}

#endif
