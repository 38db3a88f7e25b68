/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's folder as the writer keeps it: takes bytes of the tail to segment files, makes them
 * durable, keeps the state ahead of what is used. Writer thread; the main thread before that is
 * started. All errors are negative errno, and everything may be tried again.
 */
#ifndef NA_JOURNAL_STORE_H
#define NA_JOURNAL_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"
#include "journal/losses.h"
#include "journal/segment.h"
#include "journal/state.h"
#include "journal/tail.h"
#include "journal/tail_loss.h"

struct na_store {
	struct na_journal_options options; /* with defaults filled in; texts are the journal's */
	struct na_tail tail;
	bool tail_locked;
	struct na_losses losses;
	int folder, lock; /* descriptors; -1: not there */
	struct na_state state;
	struct na_state loaded; /* generation 0: confirmed, or there was none */
	bool state_fresh;       /* what is on disk allows us to write: epoch and reservation */
	uint64_t gone;          /* segments in front of it may be unlinked: the state is on disk */
	bool state_behind;      /* something is to be stored when it is convenient */

	struct na_segments segments; /* the last one is the one of `fd` */
	int fd;                      /* -1: no segment is open */
	bool condemned;              /* nothing is known of what `fd` has written since `kept` */
	bool skipping; /* the segment is given up: its bytes in the tail are lost as well */
	_Atomic uint64_t synced;  /* position up to which all is durable; any thread reads it */
	struct na_tail_slot slot; /* of the tail, as the writer saw it last, */
	uint32_t slot_number;     /* and which it was */

	_Atomic bool roll; /* asks the capture thread for a new segment */
	uint64_t syncs, sync_errors, write_errors;
	char note[160]; /* what the operator should know though it works */
};

/* Opens or makes the folder and locks it. -EBUSY: another process has it (`why` names the pid). */
int na_store_open_folder(struct na_store *store, struct na_buffer *why);

/* As if it had not been there yet. */
void na_store_close_folder(struct na_store *store);

/* Before each use: the folder is still the one at its path, the state is ahead. */
int na_store_ready(struct na_store *store);

/* Stores the state as it is now, with what is not told of losses. */
int na_store_state(struct na_store *store);

/* Takes bytes in front of `end` to files; moves `written`, and `kept` where nothing is awaited. */
int na_store_write(struct na_store *store, uint64_t end);

/* What is written is durable; moves `kept`. */
int na_store_sync(struct na_store *store);

/* All is in segments and durable: the next start goes on behind the last number without a hole. */
int na_store_end(struct na_store *store);

/*
 * Gives up a segment that cannot be read, or is gone, and counts what nobody has read. That of
 * NA_JOURNAL_DROPPED is held in the state until the segment is deleted.
 */
void na_store_lose(struct na_store *store, size_t index, enum na_journal_reason reason);

void na_store_done(struct na_store *store);

/* Moves a position of the tail and wakes its readers. */
void na_store_move(struct na_store *store, _Atomic uint64_t *position, uint64_t to);

#endif
