/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions from the events of an earlier agent of this boot. An entity id says which one it is:
 * pid, start and count of executions; the rest of the fields describe it.
 */
#include "process/restore.h"

#include <string.h>

#include "process/proc.h"

struct identity {
	uint64_t start_ns;
	uint32_t pid, execs;
	enum na_start start;
};

/* Hexadecimal digits up to a `-` or the end, which is passed. */
static bool take_number(struct na_text *text, uint64_t *ret_number)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t number = 0;
	size_t i = 0;

	for (; i < text->length && text->data[i] != '-'; i++) {
		const char *digit = memchr(digits, text->data[i], 16);

		if (!digit || i == 16)
			return false;
		number = number << 4 | (uint64_t)(digit - digits);
	}
	if (!i)
		return false;
	i += i < text->length;
	text->data += i;
	text->length -= i;
	*ret_number = number;
	return true;
}

/* Of this boot, and whole. */
static bool parse(const struct na_process_table *table, struct na_text id,
		  struct identity *ret_identity)
{
	uint64_t boot, pid, start_ns, execs;

	if (id.length < sizeof(table->boot) ||
	    memcmp(id.data, table->boot, sizeof(table->boot)) != 0)
		return false;
	if (!take_number(&id, &boot) || !take_number(&id, &pid) || !take_number(&id, &start_ns) ||
	    !take_number(&id, &execs) || id.length || !pid || pid > UINT32_MAX ||
	    execs > UINT32_MAX)
		return false;
	/* That an exact start is on a tick by chance is one in ten million. */
	*ret_identity = (struct identity){
		.start_ns = start_ns,
		.pid = (uint32_t)pid,
		.execs = (uint32_t)execs,
		.start = start_ns % NA_TICK_NS ? NA_START_EXACT : NA_START_TICK,
	};
	return true;
}

static struct na_process *find(struct na_process *newest, uint32_t execs)
{
	while (newest && newest->execs != execs)
		newest = na_process_older(newest);
	return newest;
}

/* Not told by the event, but it was before the executions that came after it. */
static uint64_t since_of(const struct na_process *newest, uint32_t execs, uint64_t time_ns)
{
	for (; newest && newest->execs > execs; newest = na_process_older(newest))
		if (newest->since_ns <= time_ns)
			time_ns = newest->since_ns - 1;
	return time_ns;
}

static struct na_process *add(struct na_process_table *table, const struct identity *identity,
			      struct na_process *newest, uint64_t time_ns)
{
	struct na_process *process =
		newest ? na_process_table_exec(table, newest,
					       since_of(newest, identity->execs, time_ns))
		       : na_process_table_add(table, identity->pid, identity->start_ns,
					      identity->start);

	if (!process)
		return NULL;
	process->execs = identity->execs;
	na_process_set_start(process, process->start_ns, (enum na_start)process->start);
	process->presumed = true;
	return process;
}

static struct na_process *get(struct na_process_table *table, struct na_text id, uint64_t time_ns)
{
	struct na_process *process, *newest;
	struct identity identity;

	if (!parse(table, id, &identity))
		return NULL;
	newest = na_process_table_find(table, identity.pid, identity.start_ns, identity.start);
	process = find(newest, identity.execs);
	if (!process)
		process = add(table, &identity, newest, time_ns);
	if (!process)
		return NULL;
	if (process->presumed && (!process->over || process->over_ns < time_ns))
		na_process_end(process, time_ns);
	if (process->told_ns < time_ns)
		process->told_ns = time_ns;
	return process;
}

static void describe(struct na_describer *describer, struct na_process *process,
		     const struct na_event *event, bool partial)
{
	struct na_description *description;

	if (process->description && (partial || !process->partial))
		return;
	if (na_description_restore(describer, event, &description) < 0)
		return; /* stays known by pid and start */
	na_description_unref(process->description);
	process->description = description;
	process->partial = partial;
}

#define COPY(to, field, event, of)                                                                 \
	do {                                                                                       \
		if (na_event_has(event, NA_FIELD_##of))                                            \
			NA_SET(to, field, (event)->f_##of);                                        \
	} while (0)

/* What an event says of another than its process. */
static struct na_process *restore_other(struct na_process_table *table,
					struct na_describer *describer, struct na_text id,
					const struct na_event *brief)
{
	struct na_process *process = get(table, id, brief->boot_ns);

	if (process)
		describe(describer, process, brief, true);
	return process;
}

static struct na_process *restore_creator(struct na_process_table *table,
					  struct na_describer *describer,
					  const struct na_event *event)
{
	struct na_event brief = {.boot_ns = event->boot_ns};

	if (!na_event_has(event, NA_FIELD_NA_CREATOR_ENTITY_ID))
		return NULL;
	COPY(&brief, PROCESS_EXECUTABLE, event, NA_CREATOR_EXECUTABLE);
	COPY(&brief, PROCESS_NAME, event, NA_CREATOR_NAME);
	return restore_other(table, describer, event->f_NA_CREATOR_ENTITY_ID, &brief);
}

static void restore_parent(struct na_process_table *table, struct na_describer *describer,
			   const struct na_event *event, struct na_process *process)
{
	struct na_event brief = {.boot_ns = event->boot_ns};

	if (na_event_has(event, NA_FIELD_PROCESS_PARENT_PID))
		process->parent_pid = (uint32_t)event->f_PROCESS_PARENT_PID;
	if (process->parent || !na_event_has(event, NA_FIELD_PROCESS_PARENT_ENTITY_ID))
		return;
	COPY(&brief, PROCESS_EXECUTABLE, event, PROCESS_PARENT_EXECUTABLE);
	COPY(&brief, PROCESS_NAME, event, PROCESS_PARENT_NAME);
	COPY(&brief, PROCESS_COMMAND_LINE, event, PROCESS_PARENT_COMMAND_LINE);
	na_process_set_parent(process, restore_other(table, describer,
						     event->f_PROCESS_PARENT_ENTITY_ID, &brief));
}

/* ------------------------------------------------------------------------------------------- */

struct na_process *na_process_restore(struct na_process_table *table,
				      struct na_describer *describer, const struct na_event *event,
				      bool creator)
{
	struct na_process *process;

	if (creator)
		return restore_creator(table, describer, event);
	if (!na_event_has(event, NA_FIELD_PROCESS_ENTITY_ID))
		return NULL;
	process = get(table, event->f_PROCESS_ENTITY_ID, event->boot_ns);
	if (!process || !process->presumed || (process->description && !process->partial))
		return process;
	describe(describer, process, event, false);
	na_process_ref(process); /* room for its parent must not be made of it */
	restore_parent(table, describer, event, process);
	process->references--;
	return process;
}
