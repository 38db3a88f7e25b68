/* SPDX-License-Identifier: Apache-2.0 */
/* A ring in memory that behaves as a BPF ring buffer does towards its reader. */
#include "sim_ring.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* Not assert: that is off in some builds. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

static void map_at(void *address, size_t size, int fd)
{
	void *got = mmap(address, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);

	require(got == address);
}

/* ------------------------------------------------------------------------------------------- */

void na_sim_ring_init(struct na_sim_ring *ring, size_t size)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	require(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	*ring = (struct na_sim_ring){.size = size, .event_fd = eventfd(0, EFD_CLOEXEC)};
	pthread_mutex_init(&ring->lock, NULL);
	ring->data = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	require(ring->data != MAP_FAILED && ring->event_fd >= 0);
	map_at(ring->data, size, fd);
	map_at(ring->data + size, size, fd);
	close(fd);
}

void na_sim_ring_done(struct na_sim_ring *ring)
{
	munmap(ring->data, 2 * ring->size);
	close(ring->event_fd);
	pthread_mutex_destroy(&ring->lock);
}

struct na_ring_memory na_sim_ring_memory(struct na_sim_ring *ring)
{
	return (struct na_ring_memory){&ring->consumer, &ring->producer, ring->data, ring->size,
				       ring->event_fd};
}

/* The steps of __bpf_ringbuf_reserve, with its memory orders. */
void *na_sim_ring_reserve(struct na_sim_ring *ring, size_t size)
{
	uint64_t step = (size + BPF_RINGBUF_HDR_SZ + 7) & ~UINT64_C(7), at, end;
	uint32_t *word = NULL;

	pthread_mutex_lock(&ring->lock);
	at = ring->producer;
	end = at + step;
	if (end - __atomic_load_n(&ring->consumer, __ATOMIC_ACQUIRE) <= ring->size - 1) {
		word = (uint32_t *)(ring->data + (at & (ring->size - 1)));
		__atomic_store_n(word, (uint32_t)size | BPF_RINGBUF_BUSY_BIT, __ATOMIC_RELAXED);
		__atomic_store_n(&ring->producer, end, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&ring->lock);
	return word ? (uint8_t *)word + BPF_RINGBUF_HDR_SZ : NULL;
}

void na_sim_ring_submit(void *record, bool discard)
{
	uint32_t *word = (uint32_t *)((uint8_t *)record - BPF_RINGBUF_HDR_SZ);
	uint32_t length = __atomic_load_n(word, __ATOMIC_RELAXED) & ~BPF_RINGBUF_BUSY_BIT;

	__atomic_exchange_n(word, length | (discard ? BPF_RINGBUF_DISCARD_BIT : 0),
			    __ATOMIC_SEQ_CST);
}

void na_sim_ring_bell(struct na_sim_ring *ring, struct na_doorbell *doorbell)
{
	uint64_t one = 1;

	if (!__atomic_load_n(&doorbell->sleeping, __ATOMIC_RELAXED) ||
	    !__atomic_exchange_n(&doorbell->sleeping, 0, __ATOMIC_SEQ_CST))
		return;
	require(write(ring->event_fd, &one, sizeof(one)) == sizeof(one));
}
