/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader of rings has passed on and not yet given back, in memory that outlives it: so that
 * the next one, after a crash, passes on the rest, and nothing twice. Capture thread only.
 *
 * Space of a ring is given back in batches and in the ring's order; records are passed on in order
 * of time. This is the difference: a record of each, by its place. A record that the crash
 * interrupted is passed on again when nothing came of it, which `mark` tells: a number that grows
 * before anything is kept of a record (the journal's next sequence number).
 */
#ifndef NA_PROGRESS_H
#define NA_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Inversions within a ring are tiny: this is what one read passes on, with room. */
#define NA_PROGRESS_MAX 8192
#define NA_PROGRESS_RINGS 31 /* as places count them */

/* All zero at first. The members are of progress.c alone. */
struct na_progress {
	uint64_t count;
	uint64_t busy; /* the place being passed on; 0: none */
	uint64_t mark; /* before that */
	uint64_t places[NA_PROGRESS_MAX];
};

/* Places as numbers, of the first NA_PROGRESS_RINGS rings; positions are multiples of 8, below
 * 2^56. Never 0. */
static inline uint64_t na_progress_place(size_t ring, uint64_t position)
{
	return position << 5 | (ring + 1);
}

/* Around the passing on of each record. */
void na_progress_begin(struct na_progress *progress, uint64_t place, uint64_t mark);
void na_progress_end(struct na_progress *progress);

/* There is no room for another one: give back and settle. */
bool na_progress_is_full(const struct na_progress *progress);

/*
 * After space was given back: forgets what lies before `released[ring]`. When all is full of what
 * cannot be given back yet the oldest is forgotten: after a crash that would come twice.
 */
void na_progress_settle(struct na_progress *progress, const uint64_t *released);

/*
 * What is not to be passed on again, sorted, at most NA_PROGRESS_MAX + 1 places. `kept`: the mark
 * that belongs to what is kept; when it is that of the interrupted record, nothing is.
 * `ret_unsure`: the last one was interrupted after something came of it, and perhaps not all. Ends
 * the interruption.
 */
size_t na_progress_resume(struct na_progress *progress, size_t rings, uint64_t kept,
			  uint64_t *ret_places, bool *ret_unsure);

/* By bisection in what na_progress_resume returned. */
bool na_progress_is_done(const uint64_t *places, size_t count, uint64_t place);

#endif
