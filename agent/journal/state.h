/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal's folder must not forget, in its file `state`: two checksummed slots that are
 * written in turn, so that a crash in the middle of one leaves the other. Writer thread.
 */
#ifndef NA_JOURNAL_STATE_H
#define NA_JOURNAL_STATE_H

#include <stdint.h>

#include "journal/journal.h"

#define NA_STATE_FILE "state"
#define NA_STATE_PREVIOUS 4
#define NA_STATE_LOSSES 8 /* room for enum na_journal_reason */

/* A loss that is not told yet, of the reason that is its place. */
struct na_state_loss {
	uint64_t first, last, count;
	uint64_t
		serial; /* grows, in a reason; with one, all before it are told. 0: not given yet */
};

struct na_state {
	uint8_t journal[16], machine[16];
	uint8_t previous[NA_STATE_PREVIOUS][16]; /* names the journal had before it was cloned */
	uint64_t generation;                     /* grows with each store */
	uint64_t epoch;
	uint64_t sequence_reserved, position_reserved; /* nobody used these or later ones… */
	uint64_t closed;                               /* 1: …and they are the very next ones */
	uint64_t first_position;                       /* segments in front of it are to go */
	struct na_state_loss losses[NA_STATE_LOSSES];
	struct na_state_loss told[NA_STATE_LOSSES]; /* by events that a crash may take back */
	/* What only the tail knew of, for when it is gone; `tail_reason` is its reason. */
	struct na_state_loss tail_loss;
	uint64_t tail_reason;
	/* Being told, or told by an event that was not in the tail yet. */
	struct na_state_loss telling;
	uint64_t telling_reason;
	/* Of segments in front of first_position: untold until their files are gone. */
	struct na_state_loss held;
};

/*
 * The newer slot that is whole. -ENOENT: no file; -EBADMSG: no slot is whole; other errno: it
 * cannot be read now, so nothing may be stored either.
 */
int na_state_load(int folder, struct na_state *ret_state);

/*
 * Replaces the older slot and is durable when it returns; `state->generation` grows. `group` as in
 * the journal's options. On failure the newer slot is untouched.
 */
int na_state_store(int folder, struct na_state *state, int group);

/*
 * Writes what was loaded once more into its own slot. It may have been read from memory only, after
 * a sync that failed; were the next store to go over the other slot, a crash could leave neither.
 */
int na_state_confirm(int folder, const struct na_state *loaded, int group);

#endif
