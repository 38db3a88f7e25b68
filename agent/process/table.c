/* SPDX-License-Identifier: Apache-2.0 */
/* The executions that are known, by pid. */
#include "process/table.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "process/proc.h"

#define BUCKETS_MIN 64
#define BUCKETS_MAX (1 << 17)

/* A process that executes again and again: so many are kept, for events that are older. */
#define EXECUTIONS_KEPT 16

static bool is_same_process(const struct na_process *process, uint32_t pid, uint64_t start_ns,
			    enum na_start start)
{
	if (process->pid != pid)
		return false;
	if (start == NA_START_UNKNOWN)
		return true;
	if (process->start == NA_START_UNKNOWN)
		return false;
	if (process->start == NA_START_EXACT && start == NA_START_EXACT)
		return process->start_ns == start_ns;
	return na_same_tick(process->start_ns, start_ns);
}

static struct na_process_bucket *bucket_of(struct na_process_table *table, uint32_t pid)
{
	return &table->buckets[pid & table->mask]; /* pids are given out in a row: no better hash */
}

static void free_if_unused(struct na_process *process)
{
	if (process->table || process->references || process->children)
		return;
	na_description_unref(process->description);
	free(process);
}

static void release_parent(struct na_process *process)
{
	struct na_process *parent = process->parent;

	process->parent = NULL;
	if (!parent)
		return;
	parent->children--;
	free_if_unused(parent);
}

static void leave_over_list(struct na_process *process)
{
	if (process->over && !process->forgotten)
		TAILQ_REMOVE(&process->table->over, process, in_over);
}

static void leave(struct na_process *process)
{
	leave_over_list(process);
	LIST_REMOVE(process, in_bucket);
	process->table->count--;
	process->table = NULL;
	release_parent(process);
	free_if_unused(process);
}

/* Those that are over make room for those that are not. */
static bool make_room(struct na_process_table *table)
{
	struct na_process *process;

	while (table->count >= table->max && (process = TAILQ_FIRST(&table->over)))
		na_process_forget(process);
	return table->count < table->max;
}

static struct na_process *new_entry(struct na_process_table *table, uint32_t pid, uint64_t start_ns,
				    enum na_start start, uint32_t execs)
{
	struct na_process *process = calloc(1, sizeof(*process));

	if (!process) {
		table->dropped++;
		return NULL;
	}
	table->count++;
	process->table = table;
	process->pid = pid;
	process->execs = execs;
	process->since_ns = start_ns;
	na_process_set_start(process, start_ns, start);
	return process;
}

/* A new process has the pid: who had it before has ended, whether we were told or not. */
static void end_earlier(struct na_process_table *table, uint32_t pid, uint64_t start_ns)
{
	struct na_process *process = LIST_FIRST(bucket_of(table, pid));

	for (; process; process = LIST_NEXT(process, in_bucket))
		if (process->pid == pid && !process->over && process->start_ns < start_ns)
			na_process_end(process, start_ns);
}

static void keep_some(struct na_process *newest)
{
	struct na_process *process = newest, *older;
	size_t kept = 0;

	for (; process; process = older) {
		older = na_process_older(process);
		if (++kept > EXECUTIONS_KEPT && !process->forgotten)
			na_process_forget(process);
	}
}

static uint32_t next_count(const struct na_process *newest)
{
	uint32_t count = newest->execs;

	for (const struct na_process *at = newest; at; at = na_process_older(at))
		if (at->execs > count)
			count = at->execs;
	return count + 1;
}

/* Records may come in another order than they happened: each goes to its place by time. */
static void insert_by_time(struct na_process *process, struct na_process *newest)
{
	struct na_process *at = newest, *newer = NULL;

	while (at && at->since_ns > process->since_ns) {
		newer = at;
		at = na_process_older(at);
	}
	if (newer) {
		LIST_INSERT_AFTER(newer, process, in_bucket);
		na_process_end(process, newer->since_ns);
	} else {
		LIST_INSERT_BEFORE(newest, process, in_bucket);
		if (newest->over && !newest->lost_exec && newest->over_ns > process->since_ns)
			na_process_end(process, newest->over_ns);
	}
	if (at && !at->lost_exec)
		na_process_end(at, process->since_ns);
}

/* ------------------------------------------------------------------------------------------- */

int na_process_table_init(struct na_process_table *table,
			  const struct na_processes_options *options)
{
	uint32_t buckets = BUCKETS_MIN;

	while (buckets < options->max && buckets < BUCKETS_MAX)
		buckets *= 2;
	*table = (struct na_process_table){
		.mask = buckets - 1,
		.max = options->max,
		.wall_offset_ns = options->wall_offset_ns,
	};
	TAILQ_INIT(&table->over);
	na_buffer_init(&table->text);
	table->buckets = calloc(buckets, sizeof(table->buckets[0]));
	if (!table->buckets || na_buffer_reserve(&table->text, NA_ENTITY_ID_SIZE) < 0) {
		na_process_table_done(table);
		return -ENOMEM;
	}
	na_buffer_printf(&table->text, "%016" PRIx64, options->boot_id);
	memcpy(table->boot, table->text.data, sizeof(table->boot));
	return 0;
}

void na_process_table_done(struct na_process_table *table)
{
	for (uint32_t i = 0; table->buckets && i <= table->mask; i++)
		while (!LIST_EMPTY(&table->buckets[i]))
			leave(LIST_FIRST(&table->buckets[i]));
	free(table->buckets);
	na_buffer_done(&table->text);
	*table = (struct na_process_table){0};
}

struct na_process *na_process_table_find(struct na_process_table *table, uint32_t pid,
					 uint64_t start_ns, enum na_start start)
{
	struct na_process *process = LIST_FIRST(bucket_of(table, pid));

	while (process && !is_same_process(process, pid, start_ns, start))
		process = LIST_NEXT(process, in_bucket);
	/* It is the only one of its process: an exec is told with the exact start. */
	if (process && start == NA_START_EXACT && process->start != NA_START_EXACT)
		na_process_set_start(process, start_ns, start);
	return process;
}

struct na_process *na_process_older(const struct na_process *process)
{
	struct na_process *next = LIST_NEXT(process, in_bucket);

	if (!next || next->pid != process->pid || next->start != process->start ||
	    next->start_ns != process->start_ns)
		return NULL;
	return next;
}

struct na_process *na_process_at(struct na_process *newest, uint64_t time_ns)
{
	struct na_process *process = newest, *older;

	while (process && process->since_ns > time_ns && (older = na_process_older(process)))
		process = older;
	return process;
}

struct na_process *na_process_table_add(struct na_process_table *table, uint32_t pid,
					uint64_t start_ns, enum na_start start)
{
	struct na_process *process;

	if (start != NA_START_UNKNOWN)
		end_earlier(table, pid, start_ns);
	if (!make_room(table)) {
		table->dropped++;
		return NULL;
	}
	process = new_entry(table, pid, start_ns, start, 0);
	if (process)
		LIST_INSERT_HEAD(bucket_of(table, pid), process, in_bucket);
	return process;
}

struct na_process *na_process_table_exec(struct na_process_table *table, struct na_process *newest,
					 uint64_t since_ns)
{
	struct na_process *process;

	na_process_ref(newest);
	(void)make_room(table); /* else the execution before makes it, next time */
	process = new_entry(table, newest->pid, newest->start_ns, (enum na_start)newest->start,
			    next_count(newest));
	if (process) {
		process->since_ns = since_ns;
		insert_by_time(process, newest);
		keep_some(process);
	}
	na_process_unref(&newest);
	return process;
}

void na_process_end(struct na_process *process, uint64_t time_ns)
{
	struct na_process_over *list = &process->table->over;
	struct na_process *before;

	leave_over_list(process);
	process->over = true;
	process->over_ns = time_ns;
	if (process->forgotten)
		return;
	/* The time is about that of the last one, so it is seldom far from the end. */
	before = TAILQ_LAST(list, na_process_over);
	while (before && before->over_ns > time_ns)
		before = TAILQ_PREV(before, na_process_over, in_over);
	if (before)
		TAILQ_INSERT_AFTER(list, before, process, in_over);
	else
		TAILQ_INSERT_HEAD(list, process, in_over);
}

void na_process_revive(struct na_process *process)
{
	leave_over_list(process);
	process->over = process->presumed = process->forgotten = false;
}

void na_process_forget(struct na_process *process)
{
	if (!process->references) {
		leave(process);
		return;
	}
	leave_over_list(process);
	process->forgotten = true;
}

void na_process_set_parent(struct na_process *process, struct na_process *parent)
{
	if (!parent || process->parent || process == parent)
		return;
	process->parent = parent;
	parent->children++;
}

void na_process_set_start(struct na_process *process, uint64_t start_ns, enum na_start start)
{
	struct na_process_table *table = process->table;
	struct na_buffer *text = &table->text;

	process->number = ++table->numbers;
	process->start = (uint8_t)start;
	process->start_ns = start_ns;
	process->start_wall_ns = start_ns + table->wall_offset_ns;
	if (start == NA_START_UNKNOWN)
		return;
	na_buffer_clear(text);
	na_buffer_append(text, table->boot, sizeof(table->boot));
	na_buffer_append_char(text, '-');
	na_buffer_append_hex(text, process->pid);
	na_buffer_append_char(text, '-');
	na_buffer_append_hex(text, start_ns);
	na_buffer_append_char(text, '-');
	na_buffer_append_hex(text, process->execs);
	assert(!na_buffer_error(text) && text->length < NA_ENTITY_ID_SIZE);
	memcpy(process->entity_id, text->data, text->length);
	process->entity_id_length = (uint8_t)text->length;
}

struct na_process *na_process_ref(struct na_process *process)
{
	if (process)
		process->references++;
	return process;
}

void na_process_unref(struct na_process **process)
{
	struct na_process *old = *process;

	*process = NULL;
	if (!old || --old->references)
		return;
	if (old->table && old->forgotten)
		leave(old);
	else
		free_if_unused(old);
}
