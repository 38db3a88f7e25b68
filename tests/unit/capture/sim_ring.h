/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring in memory that behaves as a BPF ring buffer does towards its reader, with producers of
 * ours. Any thread may produce.
 */
#ifndef NA_SIM_RING_H
#define NA_SIM_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/ring_internal.h"

struct na_sim_ring {
	pthread_mutex_t lock; /* of reservations */
	_Alignas(64) uint64_t consumer;
	_Alignas(64) uint64_t producer;
	uint8_t *data; /* twice in a row */
	size_t size;
	int event_fd; /* stands for the ring's descriptor */
};

/* `size`: a power of two of at least a page. Aborts when it cannot. */
void na_sim_ring_init(struct na_sim_ring *ring, size_t size);
void na_sim_ring_done(struct na_sim_ring *ring);
struct na_ring_memory na_sim_ring_memory(struct na_sim_ring *ring);

/* Room for a record that the reader sees as BUSY; NULL: full. */
void *na_sim_ring_reserve(struct na_sim_ring *ring, size_t size);

/* Submits or discards, without a wake-up. */
void na_sim_ring_submit(void *record, bool discard);

/* What wakeup_flags of bpf/maps.h does, and the wake-up. */
void na_sim_ring_bell(struct na_sim_ring *ring, struct na_doorbell *doorbell);

#endif
