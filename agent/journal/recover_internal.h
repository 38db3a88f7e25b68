/* SPDX-License-Identifier: Apache-2.0 */
/* What a start has found so far. */
#ifndef NA_JOURNAL_RECOVER_INTERNAL_H
#define NA_JOURNAL_RECOVER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/store.h"

/* So much behind a damaged frame is searched for whole ones; a segment is smaller. */
#define NA_RECOVER_SEARCH_MAX (64u << 20)

struct recovery {
	bool state_there;
	bool tail_there; /* of this boot, of some journal */
	uint8_t tail_journal[16];
	uint64_t tail_epoch;
	uint64_t epoch;    /* the highest one that is known to have been used */
	uint64_t last;     /* the last number in front of any damage; 0: none */
	uint64_t seen;     /* the last number that is behind some */
	uint64_t position; /* behind everything that is there */
	uint64_t next;     /* the next number */
	bool gap;          /* neither files nor tail have all bytes of the tail's stream */
};

/*
 * All losses of the state, which no longer has them then. `whole`: the tail is there, so what was
 * told is still in the stream, which ends with number `last`.
 */
void na_recover_losses(struct na_store *store, uint64_t last, bool whole);

/*
 * Losses that only the tail knows of (see tail.h): what is in its slot, and what was numbered since
 * the last event. They stay in the slot, where the capture thread finds them. `cut`: the stream was
 * longer once.
 */
void na_recover_tail_losses(struct na_store *store, uint64_t last, bool cut);

/*
 * Whether whole frames follow somewhere behind `from`: then the file is damaged, not torn. *last
 * becomes the last event's number in them. True also when that cannot be known.
 */
bool na_recover_has_frames(int fd, uint64_t from, uint64_t *last);

#endif
