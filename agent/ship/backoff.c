/* SPDX-License-Identifier: Apache-2.0 */
/* The jitter keeps a fleet of agents from coming back at one moment. */
#include "ship/backoff.h"

/* xorshift64: nothing secret hangs on it. */
static uint64_t next_random(struct na_backoff *backoff)
{
	uint64_t x = backoff->random ? backoff->random : 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	backoff->random = x;
	return x;
}

/* ------------------------------------------------------------------------------------------- */

uint64_t na_backoff_next(struct na_backoff *backoff)
{
	uint64_t wait = backoff->next_ns ? backoff->next_ns : backoff->min_ns;

	if (wait > backoff->max_ns)
		wait = backoff->max_ns;
	backoff->next_ns = wait > backoff->max_ns / 2 ? backoff->max_ns : wait * 2;
	return wait - next_random(backoff) % (wait / 2 + 1);
}
