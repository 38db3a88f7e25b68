/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records are on their way, and up to where everything is through: acknowledgements come in
 * any order and fold into one mark that only moves over what is done.
 *
 * Knows no locks: the lane's mutex protects it.
 */
#ifndef NA_WINDOW_H
#define NA_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "ship/mark.h"

/* Records on their way; more are not read meanwhile. */
#define NA_WINDOW_MAX 32768u

enum na_window_state { NA_WINDOW_PENDING, NA_WINDOW_REJECTED, NA_WINDOW_DONE };

struct na_window_entry {
	struct na_mark
		mark; /* behind the event that the record was made of, and all left out since */
	struct na_mark
		*hold; /* of a record that stands for earlier events: in front of the first */
	struct na_text id, body; /* for the dead letter; borrowed, and gone of what is copied */
	enum na_window_state state;
	char *reason; /* of REJECTED */
};

struct na_window {
	struct na_window_entry *entries; /* a ring of `size`, a power of two */
	size_t size;
	uint64_t first; /* the number of the oldest entry; the next record's when there is none */
	uint64_t next;  /* the next record's: the thread that adds may read it without the lock */
	struct na_mark mark; /* everything in front of it is done */
	size_t rejected;
};

/* Empty, at the mark; the next record is number 1. */
void na_window_init(struct na_window *window, const struct na_mark *mark);
void na_window_done(struct na_window *window);

/* Everything on its way is forgotten; numbers go on, or, with `renumber`, begin with 1 again. */
void na_window_forget(struct na_window *window, const struct na_mark *mark, bool renumber);

/*
 * A record that will be offered with the next number. `hold` is copied; NULL: none. 0; -ENOMEM;
 * -ENOBUFS: NA_WINDOW_MAX are on their way.
 */
int na_window_add(struct na_window *window, const struct na_mark *mark, const struct na_mark *hold,
		  struct na_text id, struct na_text body);

/* Everything up to the mark that is no record was left out. */
void na_window_pass(struct na_window *window, const struct na_mark *mark);

/* The numbers are done; those that are not on their way are none of ours. How many were new. */
size_t na_window_acknowledge(struct na_window *window, uint64_t first, uint64_t last);

/* The record waits for its dead letter. false: it is not on its way. */
bool na_window_reject(struct na_window *window, uint64_t number, const char *reason);

/* The oldest rejected record; NULL: none. */
const struct na_window_entry *na_window_rejected(const struct na_window *window,
						 uint64_t *ret_number);

/* What a cursor may say: the fold, or the earliest hold of what is on its way. */
struct na_mark na_window_mark(const struct na_window *window);

static inline size_t na_window_count(const struct na_window *window)
{
	return window->next - window->first;
}

#endif
