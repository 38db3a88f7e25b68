/* SPDX-License-Identifier: Apache-2.0 */
/* The document of `netaudit status`, as status.md describes it. */
#ifndef NA_STATUS_JSON_H
#define NA_STATUS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"
#include "journal/journal.h"
#include "pipeline/counters.h"

enum na_status_ship {
	NA_STATUS_SHIP_OFF,     /* this run has none */
	NA_STATUS_SHIP_RUNNING, /* pid is its */
	NA_STATUS_SHIP_WAITING, /* died, is started again */
	NA_STATUS_SHIP_STOPPED, /* told to */
	NA_STATUS_SHIP_LOST,    /* nobody can start it any more */
	NA_STATUS_SHIP_COUNT
};

/* What the agent knows of itself. Texts are borrowed; "" and 0 are left out where they mean
 * nothing. */
struct na_status {
	int pid;
	uint64_t started_wall_ns, uptime_ns;

	const char *tier;
	const struct na_program_state *programs; /* by enum na_program, without NONE and AGENT */
	size_t program_count;
	const char *capabilities; /* kept */
	struct na_counters counters;
	double events_per_second; /* of rate.h */

	bool has_journal;
	const char *journal_path, *tail_path;
	enum na_journal_sync sync;
	struct na_journal_status journal;
	uint64_t journal_first_wall_ns, journal_last_wall_ns; /* times of the events kept */

	enum na_status_ship ship;
	int ship_pid;
	const char *ship_user;
	uint64_t ship_starts;
	const char *ship_last_end; /* a sentence of na_supervisor_describe */
	uint64_t ship_last_end_wall_ns;
	const char *ship_status_path; /* the file that ship writes about its outputs, or NULL */
};

/* Reads the ship's file as well, so not while a lock is held. NULL: no memory. Any thread. */
json_t *na_status_json(const struct na_status *status);

/*
 * Adds "outputs" to the document from the file that the shipping process wrote, or
 * "outputs_error". The file is foreign: at most 256 KiB and 64 outputs are read, only known names
 * with the type they have are taken, and texts are cut. 0 or -ENOMEM.
 */
int na_status_add_outputs(json_t *document, const char *path);

#endif
