/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal as its writer sees it: events go into the tail, a thread of its own takes them to
 * segments. One process writes a journal at a time.
 */
#ifndef NA_JOURNAL_H
#define NA_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "event.h"

struct na_journal;

/* Places as in options.def. */
enum na_journal_sync { NA_JOURNAL_SYNC_NONE, NA_JOURNAL_SYNC_INTERVAL, NA_JOURNAL_SYNC_ALWAYS };
enum na_journal_full { NA_JOURNAL_DROP_OLDEST, NA_JOURNAL_DROP_NEWEST };

struct na_journal_options {
	const char *path; /* the folder of segments and state; made when it is not there */
	const char *tail; /* the tail's file */
	int group;        /* gid that may read; -1: nobody else */
	uint64_t max_size;
	uint64_t min_free;             /* bytes, or */
	unsigned int min_free_percent; /* of the file system */
	uint64_t tail_size;
	uint64_t segment_size;   /* 0: 16 MiB; tests have tiny ones */
	uint64_t sequence_block; /* numbers reserved at a time; 0: 1048576 */
	enum na_journal_sync sync;
	uint64_t sync_interval_ns; /* 0: 200 ms */
	enum na_journal_full when_full;
	const struct na_event *constants; /* copied */
	uint8_t machine[16], boot[16];
	bool deferred; /* the writer is started by na_journal_start */
	bool late;     /* na_journal_late may be called: outputs have events a second later */
	/*
	 * The lowest position that some reader of this journal still needs, by their cursors in
	 * that folder (copied); UINT64_MAX: none does. Called by the writer thread before it
	 * deletes, perhaps after na_journal_close. NULL: nobody reads.
	 */
	uint64_t (*needed)(const char *cursors, const uint8_t journal[16]);
	const char *cursors;
};

/* Why events are missing; the names are netaudit.lost.reason. */
enum na_journal_reason {
	NA_JOURNAL_TAIL_FULL, /* the disk did not keep up */
	NA_JOURNAL_CRASH,     /* the machine stopped; count is an upper bound */
	NA_JOURNAL_DROPPED,   /* max_size, min_free or a full disk: oldest deleted, not yet read */
	NA_JOURNAL_DAMAGED,   /* a segment cannot be read, or is missing */
	NA_JOURNAL_TOO_LARGE, /* one event with more than NA_FRAME_MAX */
	NA_JOURNAL_REASON_COUNT
};

struct na_journal_loss {
	enum na_journal_reason reason;
	uint64_t first_sequence, last_sequence; /* 0, 0: not known */
	uint64_t count;                         /* at most this many events; exact but for CRASH */
};

struct na_journal_status {
	uint64_t first_sequence, last_sequence; /* what is kept; last < first: nothing */
	uint64_t segments, segment_bytes;
	uint64_t tail_size, tail_used, tail_most; /* bytes; most: since the start */
	uint64_t events, events_lost, bytes;      /* since the start */
	uint64_t syncs, sync_errors, write_errors;
	int last_error; /* negative errno of the writer, 0: it works */
	char last_error_text[160];
	bool tail_locked;
};

/*
 * Recovers what is there, begins a new epoch (durable before this returns) and starts the writer.
 * A folder that cannot be written now is no failure: the tail is, and the writer tries again; then
 * the status says so. -EBUSY: another process has this journal; -ENOSPC, -EACCES, …: the tail
 * cannot be made; `why` gets a sentence that names the place. Main thread.
 */
int na_journal_open(const struct na_journal_options *options, struct na_journal **ret_journal,
		    struct na_buffer *why);

/* With `deferred`: the writer begins, with the rights that the caller has now. -EAGAIN: no thread.
 */
int na_journal_start(struct na_journal *journal);

/*
 * Waits for the writer until `deadline_ns` (boot time), then ends; NULL is fine. Two seconds later
 * at most: then the disk hangs, and the journal is the writer's thread's own, which frees it should
 * the disk come back. What is not in segments by then stays in the tail, and the next start takes
 * it from there. A deadline that has passed: the journal is left as a kill would leave it.
 */
void na_journal_close(struct na_journal **journal, uint64_t deadline_ns);

/* For event ids: "<uuid>-<epoch in hex>". Valid as long as the journal. */
const char *na_journal_instance(const struct na_journal *journal);

/* The number of the next event. Capture thread. */
uint64_t na_journal_next_sequence(const struct na_journal *journal);

/*
 * Appends an event that has event.sequence (the next number) and @timestamp. Never waits for a
 * disk. 0 also when there was no room: that is counted, and told by na_journal_take_loss. -ENOMEM
 * counts as lost too. Capture thread.
 */
int na_journal_append(struct na_journal *journal, const struct na_event *event);

/*
 * What became known of a thing that events of the last second described: `fact` has fields of one
 * group (groups.c) that these lack, as a hash of the process; `about` has the values that they had
 * of that group, as the event itself. Every reader then has the fact in these events. Never waits.
 * 0; -ENOENT: nothing of now describes it; -EINVAL: fields of none or several groups; -ENOSPC: no
 * room, -E2BIG, -ENOMEM: dropped, and the caller counts it. With `late` only. Capture thread.
 */
int na_journal_late(struct na_journal *journal, const struct na_event *about,
		    const struct na_event *fact);

/*
 * A loss that is not in the stream yet and can be told now; false: none. The caller appends an
 * events_lost of it, as the next event: when that found room, the loss counts as told, else it
 * comes again. Capture thread, about once a second and after start.
 */
bool na_journal_take_loss(struct na_journal *journal, struct na_journal_loss *ret_loss);

/* From the next event on, in a new segment. Copied. 0 or -ENOMEM. Capture thread. */
int na_journal_set_constants(struct na_journal *journal, const struct na_event *constants);

/* Any thread. */
void na_journal_status(struct na_journal *journal, struct na_journal_status *ret_status);

/* Until all that was appended is in segments and durable, or the deadline: -ETIMEDOUT. */
int na_journal_sync(struct na_journal *journal, uint64_t deadline_ns);

#endif
