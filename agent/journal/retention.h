/* SPDX-License-Identifier: Apache-2.0 */
/* Which segments are deleted, and when. Writer thread. */
#ifndef NA_JOURNAL_RETENTION_H
#define NA_JOURNAL_RETENTION_H

#include "journal/store.h"

/*
 * Deletes oldest segments until `more` bytes fit into max_size and min_free stays free. The one
 * that is written is never deleted. -ENOSPC: drop-newest, and what is there is not read yet.
 */
int na_retention_make_room(struct na_store *store, uint64_t more);

/* The disk is full: deletes the oldest segment. -ENOSPC: there is none that may go. */
int na_retention_free_one(struct na_store *store);

/* Finishes what a crash left: segments that the state says are deleted. */
void na_retention_finish(struct na_store *store);

#endif
