/* SPDX-License-Identifier: Apache-2.0 */
/* Valid records of random type and content, and a random sequence that a printed seed repeats. */
#ifndef NA_RANDOM_RECORD_H
#define NA_RANDOM_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

struct na_random {
	uint64_t state;
};

/* Seeds from NA_TEST_SEED or the clock, and prints the seed. */
struct na_random na_random_new(const char *test);

/* Below `limit`, which is at least 1. */
uint64_t na_random_below(struct na_random *random, uint64_t limit);

/* Room for any record that na_random_record makes. */
#define NA_RANDOM_RECORD_MAX 1024

/*
 * Fills `record` (aligned to 8, NA_RANDOM_RECORD_MAX bytes) but for its time. Where it comes from
 * goes into tid (`ring`) and start_ns (`number`).
 */
void na_random_record(struct na_random *random, uint32_t ring, uint64_t number,
		      struct na_record_header *record);

/* The order that the merge promises: time, then content; for qsort of pointers to records. */
int na_record_compare(const void *a, const void *b);

#endif
