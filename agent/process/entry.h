/* SPDX-License-Identifier: Apache-2.0 */
/* An execution in the process cache, as table.c keeps it and fill.c reads it. */
#ifndef NA_PROCESS_ENTRY_H
#define NA_PROCESS_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "process/description.h"
#include "process/process.h"

/* "%016llx-%x-%llx-%x" and NUL: boot id, pid, start, count of executions. */
#define NA_ENTITY_ID_SIZE (16 + 1 + 8 + 1 + 16 + 1 + 8 + 1)

enum na_start {
	NA_START_UNKNOWN,
	NA_START_TICK,  /* from /proc: the beginning of the clock tick it started in */
	NA_START_EXACT, /* from a record */
};

/*
 * Memory: freed when out of the table, without references and without children. A parent that is
 * out of the table keeps no parent of its own, so that chains stay one level deep.
 */
struct na_process {
	LIST_ENTRY(na_process) in_bucket;
	TAILQ_ENTRY(na_process) in_over;    /* while over and not forgotten */
	struct na_process_table *table;     /* NULL: out of it */
	struct na_description *description; /* NULL: only what is here is known */
	struct na_process *parent;
	uint64_t number; /* of its identity, see struct na_process_origin */
	uint64_t start_ns;
	uint64_t start_wall_ns;
	uint64_t since_ns; /* exec, or start */
	uint64_t over_ns;  /* next exec, or end */
	uint64_t told_ns;  /* newest event of an earlier agent about it; 0: none */
	uint32_t pid;
	uint32_t parent_pid; /* 0: not known, or none */
	uint32_t namespace_pid;
	uint32_t execs;
	uint32_t references; /* of others; the table needs none */
	uint32_t children;
	uint32_t seen;            /* number of the last scan that found its pid */
	uint8_t start;            /* enum na_start */
	bool over;                /* no longer what its pid is */
	bool lost_exec;           /* over by an exec that could not be kept */
	bool forgotten;           /* leaves the table with the last reference */
	bool asked;               /* /proc was looked at */
	bool presumed;            /* known of an earlier agent only, so taken for over */
	bool partial;             /* described as somebody's parent or as a creator, no more */
	uint8_t entity_id_length; /* 0: the start is not known, so no id would be unique */
	char entity_id[NA_ENTITY_ID_SIZE];
};

#endif
