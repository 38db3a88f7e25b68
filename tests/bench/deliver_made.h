/* SPDX-License-Identifier: Apache-2.0 */
/* A full journal, and what the shipping host makes of it: bodies that are ready. Main thread. */
#ifndef NA_BENCH_DELIVER_MADE_H
#define NA_BENCH_DELIVER_MADE_H

#include "output_common.h"
#include "ship/ship.h"

/* What an event is as a record and as a frame of syslog, of which the body is the end. */
struct deliver_record {
	struct na_text id, body, frame;
	uint64_t wall_ns;
};

struct deliver_made {
	char folder[64], journal[80], tail[80], ship[80];
	uint64_t events, journal_bytes;
	struct deliver_record *records; /* `events` of them; NULL: not collected */
};

/* Makes a journal below `folder`, of so many events or bytes, whichever is reached first. What
 * fails ends the process. */
void deliver_made_init(struct deliver_made *made, const char *folder, uint64_t events,
		       uint64_t bytes);
/* Removes it. */
void deliver_made_done(struct deliver_made *made);

/* How far outputs came is forgotten. */
void deliver_made_forget(const struct deliver_made *made);

/* Sets `records`. */
void deliver_made_collect(struct deliver_made *made);

/* An output that takes everything and does nothing with it; it has no options. */
extern const struct na_output deliver_sink;

/* As options.def has it, for an output of that name. */
struct na_output_common deliver_common(const char *name, const char *type);

/* The host at the beginning of the journal, with this output. Free it by deliver_unship. */
struct na_ship *deliver_ship(const struct deliver_made *made, const struct na_ship_output *output,
			     struct na_ship_options *options);
void deliver_unship(const struct deliver_made *made, struct na_ship **ship);

#endif
