/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The moment at which one set of kernel programs takes over from another: both were attached, so
 * for a while both reported the same things. Capture thread only.
 *
 * For one thing the stamps of the two differ by what came in between: as a rule microseconds, and
 * as long as the task stood still where it was preempted there. So no moment cuts cleanly. Around
 * it, records of both are kept in copies, and each of the new set's for which the old set has one,
 * NA_OVERLAP_NS apart at most, is left out.
 */
#ifndef NA_OVERLAP_H
#define NA_OVERLAP_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/ring.h"
#include "record.h"

#define NA_OVERLAP_NS UINT64_C(50000000)

struct na_overlap;

/* `cut_ns`: all of the new set is attached, and none of the old is detached. NULL: no memory. */
struct na_overlap *na_overlap_new(uint64_t cut_ns);
void na_overlap_free(struct na_overlap *overlap);

/* What becomes of a record. */
enum na_overlap_part {
	NA_OVERLAP_BEFORE, /* of the old set, long before the cut: to be passed on at once */
	NA_OVERLAP_KEPT,   /* copied */
	NA_OVERLAP_OTHERS  /* the other set tells it */
};

/* First all of the old set, until NA_OVERLAP_NS after the cut. A part, or -ENOMEM. */
int na_overlap_add_old(struct na_overlap *overlap, const struct na_record_header *record);
/* Then all that the new set has by then. */
int na_overlap_add_new(struct na_overlap *overlap, const struct na_record_header *record);

/* Passes the copies on, in order of time, each thing once. 0, or the taker's value. Once. */
int na_overlap_pass(struct na_overlap *overlap, na_record_take *take, void *context);

#endif
