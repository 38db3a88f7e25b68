/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events into the tail. Never waits: what finds no room is counted, and told later. Capture thread;
 * the counters may be read by any.
 */
#ifndef NA_JOURNAL_APPEND_H
#define NA_JOURNAL_APPEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "journal/encoder.h"
#include "journal/store.h"
#include "journal/writer.h"

/* Whether the next event tells a loss, and where that loss is kept. */
enum na_telling { NA_TELLING_NONE, NA_TELLING_TAIL, NA_TELLING_WRITER };

/* Events are settled a second after their append, told five times a second. */
#define NA_APPENDER_MARKS 8u

struct na_appender_mark {
	uint64_t boot_ns, sequence; /* then all in front of that number were in the stream */
};

struct na_appender {
	struct na_store *store; /* of it: tail, roll, losses, and options, which do not change */
	struct na_writer *writer;
	struct na_encoder *encoder;
	struct na_event *constants; /* owned; NULL: none */
	struct na_buffer out;       /* the frames that go in next */
	struct na_buffer seal;      /* end of a segment whose next one is not begun yet */
	uint64_t next_sequence;
	uint64_t end, kept;      /* of the tail; `kept` may be older than what is true */
	uint64_t segment_start;  /* position */
	uint64_t segment_events; /* 0: too large is no reason to end it */
	bool begun;              /* the encoder has a segment that is in the tail */
	struct na_appender_mark marks[NA_APPENDER_MARKS]; /* a ring, of what is not settled */
	uint64_t mark_first, mark_end;

	bool full;                /* until a sixteenth is free, so that one stall is one loss, */
	uint64_t wanted;          /* and so much as found no room */
	struct na_state_loss run; /* since the last event that found room */
	enum na_journal_reason run_reason;
	enum na_telling telling;
	enum na_journal_reason telling_reason;

	_Atomic uint64_t events, events_lost, bytes, most; /* since the start */
};

/* -ENOMEM. `constants` may be NULL. */
int na_appender_init(struct na_appender *appender, struct na_store *store, struct na_writer *writer,
		     const struct na_event *constants);
void na_appender_done(struct na_appender *appender);

/* As na_journal_append, na_journal_late, na_journal_take_loss, na_journal_set_constants. */
int na_appender_put(struct na_appender *appender, const struct na_event *event);
int na_appender_late(struct na_appender *appender, const struct na_event *about,
		     const struct na_event *fact);
bool na_appender_take_loss(struct na_appender *appender, struct na_journal_loss *ret_loss);
int na_appender_set_constants(struct na_appender *appender, const struct na_event *constants);

/* The orderly end: SEAL, if it finds room. */
void na_appender_end(struct na_appender *appender);

#endif
