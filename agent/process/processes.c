/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process cache. Records are facts that may be missing and may come out of order by a
 * millisecond; what is not known is asked of /proc once, and else left open: an execution without
 * a description says pid and start and nothing else. A description never comes from a process that
 * may not be the one.
 */
#include "process/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "process/exec.h"
#include "process/proc.h"
#include "process/restore.h"
#include "process/table.h"

struct na_processes {
	struct na_process_table table;
	const char *proc; /* borrowed; NULL: never look */
	struct na_users *users;
	struct na_redactor *redactor;
	struct na_describer *describer;
	uint32_t scans;
	bool gap;                                /* between an earlier agent and this one */
	char user[10], group[10], effective[10]; /* of na_processes_fill_user */
	struct na_arena arena;
};

static enum na_start start_of_record(uint64_t start_ns)
{
	return start_ns ? NA_START_EXACT : NA_START_UNKNOWN;
}

/* An exec was not kept: from then on the execution says nothing about the process. */
static bool is_outdated(const struct na_process *process, uint64_t time_ns)
{
	return process->lost_exec && time_ns >= process->over_ns;
}

/*
 * Without a start the pid alone does not tell whether it is the same process: only an execution
 * that was there at the time counts.
 */
static struct na_process *find_at(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
				  uint64_t time_ns)
{
	enum na_start start = start_of_record(start_ns);
	struct na_process *process;

	process = na_process_at(na_process_table_find(&processes->table, pid, start_ns, start),
				time_ns);
	if (process && start == NA_START_UNKNOWN && process->start != NA_START_UNKNOWN &&
	    (process->since_ns > time_ns ||
	     (process->over && !process->lost_exec && process->over_ns < time_ns)))
		return NULL;
	return process;
}

/* Who runs with the pid now, if it began before `child` did. */
static struct na_process *find_parent_by_pid(struct na_processes *processes, uint32_t pid,
					     const struct na_process *child)
{
	struct na_process *parent;

	parent = na_process_table_find(&processes->table, pid, 0, NA_START_UNKNOWN);
	if (!pid || !parent || parent->over || parent->start == NA_START_UNKNOWN ||
	    parent->start_ns / NA_TICK_NS > child->start_ns / NA_TICK_NS)
		return NULL;
	return parent;
}

static struct na_process *oldest_of(struct na_process *process)
{
	struct na_process *older;

	while (process && (older = na_process_older(process)))
		process = older;
	return process;
}

static int take_forked(struct na_processes *processes, const struct na_record_forked *record)
{
	const struct na_record_header *header = &record->header;
	struct na_process *child, *parent;

	if (header->size < sizeof(*record) || !record->child_pid || !record->child_start_ns)
		return -EBADMSG;
	/* Known already when an event or its exec was read first: then only what lacks is added. */
	child = oldest_of(na_process_table_find(&processes->table, record->child_pid,
						record->child_start_ns, NA_START_EXACT));
	if (!child)
		child = na_process_table_add(&processes->table, record->child_pid,
					     record->child_start_ns, NA_START_EXACT);
	if (!child)
		return -ENOMEM;
	if (child->execs)
		return 0;
	child->parent_pid = header->pid;
	parent = find_at(processes, header->pid, header->start_ns, header->time_ns);
	if (!parent || is_outdated(parent, header->time_ns))
		return 0;
	na_process_set_parent(child, parent);
	if (!child->description)
		child->description = na_description_ref(parent->description);
	return 0;
}

static void attach(struct na_process *process, struct na_description *description,
		   const struct na_facts *facts)
{
	process->description = description;
	process->namespace_pid = facts->namespace_pid;
	if (facts->parent_pid)
		process->parent_pid = facts->parent_pid;
}

/* The exec cannot be kept: what we know of the process ends here. */
static int lose_exec(struct na_process *process, uint64_t time_ns)
{
	if (!process->over || process->over_ns > time_ns) {
		na_process_end(process, time_ns);
		process->lost_exec = true;
	}
	return -ENOMEM;
}

/*
 * Of a process not known before, what it was until this exec is an execution as well: events of
 * that time must not be given the program that came later.
 */
static struct na_process *find_or_add(struct na_processes *processes, uint32_t pid,
				      uint64_t start_ns)
{
	struct na_process *process;

	process = na_process_table_find(&processes->table, pid, start_ns, NA_START_EXACT);
	if (process)
		return process;
	return na_process_table_add(&processes->table, pid, start_ns, NA_START_EXACT);
}

static int take_exec(struct na_processes *processes, const struct na_record_exec *record)
{
	NA_CLEANUP(na_process_unref) struct na_process *newest = NULL;
	const struct na_record_header *header = &record->header;
	struct na_description *description;
	struct na_process *process, *parent;
	struct na_facts facts;
	int error;

	error = na_exec_decode(record, &processes->arena, &facts);
	if (error < 0)
		return error;
	newest = na_process_ref(find_or_add(processes, header->pid, header->start_ns));
	if (!newest)
		return -ENOMEM;
	if (newest->told_ns >= header->time_ns) /* an earlier agent took it, and counted it */
		return 0;
	if (na_description_new(processes->describer, &facts, &description) < 0)
		return lose_exec(newest, header->time_ns);
	process = na_process_table_exec(&processes->table, newest, header->time_ns);
	if (!process) {
		na_description_unref(description);
		return lose_exec(newest, header->time_ns);
	}
	attach(process, description, &facts);
	parent = find_at(processes, facts.parent_pid, facts.parent_start_ns, header->time_ns);
	if (parent && !is_outdated(parent, header->time_ns))
		na_process_set_parent(process, parent);
	return 0;
}

static int take_exited(struct na_processes *processes, const struct na_record_exited *record)
{
	const struct na_record_header *header = &record->header;
	struct na_process *process;

	if (header->size < sizeof(*record) || !header->pid || !header->start_ns)
		return -EBADMSG;
	process = na_process_table_find(&processes->table, header->pid, header->start_ns,
					NA_START_EXACT);
	if (process && !process->lost_exec)
		na_process_end(process, header->time_ns);
	return 0;
}

static void describe(struct na_processes *processes, struct na_process *process,
		     const struct na_facts *facts)
{
	struct na_description *description;

	if (na_description_new(processes->describer, facts, &description) < 0)
		return;                             /* stays known by pid and start */
	na_description_unref(process->description); /* a partial one */
	process->partial = false;
	attach(process, description, facts);
	na_process_set_parent(process, find_parent_by_pid(processes, facts->parent_pid, process));
}

/* Once: also a process that /proc does not have may be asked for a thousand times. */
static void ask_proc(struct na_processes *processes, struct na_process *process, uint64_t time_ns)
{
	NA_CLOSE int proc = -1;
	struct na_facts facts;
	int error;

	if (process->description || process->asked || process->over || !processes->proc)
		return;
	process->asked = true;
	proc = na_proc_open(processes->proc);
	if (proc < 0)
		return;
	error = na_proc_read(proc, process->pid, &processes->arena, &facts);
	if (error == 0 && na_same_tick(facts.start_ns, process->start_ns))
		describe(processes, process, &facts);
	else if (error == 0 || error == -ESRCH)
		na_process_end(process, time_ns);
}

static bool parse_pid(const char *name, uint32_t *ret_pid)
{
	char *end;
	unsigned long pid = strtoul(name, &end, 10);

	if (!isdigit((unsigned char)*name) || *end || pid == 0 || pid > UINT32_MAX)
		return false;
	*ret_pid = (uint32_t)pid;
	return true;
}

/* The newest execution that an earlier agent knew of the process does run, or the one after it. */
static struct na_process *scan_presumed(struct na_processes *processes, struct na_process *process,
					const struct na_facts *facts)
{
	struct na_text known = {0};
	struct na_process *next;

	na_process_revive(process);
	if (process->description)
		known = process->description->executable;
	if (!processes->gap || !known.length ||
	    (known.length == facts->executable.length &&
	     !memcmp(known.data, facts->executable.data, known.length)))
		return process;
	next = na_process_table_exec(&processes->table, process, na_clock_boot_ns());
	return next ? next : process;
}

static void scan_process(struct na_processes *processes, int proc, uint32_t pid)
{
	struct na_process *process;
	struct na_facts facts;

	process = na_process_table_find(&processes->table, pid, 0, NA_START_UNKNOWN);
	if (process)
		process->seen = processes->scans; /* whatever is found: the pid is in use */
	if (na_proc_read(proc, pid, &processes->arena, &facts) < 0)
		return;
	process = na_process_table_find(&processes->table, pid, facts.start_ns, NA_START_TICK);
	if (!process)
		process =
			na_process_table_add(&processes->table, pid, facts.start_ns, NA_START_TICK);
	if (!process)
		return;
	if (process->presumed)
		process = scan_presumed(processes, process, &facts);
	process->seen = processes->scans;
	process->asked = true;
	if ((!process->description || process->partial) && !process->over)
		describe(processes, process, &facts);
}

/* A parent may have a higher pid, so that it was not known yet when its child was read. */
static void finish_scanned(struct na_processes *processes, struct na_process *process,
			   uint64_t begin_ns)
{
	if (process->over)
		return;
	na_process_set_parent(process, find_parent_by_pid(processes, process->parent_pid, process));
	/* An end whose record was lost. */
	if (process->seen != processes->scans && process->since_ns < begin_ns)
		na_process_end(process, begin_ns);
}

static int read_folder(struct na_processes *processes, DIR *folder)
{
	struct dirent *entry;
	uint32_t pid;

	for (errno = 0; (entry = readdir(folder)); errno = 0)
		if (parse_pid(entry->d_name, &pid))
			scan_process(processes, dirfd(folder), pid);
	return -errno;
}

static struct na_text print_id(char text[10], uint32_t id)
{
	char *at = text + 10;

	do
		*--at = (char)('0' + id % 10);
	while (id /= 10);
	return (struct na_text){at, (size_t)(text + 10 - at)};
}

/* Whether its description says already what the credentials say. */
static bool is_same_user(const struct na_description *description,
			 const struct na_credentials *credentials)
{
	return description && description->user_id.length && description->uid == credentials->uid &&
	       description->gid == credentials->gid && description->euid == credentials->euid;
}

/* ------------------------------------------------------------------------------------------- */

struct na_processes *na_processes_new(const struct na_processes_options *options)
{
	struct na_processes *processes = calloc(1, sizeof(*processes));

	if (!processes || na_process_table_init(&processes->table, options) < 0) {
		free(processes);
		return NULL;
	}
	processes->proc = options->proc;
	if (options->passwd)
		processes->users = na_users_new(options->passwd);
	if (options->redact_count)
		processes->redactor = na_redactor_new(options->redact, options->redact_count);
	processes->describer = na_describer_new(processes->users, processes->redactor);
	if (!processes->describer || (options->passwd && !processes->users) ||
	    (options->redact_count && !processes->redactor)) {
		na_processes_free(processes);
		return NULL;
	}
	return processes;
}

void na_processes_free(struct na_processes *processes)
{
	if (!processes)
		return;
	na_process_table_done(&processes->table);
	na_describer_free(processes->describer);
	na_redactor_free(processes->redactor);
	na_users_free(processes->users);
	free(processes);
}

int na_processes_record(struct na_processes *processes, const struct na_record_header *record)
{
	switch (record->type) {
	case NA_RECORD_FORKED:
		return take_forked(processes, (const struct na_record_forked *)record);
	case NA_RECORD_EXEC:
		return take_exec(processes, (const struct na_record_exec *)record);
	case NA_RECORD_EXITED:
		return take_exited(processes, (const struct na_record_exited *)record);
	default:
		return 0;
	}
}

struct na_process *na_processes_restore(struct na_processes *processes,
					const struct na_event *event, bool creator)
{
	return na_process_restore(&processes->table, processes->describer, event, creator);
}

void na_processes_restored(struct na_processes *processes, bool gap)
{
	processes->gap = gap;
}

int na_processes_scan(struct na_processes *processes)
{
	uint64_t begin_ns = na_clock_boot_ns();
	struct na_process *process;
	DIR *folder;
	int error;

	if (!processes->proc)
		return -ENOENT;
	folder = opendir(processes->proc);
	if (!folder)
		return -errno;
	processes->scans++;
	error = read_folder(processes, folder);
	closedir(folder);
	if (error < 0)
		return error;
	for (uint32_t i = 0; i <= processes->table.mask; i++)
		for (process = LIST_FIRST(&processes->table.buckets[i]); process;
		     process = LIST_NEXT(process, in_bucket))
			finish_scanned(processes, process, begin_ns);
	return 0;
}

struct na_process *na_processes_get(struct na_processes *processes, uint32_t pid, uint64_t start_ns,
				    uint64_t time_ns)
{
	enum na_start start = start_of_record(start_ns);
	struct na_process_table *table = &processes->table;
	struct na_process *process;

	if (!pid)
		return NULL;
	process = find_at(processes, pid, start_ns, time_ns);
	if (process && is_outdated(process, time_ns))
		process = na_process_table_exec(table,
						na_process_table_find(table, pid, start_ns, start),
						process->over_ns);
	else if (!process)
		process = na_process_table_add(table, pid, start_ns, start);
	if (!process)
		return NULL;
	if (process->start == NA_START_UNKNOWN && !process->over)
		na_process_end(process, time_ns); /* nothing will ever tell its end */
	ask_proc(processes, process, time_ns);
	return process;
}

void na_processes_fill_user(struct na_processes *processes, const struct na_process *process,
			    const struct na_credentials *credentials, struct na_event *event)
{
	struct na_text name = {0};

	if (is_same_user(process->description, credentials))
		return;
	event->user_origin = 0;
	NA_SET(event, USER_ID, print_id(processes->user, credentials->uid));
	NA_SET(event, GROUP_ID, print_id(processes->group, credentials->gid));
	NA_CLEAR(event, USER_NAME);
	NA_CLEAR(event, USER_EFFECTIVE_ID);
	NA_CLEAR(event, USER_EFFECTIVE_NAME);
	if (credentials->euid != credentials->uid)
		NA_SET(event, USER_EFFECTIVE_ID, /* its name: one look-up at a time */
		       print_id(processes->effective, credentials->euid));
	if (processes->users)
		name = na_users_name(processes->users, credentials->uid);
	if (name.length)
		NA_SET(event, USER_NAME, name);
}

uint32_t na_process_pid(const struct na_process *process)
{
	return process->pid;
}

bool na_process_same(const struct na_process *a, const struct na_process *b)
{
	if (!a || !b || a == b)
		return a == b;
	return a->start != NA_START_UNKNOWN && a->pid == b->pid && a->start == b->start &&
	       a->start_ns == b->start_ns && a->execs == b->execs;
}

void na_processes_expire(struct na_processes *processes, uint64_t time_ns)
{
	struct na_process *process;

	while ((process = TAILQ_FIRST(&processes->table.over)) && process->over_ns < time_ns)
		na_process_forget(process);
}

size_t na_processes_count(const struct na_processes *processes)
{
	return processes->table.count;
}

uint64_t na_processes_dropped(const struct na_processes *processes)
{
	return processes->table.dropped;
}
