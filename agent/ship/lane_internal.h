/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a lane share.
 *
 *   lane.c         the thread's loop; waiting, ending
 *   lane_send.c    the instance: opening, offering, dead letters
 *   lane_read.c    the journal's events through the rules into a batch
 *   lane_ahead.c   when that is done: also while another batch is offered
 *   lane_own.c     records of the output's own, and what it adds to heartbeats
 *   lane_cursor.c  where to begin, where to go back to, what is stored
 *   lane_host.c    what the output's instance calls, from any thread; states
 */
#ifndef NA_LANE_INTERNAL_H
#define NA_LANE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "journal/cursor.h"
#include "journal/reader.h"
#include "ship/backoff.h"
#include "ship/batch.h"
#include "ship/dead.h"
#include "ship/dedup.h"
#include "ship/format.h"
#include "ship/lane.h"
#include "ship/mark.h"
#include "ship/pool.h"
#include "ship/allowance.h"
#include "ship/window.h"

#define NA_LANE_STORE_NS (200 * NA_NS_PER_MS)
#define NA_LANE_IDLE_NS NA_NS_PER_SEC       /* for timers of dedup and of the output */
#define NA_LANE_BUSY_NS (10 * NA_NS_PER_MS) /* the same while replies are awaited */

/* Who says how the output does. The worse one is shown. */
enum na_lane_voice { NA_LANE_HOST, NA_LANE_OUTPUT, NA_LANE_VOICE_COUNT };

/* The thread that reads ahead. */
struct na_lane_ahead {
	pthread_t thread;
	bool started, begun; /* the lane's thread */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool busy, quit;
	int error; /* of na_lane_fill */
};

struct na_lane {
	struct na_output_host host; /* first: the instance's calls come back to it */
	const struct na_ship_options *options;
	const struct na_ship_output *output;
	const struct na_output_common *common;
	int through_fd;
	bool early; /* NETAUDIT_TEST_ACK=early: a mutation that the tests must see */
	pthread_t thread;
	bool started;

	/* The lane's thread, but while the other one reads ahead. */
	struct na_lane_ahead ahead;
	struct na_pool pool;
	struct na_allowance allowance;
	size_t held;    /* bytes of what is on its way, and */
	size_t pending; /* records, when na_lane_prepare looked */
	struct na_reader *reader;
	struct na_reader_item item;
	struct na_output_instance *instance;
	struct na_format *format;
	unsigned int constants_version;
	struct na_dedup *dedup;
	struct na_mark summary_hold;   /* of what dedup gave and no record holds yet: has_summary */
	struct na_mark at;             /* behind what was read */
	struct na_batch *first, *last; /* on their way, the last may be not taken yet */
	struct na_batch *offer;        /* the one that is being offered */
	struct na_batch *filling;      /* the one behind it; on no list */
	uint64_t fields[NA_EVENT_WORDS]; /* of events that the output looks at; since the start */
	struct na_text encoded; /* the body of the event in hand: in its batch, or in `body` */
	struct na_buffer body, id, text, why;
	struct na_backoff backoff, reader_backoff;
	uint64_t wait_until_ns; /* backing off; 0: not */
	uint64_t read_after_ns; /* the same of the journal */
	uint64_t resent_until;  /* sequence: what is read up to here may have been sent before */
	uint64_t highest;       /* sequence that was offered */
	uint64_t stored_ns, lag_looked_ns, dead_quiet_until_ns;
	uint64_t dead_told; /* dead letters that the log has */
	struct na_mark stored;
	struct na_mark_file mark_file;
	struct na_buffer cursor_path, mark_path, dead_path;
	struct na_dead dead;
	bool begun;      /* the reader is where the cursor says */
	bool at_end;     /* of the journal, when it was looked at last */
	bool goes_back;  /* the reader is not where `at` says */
	bool is_halfway; /* an event was read and not made a record: only a rewind helps */
	bool stop_seen, cursor_failed, has_summary, holds_dead;
	bool ends;     /* what is to be told is told now */
	bool was_held; /* the instance before, and all that it left is not acknowledged yet */

	/* Under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct na_window window;
	struct na_reader *sleeper; /* the reader, while the thread is in na_reader_wait */
	bool stop, failed, reopen, acknowledged;
	uint64_t deadline_ns;
	enum na_output_state states[NA_LANE_VOICE_COUNT];
	struct na_ship_status status;
	atomic_bool is_through; /* release: the thread's last word; acquire: na_lane_is_through */
};

/*
 * lane_read.c: reads into `filling` as far as there is room: prepare looks how much there is. 0;
 * negative errno: what was read since the last offer is to be read again.
 */
void na_lane_prepare(struct na_lane *lane);
bool na_lane_has_room(const struct na_lane *lane);
int na_lane_fill(struct na_lane *lane);
void na_lane_watch(struct na_lane *lane); /* sets what the reader skips */
int na_lane_flush_dedup(struct na_lane *lane, uint64_t wall_ns);

/* Appends a record to the batch; `hold` may be NULL. 0 or negative errno. */
int na_lane_add(struct na_lane *lane, const struct na_event *event, const struct na_mark *hold);
/* The event behind `at` is left out by the rule. */
void na_lane_leave_out(struct na_lane *lane, enum na_rule rule);

/*
 * lane_ahead.c. read: now, in this thread. read_ahead: in the other one, until join_ahead, which
 * heeds what came of it, or end, which does not; false: there is nothing to read, or no room.
 */
void na_lane_ahead_start(struct na_lane *lane);
void na_lane_ahead_stop(struct na_lane *lane);
void na_lane_read(struct na_lane *lane);
bool na_lane_read_ahead(struct na_lane *lane);
void na_lane_join_ahead(struct na_lane *lane);
int na_lane_ahead_end(struct na_lane *lane);

/* lane_send.c: what failed has begun a wait when false comes back. */
bool na_lane_open_instance(struct na_lane *lane);
void na_lane_close_instance(struct na_lane *lane);
bool na_lane_take_filled(struct na_lane *lane); /* true: `offer` has records */
void na_lane_offer(struct na_lane *lane);
void na_lane_work(struct na_lane *lane, uint64_t timeout_ns);
bool na_lane_write_dead_letter(struct na_lane *lane); /* true: there may be another */
void na_lane_free_done(struct na_lane *lane);         /* batches of which every record is done */
void na_lane_back_off(struct na_lane *lane);
void na_lane_count_retry(struct na_lane *lane);
/* What `why` of the lane holds, as a string; when it holds nothing, `otherwise`. */
const char *na_lane_why(struct na_lane *lane, const char *otherwise);

/* lane_own.c */
int na_lane_own_gap(struct na_lane *lane, const struct na_reader_gap *gap);
int na_lane_own_over_budget(struct na_lane *lane); /* nothing when there is nothing to tell */
int na_lane_own_thrown_away(struct na_lane *lane); /* the same */
void na_lane_own_heartbeat(struct na_lane *lane, struct na_event *event);

/* lane_cursor.c: begin is tried until `begun`. */
int na_lane_begin(struct na_lane *lane);
void na_lane_rewind(struct na_lane *lane, bool renumber);
void na_lane_store(struct na_lane *lane, bool now);
bool na_lane_is_stored(struct na_lane *lane); /* as far as it came */

/* lane_host.c */
void na_lane_host_init(struct na_lane *lane);
void na_lane_wake(struct na_lane *lane);      /* under the mutex */
size_t na_lane_pending(struct na_lane *lane); /* records on their way */
void na_lane_reject(struct na_lane *lane, uint64_t number, const char *reason);
void na_lane_say(struct na_lane *lane, enum na_lane_voice voice, enum na_output_state state,
		 const char *why);

#endif
