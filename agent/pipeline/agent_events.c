/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's events about itself. */
#include <unistd.h>

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

/* ------------------------------------------------------------------------------------------- */

int na_pipeline_agent_event(struct na_pipeline *pipeline, enum na_event_type type, uint64_t now_ns,
			    const char *message)
{
	struct na_event *event = &pipeline->own;

	na_event_init(event, type, now_ns);
	NA_SET_TEXT(event, NA_SOURCE, "agent");
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
