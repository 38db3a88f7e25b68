/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads BPF ring buffers in place, merged by time, and sleeps on the doorbell. Capture thread only.
 *
 * The doorbell: kernel programs submit without wake-ups, which would cost a third of the connection
 * rate. A reader that wants to sleep sets struct na_doorbell.sleeping in a mapped page; the
 * producer that clears it (exchange) wakes. The sleeper sets the flag, then looks at the producer
 * positions, then sleeps, at most NA_RINGS_SLEEP_MS.
 *
 * The loop of a caller is: read until less than `limit` came, then wait.
 */
#ifndef NA_RING_H
#define NA_RING_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

#define NA_RINGS_SLEEP_MS 1000

struct na_progress;
struct na_rings;

/* Same in bpf/maps.h: the value of a BPF_F_MMAPABLE array map with one entry. */
struct na_doorbell {
	uint32_t sleeping;
};

/*
 * Called for each record, in order of time. The record is valid until the call returns. Non-zero
 * stops and is returned (so let it be negative: a count is not); the record counts as passed on.
 */
typedef int na_record_take(void *context, const struct na_record_header *record);

/*
 * Maps the rings (each of `size` bytes, a power of two of at least one page) and the doorbell's
 * page. The descriptors stay the caller's, who keeps the rings' open until na_rings_close, because
 * epoll watches them. Negative errno on failure.
 */
int na_rings_open(const int *ring_fds, size_t count, size_t size, int doorbell_fd,
		  struct na_rings **ret_rings);
void na_rings_close(struct na_rings **rings);

/* A number that grows before anything is kept of a record: see capture/progress.h. */
typedef uint64_t na_rings_mark(void *context);

/*
 * Keeps in `progress` (borrowed until na_rings_close) what was passed on and not given back, and
 * does not pass on again what it holds of a reader before. `kept`: the mark that belongs to what is
 * kept of that one's records. Before the first read. Returns 1 when it was interrupted in a record
 * of which something was kept, and perhaps not all; 0, or -ENOMEM.
 */
int na_rings_keep(struct na_rings *rings, struct na_progress *progress, uint64_t kept,
		  na_rings_mark *mark, void *context);

/*
 * Passes on what is due (see merge.h), at most `limit` records, then gives the space of what was
 * passed on back to the producers. A ring whose next record is reserved and not yet submitted holds
 * back what is later in all rings. Malformed records (na_record_valid, or a time in the future,
 * which would hold the ring for ever) are counted and skipped. Returns how many were passed, the
 * taker's value, or -ENOMEM when nothing could be passed for want of memory.
 */
int na_rings_read(struct na_rings *rings, size_t limit, na_record_take *take, void *context);

/*
 * As na_rings_read without a limit, and whatever is there is due now: for the last look after
 * programs were detached. What lies behind a record that was never submitted stays.
 */
int na_rings_drain(struct na_rings *rings, na_record_take *take, void *context);

/*
 * Sleeps until a producer rings, `wake_fd` is readable (-1: none; the caller empties it),
 * `timeout_ns` or NA_RINGS_SLEEP_MS passed, or a signal came. While records only wait for their
 * window, or a reserved one for its submit, it sleeps 1 ms and no producer needs to ring. Returns
 * at once when there is more to read already. 0, or negative errno.
 */
int na_rings_wait(struct na_rings *rings, int wake_fd, uint64_t timeout_ns);

uint64_t na_rings_malformed(const struct na_rings *rings);

/* Sum of the producers' positions: unmoved means that nothing was reserved. */
uint64_t na_rings_positions(const struct na_rings *rings);

#endif
