/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place in the journal, with what an output's rules have to remember there: so that whoever goes
 * on from that place, in this process or the next, decides and counts as if nothing had happened.
 *
 * The file has two checksummed slots. A cursor (journal/cursor.h) is stored behind its mark, and
 * the slot of the cursor before is left alone: whatever the moment of a crash, the cursor that is
 * there finds its mark.
 */
#ifndef NA_MARK_H
#define NA_MARK_H

#include <stdint.h>

enum na_rule { NA_RULE_VIEW, NA_RULE_SELECT, NA_RULE_DEDUP, NA_RULE_BUDGET, NA_RULE_COUNT };

struct na_mark {
	uint8_t journal[16];
	uint64_t position; /* everything in front of it was read */
	uint64_t sequence; /* of the last event in front of it, and */
	uint64_t wall_ns;  /* its time */
	uint64_t own;      /* records of the output's own so far */

	/* Since the last heartbeat: the first number that was read, 0: none; what was left out. */
	uint64_t first_sequence;
	uint64_t left_out[NA_RULE_COUNT];

	/* Left out because of the budget and not told by an events_lost yet. */
	uint64_t over_first, over_last, over_count;

	uint64_t thrown_away; /* dead letters that an events_lost in front of it told of */

	uint64_t budget_left, budget_wall_ns; /* see budget.h */
};

/* Of the slot that was written last, in `slot`; to be handed to na_mark_store again and again. */
struct na_mark_file {
	const char *path;
	unsigned int slot;
};

/*
 * The mark of that journal and position. -ENOENT: none of these; negative errno of the file.
 */
int na_mark_load(struct na_mark_file *file, const uint8_t journal[16], uint64_t position,
		 struct na_mark *ret_mark);

/* Into the slot that `slot` does not name. Negative errno. */
int na_mark_store(const struct na_mark_file *file, const struct na_mark *mark);

/* The earlier one; of two journals' `one`: their positions do not compare. */
const struct na_mark *na_mark_earlier(const struct na_mark *one, const struct na_mark *other);

/* The cursor of the mark that was stored last is stored too. */
static inline void na_mark_keep(struct na_mark_file *file)
{
	file->slot ^= 1;
}

#endif
