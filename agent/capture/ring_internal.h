/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between mapping rings and reading them, where tests put memory of their own. */
#ifndef NA_RING_INTERNAL_H
#define NA_RING_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "capture/ring.h"

/* A ring as the kernel lays it out; `data` is there twice in a row, so that no record is cut. */
struct na_ring_memory {
	uint64_t *consumer;
	const uint64_t *producer;
	const uint8_t *data;
	size_t size;
	int fd; /* becomes readable when a producer rings */
};

/* As na_rings_open, but all memory stays the caller's. */
int na_rings_new(const struct na_ring_memory *memory, size_t count, struct na_doorbell *doorbell,
		 struct na_rings **ret_rings);

#endif
