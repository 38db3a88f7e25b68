/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal as readers see it: segments and tail as one sequence of events, also while it is
 * being written, also by another process, also on another machine. Read-only. One thread a reader.
 */
#ifndef NA_READER_H
#define NA_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "event.h"
#include "event_parts.h"
#include "journal/frame.h"

struct na_reader;

struct na_reader_options {
	const char *path; /* the folder */
	const char *tail; /* NULL: segments only (another machine's journal) */
	/*
	 * Each event is as every other reader with this has it, now or later: while a late fact may
	 * still come for it, it is as if it were not there yet. Where the writer makes late facts
	 * that takes 1.2 seconds; some three for the last event, if none follows. Else events have
	 * what is there when they are read.
	 */
	bool settled;
};

/* What a step of na_reader_next found. */
enum na_reader_step {
	NA_READER_END,   /* nothing more now */
	NA_READER_EVENT, /* `event` is set */
	NA_READER_GAP,   /* `gap` is set: events that this reader cannot have */
};

/*
 * From the first to the last number. First 0: all up to the last, from where is not known; last 0:
 * from the first on, how many is not known. Both 0: nothing is missing that is known of, but there
 * is something to be told (a file that is no segment).
 *
 * Numbers that the journal itself left out, for which it appends an events_lost, are no gap: it had
 * no room, or the machine crashed.
 */
struct na_reader_gap {
	uint64_t first_sequence, last_sequence;
	uint64_t position; /* where reading goes on */
	char reason[200];  /* a sentence that names the file and the offset */
};

struct na_reader_item {
	struct na_event event; /* texts are valid until the next call */
	uint64_t position;     /* of the event's frame */
	uint64_t next;         /* position behind it: a cursor that has this event points there */
	uint64_t sequence;
	uint8_t journal[16];
	uint64_t epoch;
	const struct na_event_parts *parts; /* of `event`, as long as its texts; numbers are the
					       reader's */
	const struct na_event *constants;   /* valid until na_reader_constants_version changes */
	struct na_reader_gap gap;
};

/* 0, also when there is nothing yet; -ENOENT: no such folder; -EACCES; `why` names the place. */
int na_reader_open(const struct na_reader_options *options, struct na_reader **ret_reader,
		   struct na_buffer *why);
void na_reader_close(struct na_reader **reader);

/* The oldest event that is there. */
int na_reader_seek_first(struct na_reader *reader);
/* Behind the newest. */
int na_reader_seek_end(struct na_reader *reader);
/* The first event at or behind the position; a position that is gone gives a GAP at the next step.
 */
int na_reader_seek_position(struct na_reader *reader, uint64_t position);
/* The first event of the first segment that can hold events of that time or later. */
int na_reader_seek_time(struct na_reader *reader, uint64_t wall_ns);

/*
 * Skips, before an event is decoded. false: not wanted. `context` is the caller's. NULL: all.
 */
typedef bool na_reader_wanted(void *context, enum na_event_type type,
			      const struct na_frame_event *event);
void na_reader_set_wanted(struct na_reader *reader, na_reader_wanted *wanted, void *context);

/* The next event in order of sequence. A step, or a negative errno (EIO: it may be tried again). */
int na_reader_next(struct na_reader *reader, struct na_reader_item *ret_item);

/*
 * Until there may be more, na_reader_wake, the time-out, or a signal; a second at most, so that a
 * new journal or tail is noticed. Its system call: futex.
 */
void na_reader_wait(struct na_reader *reader, uint64_t timeout_ns);

/*
 * Ends the wait that goes on, or else the next one. Any thread; no other call of this reader but
 * that wait, until it returns.
 */
void na_reader_wake(struct na_reader *reader);

/* Grows when the constants change: encoders that rendered them make them anew. */
unsigned int na_reader_constants_version(const struct na_reader *reader);

/* Where reading goes on. */
uint64_t na_reader_position(const struct na_reader *reader);

/* The newest sequence number that is there, for lags; 0: none. Looks, does not move. */
uint64_t na_reader_last_sequence(struct na_reader *reader);

#endif
