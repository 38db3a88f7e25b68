/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory a lane may have, so that the shipping process stays within
 * NA_ALLOWANCE_PROCESS_BYTES and the requests that its outputs are configured to have under way.
 * The lanes have equal shares: one whose far end is down takes nothing from another. Any thread.
 */
#ifndef NA_ALLOWANCE_H
#define NA_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>

#define NA_ALLOWANCE_PROCESS_BYTES (32u << 20)

struct na_allowance {
	size_t bytes;        /* of batches and records on their way */
	size_t batch_bytes;  /* one batch that is full; its events' copies count */
	size_t record_bytes; /* what a record on its way costs beside its texts */
};

/* `copies`: as in include/output.h. */
struct na_allowance na_allowance_of(size_t outputs, bool copies);

/*
 * May one more event be read, with so many bytes and records on their way? Into a new batch
 * (`begun`: not) only where there is room for a good part of one: small ones cost more. Where
 * nothing is on its way there always is.
 */
bool na_allowance_has_room(const struct na_allowance *allowance, size_t bytes, size_t records,
			   bool begun);

#endif
