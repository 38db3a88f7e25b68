/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait after a failure: twice as long each time, with jitter. One thread at a time. */
#ifndef NA_BACKOFF_H
#define NA_BACKOFF_H

#include <stdint.h>

struct na_backoff {
	uint64_t min_ns, max_ns;
	uint64_t next_ns; /* 0: min_ns */
	uint64_t random;  /* any seed but 0 */
};

/* Between half and all of min, 2 min, 4 min … max. */
uint64_t na_backoff_next(struct na_backoff *backoff);

static inline void na_backoff_reset(struct na_backoff *backoff)
{
	backoff->next_ns = 0;
}

#endif
