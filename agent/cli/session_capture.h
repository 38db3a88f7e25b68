/* SPDX-License-Identifier: Apache-2.0 */
/* A session from the kernel, for the files that make it up. Main thread. */
#ifndef NA_SESSION_CAPTURE_H
#define NA_SESSION_CAPTURE_H

#include "capture/capture.h"
#include "capture/recording.h"
#include "capture/rules.h"
#include "cli/delivery.h"
#include "cli/session_control.h"
#include "cli/session_internal.h"
#include "cli/session_journal.h"
#include "pipeline/clock_watch.h"
#include "pipeline/shipper.h"

struct na_source {
	struct na_session *session;
	struct na_capture *capture;
	struct na_pins *pins;        /* NULL: the kernel programs end with us */
	struct na_fd_store *store;   /* of the service manager; NULL: there is none */
	struct na_rules *rules;      /* what the kernel excludes, of the first configuration */
	bool *in_kernel;             /* for each filter of that: the kernel applies it */
	struct na_config *first;     /* that configuration, after a reload; else NULL */
	struct na_filter **excluded; /* what the pipeline excludes, of the one in effect */
	size_t excluded_count;
	struct na_recorder *recorder; /* NULL: none, or it failed */
	struct na_delivery delivery;
	struct na_shipper shipper; /* what it does is no event, where it sends */
	struct na_session_journal journal;
	struct na_session_control *control; /* NULL: nobody may ask */
	struct na_clock_watch watch;
	char *kept;        /* capabilities */
	char *ship_status; /* the file that the shipping process writes; NULL: none */
	uint64_t started_ns, started_wall_ns;
	int wake_fd;        /* an epoll of all that wakes the loop but the rings */
	uint64_t last_ns;   /* of an agent in this boot that did not end in order; 0: none */
	bool taken_over;    /* kernel programs of an agent before */
	bool gap;           /* nobody watched between that agent and this */
	bool restored;      /* the pipeline knows what an earlier agent of this boot knew */
	bool found_all;     /* nothing of a snapshot is still to come */
	bool lost;          /* records, since the last snapshot */
	bool told_programs; /* to `control` */
	uint64_t began_ns;  /* of the snapshot after losses; 0: the first one */
	uint64_t next_snapshot_ns, next_look_ns, next_flush_ns;
};

/* Sets `excluded` from a configuration, here and in the pipeline. -ENOMEM: as it was. */
int na_source_set_excluded(struct na_source *source, const struct na_config *config);

/* A record that came, as na_record_take; `context` is the source. */
int na_source_take(void *context, const struct na_record_header *record);

/* What is due, and sleeps when that was all. 0 or an error that ends the run. */
int na_source_turn(struct na_source *source);
/* That sleep ends when the descriptor is readable; negative: none. */
void na_source_wake_by(struct na_source *source, int fd);

/* session_detach.c: at the end, unless the kernel programs are pinned. As na_source_turn. */
int na_source_detach(struct na_source *source);

/*
 * Tests the sources, describes the processes and sockets that are there, tells that the agent has
 * started. An enum na_exit.
 */
int na_source_start(struct na_source *source);

/* session_pins.c: what the service manager kept; before any child is made. */
void na_source_open_store(struct na_source *source);
/* The folder of pins, for an agent with a journal; NULL: nothing is pinned. */
struct na_pins *na_source_open_pins(const struct na_session_options *options);
/* Before the journal is opened: how the agent before ended. */
void na_source_look_back(struct na_source *source);
/* Before the first read: what an agent before left. 0 or the sink's error. */
int na_source_begin(struct na_source *source);
/* When all works: for the next agent. */
void na_source_pin(struct na_source *source);
/* This run did not come to work: no programs stay that were not there before. */
void na_source_undo_pins(struct na_source *source);
/* At the end: closes the capture, and says what stays. */
void na_source_leave_pins(struct na_source *source);
/* session_restore.c: the pipeline gets what an earlier agent of this boot told. Before records. */
void na_source_restore(struct na_source *source);

/* SIGHUP: a configuration without a mistake takes effect as far as it can, another not at all. */
void na_source_reload(struct na_source *source);

/* What the control socket answers from now on. */
void na_source_update_status(struct na_source *source, uint64_t now_ns);

#endif
