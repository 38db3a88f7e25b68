/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process cache: who is behind a pid, from records of fork, exec and exit, and from /proc for
 * what ran before us. Capture thread only.
 *
 * A process here is one execution (boot id, pid, start time, count of execs): an exec makes a new
 * na_process, so that what earlier events point to never changes. It lives while a pid has it or a
 * reference is held.
 */
#ifndef NA_PROCESS_H
#define NA_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "record.h"

struct na_process;
struct na_processes;

struct na_processes_options {
	/* Processes kept at most; above, na_processes_get gives NULL for new ones and counts. */
	size_t max;
	const char *proc;   /* "/proc"; tests give a folder; NULL: never look (replay) */
	const char *passwd; /* "/etc/passwd", read again when it changes; NULL: no names */
	/* Patterns (fnmatch) of arguments whose values are replaced, see redact.h. */
	const struct na_text *redact;
	size_t redact_count;
	uint64_t boot_id;        /* first half of the boot id: begins every entity id */
	uint64_t wall_offset_ns; /* boot time to wall time, for start times */
};

/* NULL: out of memory. Copies the options, borrows the strings. */
struct na_processes *na_processes_new(const struct na_processes_options *options);
void na_processes_free(struct na_processes *processes);

/*
 * Takes a record of type FORKED, EXEC or EXITED; others are ignored. `record` is whole (size was
 * checked against the header, not against the type: a malformed one gives -EBADMSG and changes
 * nothing). -ENOMEM: not kept, and the process is later described by what is known (pid).
 */
int na_processes_record(struct na_processes *processes, const struct na_record_header *record);

/* Describes all that run now, from /proc. Negative errno when /proc cannot be read at all. */
int na_processes_scan(struct na_processes *processes);

/*
 * The execution that is the event's process, or its netaudit.creator; the event was made by an
 * earlier agent of this boot, and comes before records and scan. Borrowed; NULL: none, of another
 * boot, or it cannot be kept.
 */
struct na_process *na_processes_restore(struct na_processes *processes,
					const struct na_event *event, bool creator);

/*
 * All such events were taken. `gap`: nobody watched since, so a process may run another program by
 * now: the scan looks for that.
 */
void na_processes_restored(struct na_processes *processes, bool gap);

/*
 * The execution that `pid`, started at `start_ns`, was at `time_ns` (an event may be older than
 * the newest exec). Looks into /proc once when unknown and it still runs with that start time;
 * else returns an entry that knows pid and start only. Borrowed; NULL when pid is 0 or nothing can
 * be kept.
 */
struct na_process *na_processes_get(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
				    uint64_t time_ns);

struct na_process *na_process_ref(struct na_process *process); /* NULL in, NULL out */
void na_process_unref(struct na_process **process); /* clears the pointer; NULL is fine */

uint32_t na_process_pid(const struct na_process *process);
bool na_process_same(const struct na_process *a, const struct na_process *b);

/* Forgets ended processes that nobody refers to and that ended before `time_ns`. */
void na_processes_expire(struct na_processes *processes, uint64_t time_ns);

size_t na_processes_count(const struct na_processes *processes);
uint64_t na_processes_dropped(const struct na_processes *processes);

/* process.*, user.*, group.*, container.*, netaudit.{process,cgroup}.*; NULL sets nothing. */
void na_process_fill(const struct na_process *process, struct na_event *event);
/*
 * After na_process_fill: user.* and group.* as they were at the moment of a record, where they
 * differ from those of the exec: servers give up rights after it. The texts are valid until the
 * next call.
 */
void na_processes_fill_user(struct na_processes *processes, const struct na_process *process,
			    const struct na_credentials *credentials, struct na_event *event);

/* netaudit.creator.* and netaudit.closer.* */
void na_process_fill_creator(const struct na_process *process, struct na_event *event);
void na_process_fill_closer(const struct na_process *process, struct na_event *event);

#endif
