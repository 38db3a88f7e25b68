/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's events about itself. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pipeline/clock_watch.h"
#include "pipeline/internal.h"

static const char *const stat_names[NA_STAT_COUNT] = {
#define NA_STAT(id, name, unit, doc) [NA_STAT_##id] = name,
#include "stats.def"
};

static void read_gauges(struct na_pipeline *pipeline)
{
	struct na_sockets_counts counts = na_sockets_counts(pipeline->sockets);
	uint64_t *values = pipeline->counters.values;

	values[NA_STAT_SOCKETS] = counts.sockets;
	values[NA_STAT_SOCKETS_DROPPED] = counts.sockets_dropped;
	values[NA_STAT_FLOWS] = counts.flows;
	values[NA_STAT_FLOWS_OTHER] = counts.flows_other;
	values[NA_STAT_EVENTS_UNATTRIBUTED] = counts.unattributed;
	values[NA_STAT_ENDS_UNSEEN] = counts.ends_unseen;
	values[NA_STAT_PROCESSES] = na_processes_count(pipeline->processes);
	values[NA_STAT_PROCESSES_DROPPED] = na_processes_dropped(pipeline->processes);
}

static int print_counters(struct na_pipeline *pipeline)
{
	struct na_buffer *out = &pipeline->counted;

	na_buffer_clear(out);
	for (int stat = 0; stat < NA_STAT_COUNT; stat++) {
		na_buffer_printf(out, "%c\"%s\":", stat ? ',' : '{', stat_names[stat]);
		/* A kernel that does not count them: never 0. */
		if (stat == NA_STAT_RUNS_SKIPPED && !pipeline->options.skipped_known)
			na_buffer_append_string(out, "null");
		else
			na_buffer_append_u64(out, pipeline->counters.values[stat]);
	}
	na_buffer_printf(out, ",\"first_sequence\":%llu,\"last_sequence\":%llu}",
			 (unsigned long long)pipeline->first_sequence,
			 (unsigned long long)pipeline->sequence);
	return na_buffer_error(out);
}

/* In words, so that nobody needs the documentation to know what to do. */
static const char *explanation_of(const char *reason)
{
	static const struct {
		const char *reason, *text;
	} rows[] = {
		{"tail_full", "the disk did not keep up, and the journal's tail was full"},
		{"crash", "the machine stopped before they were on disk"},
		{"dropped", "the journal was at its limit, and not every output had read them"},
		{"damaged", "a segment of the journal is missing or cannot be read"},
		{"too_large", "larger than the journal takes"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].reason, reason) == 0)
			return rows[i].text;
	return reason;
}

static void print_loss(struct na_buffer *out, const struct na_pipeline_loss *loss)
{
	bool bound = strcmp(loss->reason, "crash") == 0;

	na_buffer_clear(out);
	na_buffer_printf(out, "%s%llu event%s missing", bound ? "at most " : "",
			 (unsigned long long)loss->count, loss->count == 1 ? " is" : "s are");
	if (loss->first_sequence)
		na_buffer_printf(out, ", from number %llu to %llu",
				 (unsigned long long)loss->first_sequence,
				 (unsigned long long)loss->last_sequence);
	na_buffer_printf(out, ": %s", explanation_of(loss->reason));
}

static void print_seconds(struct na_buffer *out, uint64_t ns)
{
	na_buffer_printf(out, "%llu.%03llu s", (unsigned long long)(ns / NA_NS_PER_SEC),
			 (unsigned long long)(ns % NA_NS_PER_SEC / NA_NS_PER_MS));
}

static void print_change(struct na_buffer *out, const struct na_clock_change *change)
{
	na_buffer_clear(out);
	if (change->suspended_ns) {
		na_buffer_append_string(out, "the machine slept for ");
		print_seconds(out, change->suspended_ns);
	}
	if (!change->step_ns)
		return;
	na_buffer_printf(out, "%sthe wall clock was set %s by ", out->length ? ", and " : "",
			 change->step_ns < 0 ? "back" : "forward");
	print_seconds(out, (uint64_t)llabs(change->step_ns));
}

static struct na_event *begin(struct na_pipeline *pipeline, enum na_event_type type,
			      uint64_t now_ns)
{
	struct na_event *event = &pipeline->own;

	na_event_init(event, type, now_ns);
	NA_SET_TEXT(event, NA_SOURCE, "agent");
	return event;
}

/* Without memory for its sentence the event goes without. */
static int put_with_message(struct na_pipeline *pipeline)
{
	const struct na_buffer *message = &pipeline->message;

	if (na_buffer_error(message) == 0)
		NA_SET(&pipeline->own, MESSAGE, ((struct na_text){message->data, message->length}));
	return na_pipeline_put(pipeline, &pipeline->own);
}

/* ------------------------------------------------------------------------------------------- */

int na_pipeline_agent_event(struct na_pipeline *pipeline, enum na_event_type type, uint64_t now_ns,
			    const char *message)
{
	struct na_event *event = begin(pipeline, type, now_ns);

	if (message)
		NA_SET_TEXT(event, MESSAGE, message);
	if (type != NA_EVENT_HEARTBEAT && type != NA_EVENT_AGENT_STOPPING)
		return na_pipeline_put(pipeline, event);
	read_gauges(pipeline);
	if (print_counters(pipeline) == 0)
		NA_SET(event, NA_AGENT_COUNTERS,
		       ((struct na_text){pipeline->counted.data, pipeline->counted.length}));
	pipeline->first_sequence = pipeline->sequence + 1;
	return na_pipeline_put(pipeline, event);
}

int na_pipeline_lost(struct na_pipeline *pipeline, uint64_t now_ns,
		     const struct na_pipeline_loss *loss)
{
	struct na_event *event = begin(pipeline, NA_EVENT_EVENTS_LOST, now_ns);

	pipeline->counters.values[NA_STAT_EVENTS_LOST] += loss->count;
	NA_SET(event, NA_LOST_COUNT, (int64_t)loss->count);
	NA_SET_TEXT(event, NA_LOST_REASON, loss->reason);
	if (loss->first_sequence) {
		NA_SET(event, NA_LOST_FIRST_SEQUENCE, (int64_t)loss->first_sequence);
		NA_SET(event, NA_LOST_LAST_SEQUENCE, (int64_t)loss->last_sequence);
	}
	print_loss(&pipeline->message, loss);
	return put_with_message(pipeline);
}

int na_pipeline_clock_changed(struct na_pipeline *pipeline, uint64_t now_ns,
			      const struct na_clock_change *change)
{
	struct na_event *event = begin(pipeline, NA_EVENT_CLOCK_CHANGED, now_ns);

	if (change->step_ns)
		NA_SET(event, NA_CLOCK_STEP_NS, change->step_ns);
	if (change->suspended_ns)
		NA_SET(event, NA_CLOCK_SUSPENDED_NS, (int64_t)change->suspended_ns);
	print_change(&pipeline->message, change);
	return put_with_message(pipeline);
}

void na_pipeline_counters(struct na_pipeline *pipeline, struct na_counters *ret_counters)
{
	read_gauges(pipeline);
	*ret_counters = pipeline->counters;
}
