/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on their way over one stream: taken, written to the socket, arrived in the peer's kernel,
 * released to the host, in this order. One thread.
 *
 * A record is released, which is to say acknowledged, only some time after it arrived: when the
 * stream breaks, what arrived shortly before may have died with the peer, and the host offers again
 * all that was not acknowledged. So the overlap needs no copies, and outlives the agent too: the
 * cursor still stands in front of it.
 */
#ifndef NA_SYSLOG_WINDOW_H
#define NA_SYSLOG_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output.h"

/*
 * The overlap is at most so much. Half of the records that the host lets be on their way: small
 * ones would fill its window before they grow old.
 */
#define NA_SYSLOG_OVERLAP_BYTES (8u << 20)
#define NA_SYSLOG_OVERLAP_RECORDS 16384u

struct na_syslog_entry {
	uint64_t number;
	uint64_t end;      /* in the bytes that are sent */
	uint64_t wire_end; /* the same in the bytes of the socket */
	uint64_t arrived_ns;
};

/* All 0 is an empty one. The counters count records and only grow. */
struct na_syslog_window {
	struct na_syslog_entry *entries; /* a ring of `size`, a power of two */
	size_t size;
	uint64_t released, arrived, written, taken;
};

void na_syslog_window_done(struct na_syslog_window *window);

/* Nothing is on its way any more. */
void na_syslog_window_forget(struct na_syslog_window *window);

/* A record that ends at byte `end`. 0 or -ENOMEM. */
int na_syslog_window_take(struct na_syslog_window *window, uint64_t number, uint64_t end);

/*
 * `sent` bytes were written, and became `wire` bytes of the socket. `exact`: they are the same
 * bytes, else a record ends at the latest where the writing did.
 */
void na_syslog_window_write(struct na_syslog_window *window, uint64_t sent, uint64_t wire,
			    bool exact);

/* The peer's kernel has the first `wire` bytes. */
void na_syslog_window_arrive(struct na_syslog_window *window, uint64_t wire, uint64_t now_ns);

/* Acknowledges what arrived and is older than the overlap; with `all`, whatever arrived. */
void na_syslog_window_release(struct na_syslog_window *window, struct na_output_host *host,
			      uint64_t overlap_ns, uint64_t now_ns, bool all);

static inline bool na_syslog_window_is_empty(const struct na_syslog_window *window)
{
	return window->released == window->taken;
}

#endif
