/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeats of (event, executable, peer's address, port) within a time become one event with a count.
 *
 * The first is sent as it is; those of the `window_ns` behind it are withheld; when the time is
 * over, one event stands for them: the last of them, with netaudit.dedup.count. The port is the
 * service's (destination), whoever opened the connection. Events without an address of a peer are
 * never repeats. Time is the events' own wall time; a jump of the clock ends a window early.
 *
 * What is withheld is not told until its event is with the far end: na_dedup_hold is what a cursor
 * must not pass. One thread.
 */
#ifndef NA_DEDUP_H
#define NA_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "ship/mark.h"

/* Keys at once; the events of others are sent. */
#define NA_DEDUP_KEYS_MAX 2048u

struct na_dedup;

/* NULL: out of memory. */
struct na_dedup *na_dedup_new(uint64_t window_ns);
void na_dedup_free(struct na_dedup *dedup);

/* From now on every event is a first one. */
void na_dedup_forget(struct na_dedup *dedup);

/*
 * Is the event a repeat? Then it was copied. `before` is the mark in front of it. Without memory it
 * is none. na_dedup_take was asked for this time until it had nothing more.
 */
bool na_dedup_withhold(struct na_dedup *dedup, const struct na_event *event, uint64_t wall_ns,
		       const struct na_mark *before);

/*
 * An event that stands for repeats whose window is over at `wall_ns` (UINT64_MAX: any window), with
 * the count; event.id is that of the last repeat. Both are valid until the next call of this
 * module, which forgets them. NULL: none.
 */
const struct na_event *na_dedup_take(struct na_dedup *dedup, uint64_t wall_ns,
				     struct na_mark *ret_hold);

/* The mark in front of the first event that is withheld; NULL: none is. */
const struct na_mark *na_dedup_hold(const struct na_dedup *dedup);

#endif
