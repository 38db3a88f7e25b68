/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From record to finished event: process cache, socket table, exclusion, time and number. Knows
 * nothing of where records come from or events go to. Capture thread only.
 */
#ifndef NA_PIPELINE_H
#define NA_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "record.h"

struct na_clock_change;
struct na_counters;
struct na_filter;
struct na_pipeline;
struct na_shipper;

struct na_pipeline_options {
	size_t max_processes, max_sockets, max_flows;
	uint64_t flow_interval_ns, heartbeat_ns;
	uint64_t connection_interval_ns; /* events of open connections; 0: none */
	const char *proc, *passwd;       /* NULL: never look (replay) */
	const struct na_text *redact;    /* patterns of arguments */
	size_t redact_count;
	struct na_filter *const *excluded; /* what the kernel could not leave out; borrowed */
	size_t excluded_count;
	struct na_shipper *shipper; /* pipeline/shipper.h; borrowed; NULL: none */
	bool process_events;
	bool call_results;       /* RESULT records come */
	bool skipped_known;      /* the kernel counts skipped runs of programs */
	uint64_t boot_number;    /* of the boot that the records are of */
	uint64_t wall_offset_ns; /* boot time to wall time */
	const char *instance;    /* begins every event id, which is unique with it; copied */
	uint64_t first_sequence; /* number of the first event; 0: 1 */
	struct na_sink *sink;    /* borrowed; gets events with their time and number */
};

/* NULL: out of memory. */
struct na_pipeline *na_pipeline_new(const struct na_pipeline_options *options);
void na_pipeline_free(struct na_pipeline *pipeline);

/*
 * An event that an earlier agent of this boot made, in their order, before any record and scan:
 * what is open is gone on with. Kinds that this looks at: na_pipeline_restores.
 */
void na_pipeline_restore(struct na_pipeline *pipeline, const struct na_event *event);
bool na_pipeline_restores(const struct na_pipeline *pipeline, enum na_event_type type);

/*
 * All of them were taken; a FOUND_ALL record with the snapshot's beginning has to follow. `gap`:
 * nobody watched since, else the rings have every record. Before na_pipeline_scan.
 */
void na_pipeline_restored(struct na_pipeline *pipeline, bool gap);

/* Describes the processes that run. 0 or a negative errno: /proc cannot be read. */
int na_pipeline_scan(struct na_pipeline *pipeline);

/* In order of time. 0, or the sink's error. */
int na_pipeline_record(struct na_pipeline *pipeline, const struct na_record_header *record);

/* Flows, heartbeat, memory; about once a second. `wall_offset_ns` is that of now. */
int na_pipeline_tick(struct na_pipeline *pipeline, uint64_t now_ns, uint64_t wall_offset_ns);

/* What is counted and not told yet, before the end. */
int na_pipeline_flush(struct na_pipeline *pipeline, uint64_t now_ns);

/*
 * agent_started, agent_degraded, agent_stopping, heartbeat; `message` says what a person should
 * know, NULL: nothing.
 */
int na_pipeline_agent_event(struct na_pipeline *pipeline, enum na_event_type type, uint64_t now_ns,
			    const char *message);

/* Events that were made and are not in the journal. */
struct na_pipeline_loss {
	const char *reason;                     /* netaudit.lost.reason */
	uint64_t count;                         /* of "crash": at most so many */
	uint64_t first_sequence, last_sequence; /* 0: not known */
};

/* Counts it and makes an events_lost of it. 0, or the sink's error. */
int na_pipeline_lost(struct na_pipeline *pipeline, uint64_t now_ns,
		     const struct na_pipeline_loss *loss);

/* Makes a clock_changed, in the new time: na_pipeline_tick comes first. 0, or the sink's error. */
int na_pipeline_clock_changed(struct na_pipeline *pipeline, uint64_t now_ns,
			      const struct na_clock_change *change);

/* After a reload: what is excluded (borrowed), how often the heartbeat and open connections come.
 */
void na_pipeline_set_excluded(struct na_pipeline *pipeline, struct na_filter *const *excluded,
			      size_t count);
void na_pipeline_set_heartbeat(struct na_pipeline *pipeline, uint64_t interval_ns);
void na_pipeline_set_connection_interval(struct na_pipeline *pipeline, uint64_t interval_ns);

/* As the heartbeat tells them. */
void na_pipeline_counters(struct na_pipeline *pipeline, struct na_counters *ret_counters);

/* The number that the next event will have. */
uint64_t na_pipeline_next_sequence(const struct na_pipeline *pipeline);

#endif
