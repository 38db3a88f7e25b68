/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an output stands: found at start, stored as it moves, gone back to after a failure.
 *
 * A reader tells which journal it reads only with an event. So at start the oldest event is looked
 * at first, and then the reader goes to where the cursor says, if the cursor is of that journal.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ship/lane_internal.h"

/* Of the cursor's file: where to begin, and a sentence when that is not where it was. */
enum beginning { BEGIN_NEW, BEGIN_CURSOR, BEGIN_OLDEST };

static enum beginning load_cursor(struct na_lane *lane, struct na_cursor *ret_cursor)
{
	int error;

	na_buffer_clear(&lane->why);
	error = na_cursor_load(lane->cursor_path.data, ret_cursor, &lane->why);
	if (!error)
		return BEGIN_CURSOR;
	if (error == -ENOENT)
		return BEGIN_NEW;
	na_log_error("output %s: its cursor cannot be read (%.*s: %s); it begins with the oldest "
		     "event, some are sent again",
		     lane->host.name, (int)lane->why.length, lane->why.data ? lane->why.data : "",
		     strerrordesc_np(-error));
	return BEGIN_OLDEST;
}

/* The first event that is there, for the journal's id. 0: found; -EAGAIN: there is none yet. */
static int look_at_first(struct na_lane *lane)
{
	int step = na_reader_seek_first(lane->reader);

	while (step >= 0) {
		step = na_reader_next(lane->reader, &lane->item);
		if (step == NA_READER_EVENT)
			return 0;
		if (step == NA_READER_END)
			return -EAGAIN;
	}
	return step;
}

static void mark_of_cursor(struct na_lane *lane, const struct na_cursor *cursor)
{
	int error = na_mark_load(&lane->mark_file, cursor->journal, cursor->position, &lane->at);

	if (!error)
		return;
	lane->at = (struct na_mark){
		.position = cursor->position,
		.sequence = cursor->sequence,
		.own = cursor->own,
	};
	memcpy(lane->at.journal, cursor->journal, sizeof(lane->at.journal));
}

/* The one end or the other. */
static int go_to_end_of(struct na_lane *lane, int (*seek)(struct na_reader *reader))
{
	int error = seek(lane->reader);

	if (error < 0)
		return error;
	memcpy(lane->at.journal, lane->item.journal, sizeof(lane->at.journal));
	lane->at.position = na_reader_position(lane->reader);
	return 0;
}

static int go_to_cursor(struct na_lane *lane, const struct na_cursor *cursor)
{
	if (memcmp(cursor->journal, lane->item.journal, sizeof(cursor->journal)) != 0) {
		na_log_warning("output %s: its cursor is of another journal; it begins with the "
			       "oldest event of this one",
			       lane->host.name);
		return go_to_end_of(lane, na_reader_seek_first);
	}
	mark_of_cursor(lane, cursor);
	return na_reader_seek_position(lane->reader, cursor->position);
}

static int go_to_beginning(struct na_lane *lane)
{
	struct na_cursor cursor;
	enum beginning beginning = load_cursor(lane, &cursor);

	if (beginning == BEGIN_CURSOR)
		return go_to_cursor(lane, &cursor);
	if (beginning == BEGIN_OLDEST || lane->common->start == NA_OUTPUT_OLDEST)
		return go_to_end_of(lane, na_reader_seek_first);
	lane->at.sequence = na_reader_last_sequence(lane->reader);
	return go_to_end_of(lane, na_reader_seek_end);
}

static bool same(const struct na_mark *one, const struct na_mark *other)
{
	return one->position == other->position && one->own == other->own &&
	       memcmp(one->journal, other->journal, sizeof(one->journal)) == 0;
}

static struct na_mark delivered(struct na_lane *lane)
{
	const struct na_mark *hold = lane->dedup ? na_dedup_hold(lane->dedup) : NULL;
	struct na_mark mark;

	pthread_mutex_lock(&lane->mutex);
	mark = na_window_mark(&lane->window);
	pthread_mutex_unlock(&lane->mutex);
	if (hold)
		mark = *na_mark_earlier(hold, &mark);
	/* Taken from there and not in the window yet. */
	if (lane->has_summary)
		mark = *na_mark_earlier(&lane->summary_hold, &mark);
	return mark;
}

static int write_both(struct na_lane *lane, const struct na_mark *mark, bool sync)
{
	struct na_cursor cursor = {
		.position = mark->position,
		.sequence = mark->sequence,
		.own = mark->own,
	};
	int error = na_mark_store(&lane->mark_file, mark);

	memcpy(cursor.journal, mark->journal, sizeof(cursor.journal));
	if (!error)
		error = na_cursor_store(lane->cursor_path.data, &cursor, sync);
	if (!error)
		na_mark_keep(&lane->mark_file);
	return error;
}

static void free_batches(struct na_lane *lane)
{
	while (lane->first) {
		struct na_batch *batch = lane->first;

		lane->first = batch->next;
		na_batch_free(batch);
	}
	na_batch_free(NA_TAKE_POINTER(lane->filling));
	lane->last = NULL;
	lane->offer = NULL;
	na_pool_trim(&lane->pool);
}

/* A count that is gone begins at what was told. */
static void load_thrown_away(struct na_lane *lane)
{
	int error = na_dead_load(&lane->dead);

	if (error < 0)
		na_log_error("output %s: %s.lost cannot be read: %s; dead letters that were thrown "
			     "away and not told are forgotten",
			     lane->host.name, lane->dead.path, strerrordesc_np(-error));
	if (lane->dead.thrown_away < lane->at.thrown_away)
		lane->dead.thrown_away = lane->at.thrown_away;
}

/* ------------------------------------------------------------------------------------------- */

int na_lane_begin(struct na_lane *lane)
{
	int error = look_at_first(lane);

	if (error < 0)
		return error;
	error = go_to_beginning(lane);
	if (error < 0)
		return error;
	load_thrown_away(lane);
	/* What a process before this one sent is not known: anything that is there may have been.
	 */
	lane->resent_until = na_reader_last_sequence(lane->reader);
	pthread_mutex_lock(&lane->mutex);
	na_window_forget(&lane->window, &lane->at, false);
	pthread_mutex_unlock(&lane->mutex);
	na_lane_watch(lane);
	lane->begun = true;
	return 0;
}

void na_lane_rewind(struct na_lane *lane, bool renumber)
{
	struct na_mark mark;

	/* Whatever it has read, or failed to: it is read again. */
	(void)na_lane_ahead_end(lane);
	mark = delivered(lane);
	pthread_mutex_lock(&lane->mutex);
	na_window_forget(&lane->window, &mark, renumber);
	pthread_mutex_unlock(&lane->mutex);
	free_batches(lane);
	if (lane->dedup)
		na_dedup_forget(lane->dedup);
	lane->has_summary = false;
	if (lane->highest > lane->resent_until)
		lane->resent_until = lane->highest;
	lane->at = mark;
	lane->at_end = false;
	lane->goes_back = lane->begun;
}

bool na_lane_is_stored(struct na_lane *lane)
{
	struct na_mark mark = delivered(lane);

	return same(&mark, &lane->stored);
}

void na_lane_store(struct na_lane *lane, bool now)
{
	uint64_t now_ns = na_clock_boot_ns();
	struct na_mark mark;
	int error;

	if (!lane->begun || (!now && now_ns - lane->stored_ns < NA_LANE_STORE_NS))
		return;
	lane->stored_ns = now_ns;
	mark = delivered(lane);
	if (same(&mark, &lane->stored))
		return;
	error = write_both(lane, &mark, now);
	if (!error)
		lane->stored = mark;
	if (error && !lane->cursor_failed)
		na_log_error("output %s: %s cannot be written: %s; after a restart events are sent "
			     "again",
			     lane->host.name, lane->cursor_path.data, strerrordesc_np(-error));
	lane->cursor_failed = error != 0;
}
