/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket table: facts of the kernel in, events out. Capture thread only.
 *
 * Sockets are joined by cookie, where there is none yet by inode, never by address. A process comes
 * from a record that a process made; what happens in softirq belongs to the process that asked for
 * it. Where none is known the event says so.
 */
#ifndef NA_SOCKETS_H
#define NA_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "record.h"

struct na_processes;
struct na_sockets;

struct na_sockets_options {
	size_t max_sockets; /* above, new ones are not remembered, and counted */
	size_t max_flows;   /* above, peers go to their socket's flow of "other peers" */
	uint64_t flow_interval_ns;
	uint64_t connection_interval_ns; /* open ones are reported so often; 0: never */
	uint64_t boot_id;                /* first half of the boot id: begins every connection id */
	uint64_t wall_offset_ns;         /* boot time to wall time */
	bool call_results;               /* RESULT records come: listen(2) is told by its result */
	struct na_processes *processes;  /* borrowed */
	struct na_sink *sink;            /* borrowed; its texts are valid during put only */
};

struct na_sockets_counts {
	size_t sockets, flows;    /* in the table now */
	uint64_t sockets_dropped; /* not remembered: full, or out of memory */
	uint64_t flows_other;     /* messages' reports that went to "other peers" */
	uint64_t unattributed;    /* events without a process */
	uint64_t ends_unseen;     /* sockets whose end no record told */
};

/* NULL: out of memory. */
struct na_sockets *na_sockets_new(const struct na_sockets_options *options);
void na_sockets_free(struct na_sockets *sockets);

/*
 * Takes a valid record (na_record_valid), in order of time, of any type that is about sockets;
 * others are ignored. 0, or the sink's error.
 */
int na_sockets_record(struct na_sockets *sockets, const struct na_record_header *record);

/*
 * Brings the table to where an earlier agent of this boot had it after that event; those of other
 * kinds are passed over. Events in their order, before any record.
 */
void na_sockets_restore(struct na_sockets *sockets, const struct na_event *event);
/* Kinds that na_sockets_restore looks at. */
bool na_sockets_restores(enum na_event_type type);

/*
 * All such events were taken. Then comes a snapshot of all sockets, and na_sockets_sweep forgets
 * what it did not find. `gap`: nobody watched since the earlier agent; else the rings have every
 * record of that time, and perhaps older ones, which are passed over.
 */
void na_sockets_restored(struct na_sockets *sockets, bool gap);

/*
 * All FOUND records were taken: reports what was there. From now on a FOUND record is about a
 * socket that is known, and reports its connection when that is due; one that is not known is
 * excluded, or the table was full, and left alone. After a LOST record such are taken up, until
 * na_sockets_sweep.
 */
int na_sockets_found_all(struct na_sockets *sockets);

/* Reports flows that are due, and forgets what has waited too long. Call about once a second. */
int na_sockets_tick(struct na_sockets *sockets, uint64_t now_ns);

/* Reports what is counted of every flow and not told yet: before the agent stops. */
int na_sockets_flush(struct na_sockets *sockets, uint64_t now_ns);

/*
 * A snapshot whose records were all taken began at `began_ns`: a socket that is older, that no
 * process was found to hold and that nobody let go of is gone, unseen. Reports and forgets it.
 */
int na_sockets_sweep(struct na_sockets *sockets, uint64_t began_ns, uint64_t now_ns);

/* After the wall clock was set. */
void na_sockets_set_wall_offset(struct na_sockets *sockets, uint64_t wall_offset_ns);

/* After a reload: open connections are reported so often; 0: never. */
void na_sockets_set_connection_interval(struct na_sockets *sockets, uint64_t interval_ns);

struct na_sockets_counts na_sockets_counts(const struct na_sockets *sockets);

#endif
