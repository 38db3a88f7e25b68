/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executions that are known, by pid: which there are, how long they stay, who is whose parent.
 * Capture thread only.
 *
 * Executions of one process (pid and start) stand together in their bucket, newest first.
 */
#ifndef NA_PROCESS_TABLE_H
#define NA_PROCESS_TABLE_H

#include <stddef.h>

#include "base/buffer.h"
#include "process/entry.h"

LIST_HEAD(na_process_bucket, na_process);
TAILQ_HEAD(na_process_over, na_process);

struct na_process_table {
	struct na_process_bucket *buckets;
	uint32_t mask;
	size_t count, max;
	uint64_t dropped;
	uint64_t numbers; /* given to processes */
	uint64_t wall_offset_ns;
	char boot[16];               /* the boot id's digits, without NUL */
	struct na_process_over over; /* in the order of over_ns */
	struct na_buffer text;       /* for entity ids */
};

int na_process_table_init(struct na_process_table *table,
			  const struct na_processes_options *options);
/* What is referenced lives on without the table. */
void na_process_table_done(struct na_process_table *table);

/*
 * The newest execution of the process, or NULL. With an unknown start: of the process that had
 * the pid last. An exact start is adopted where only the tick was known.
 */
struct na_process *na_process_table_find(struct na_process_table *table, uint32_t pid,
					 uint64_t start_ns, enum na_start start);

/* The execution before this one, or NULL. */
struct na_process *na_process_older(const struct na_process *process);

/* What the process was at `time_ns`, the oldest when all are newer. NULL in, NULL out. */
struct na_process *na_process_at(struct na_process *newest, uint64_t time_ns);

/*
 * A process that is not in the table, as it was forked. NULL, and counted: the table is full of
 * what still runs or is referenced, or out of memory. May free others that are over and not
 * referenced; so does na_process_table_exec.
 */
struct na_process *na_process_table_add(struct na_process_table *table, uint32_t pid,
					uint64_t start_ns, enum na_start start);

/*
 * A further execution of the process whose newest is given, in its place by time. A full table does
 * not refuse it: what is known of a process must not get wrong. NULL: out of memory. May free also
 * `newest`, if that is over and not referenced.
 */
struct na_process *na_process_table_exec(struct na_process_table *table, struct na_process *newest,
					 uint64_t since_ns);

/* It ended, or executed something else; or that was at another time than thought. */
void na_process_end(struct na_process *process, uint64_t time_ns);

/* It was taken for over, and is not. */
void na_process_revive(struct na_process *process);

/* Out of the table, now or with its last reference. */
void na_process_forget(struct na_process *process);

/* Keeps `parent` alive. Does nothing when there is one already, or it is the process itself. */
void na_process_set_parent(struct na_process *process, struct na_process *parent);

/* The start of a process of which only the pid or the tick was known. */
void na_process_set_start(struct na_process *process, uint64_t start_ns, enum na_start start);

#endif
