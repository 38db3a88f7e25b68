/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host of outputs: what `netaudit ship` does. Each output has a thread, a reader and a cursor
 * of its own, so that none waits for another.
 *
 * What a reader of the journal sees is delivered at least once, or is told: an event moves the
 * cursor when the far end acknowledged it, when it is a dead letter, or when a rule of the output
 * (view, select, dedup, budget) leaves it out, which the next heartbeat states.
 */
#ifndef NA_SHIP_H
#define NA_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "format/line.h"
#include "output.h"
#include "output_common.h"

struct na_ship;

struct na_ship_output {
	const struct na_output *type;
	const void *options; /* what the type's rows filled */
	const struct na_output_common *common;
	struct na_line_options line; /* format `line`: of the terminal it goes to */
};

struct na_ship_options {
	const char *journal;
	const char *tail;   /* NULL: segments only */
	const char *folder; /* its own: NAME.cursor, NAME.mark, NAME.dead, status.json */
	const struct na_ship_output *outputs;
	size_t count;
	bool once; /* nothing writes the journal any more: end at its end */
	/* How often capture tells of an open connection; 0: each minute. See view.h. */
	uint64_t connection_interval_ns;
};

/* The same words as enum na_output_state; `state` of status.json. */
struct na_ship_status {
	const char *name, *type;
	enum na_output_state state;
	char last_error[200];     /* "" : none since the start */
	const char *dead_letters; /* their file, as long as the host; NULL: there is none */
	uint64_t sent;            /* records that the output took; one sent again counts again */
	uint64_t acknowledged;    /* records */
	uint64_t rejected;        /* dead letters */
	uint64_t left_out;        /* events, by all rules */
	uint64_t lost;            /* events that its own events_lost records name */
	uint64_t bytes;           /* of what was taken */
	uint64_t retries;         /* waits after a failure */
	uint64_t lag_events;      /* in the journal behind what is delivered */
	/* Age of the newest delivered event while there are later ones; UINT64_MAX: none was. */
	uint64_t lag_ns;
};

/*
 * Options and what they point to live as long as the host. -ENOMEM; -EEXIST: two outputs have one
 * name; -EINVAL: a name that is no file's name, or a format that this build has not; `why` says
 * which. Opens nothing. Main thread, like all below.
 */
int na_ship_new(const struct na_ship_options *options, struct na_ship **ret_ship,
		struct na_buffer *why);

/* Starts the threads. What cannot be opened is tried again by its output. -EAGAIN: no thread. */
int na_ship_start(struct na_ship *ship);

/* SIGUSR1: outputs open their files again. */
void na_ship_reopen(struct na_ship *ship);

/*
 * Readable (POLLIN) once no output has anything more to do: each one ENDED, or with `once` is at
 * the end with all delivered. Borrowed.
 */
int na_ship_fd(const struct na_ship *ship);

/*
 * Sends what is in the journal and awaits acknowledgements until `deadline_ns` (boot time); an
 * output that waits for its far end gives up at once: the journal keeps. Joins the threads; stores
 * the cursors. Twice is fine.
 */
void na_ship_stop(struct na_ship *ship, uint64_t deadline_ns);

/* Stops at once if need be; NULL is fine. */
void na_ship_free(struct na_ship **ship);

/* Any thread. false: there is no such output. */
bool na_ship_status(struct na_ship *ship, size_t output, struct na_ship_status *ret_status);

#endif
