/* SPDX-License-Identifier: Apache-2.0 */
/* From record to finished event. */
#include "pipeline/pipeline.h"

#include <stdlib.h>

#include "base/clock.h"
#include "journal/event_id.h"
#include "config/filter.h"
#include "pipeline/internal.h"
#include "pipeline/shipper.h"

/* Nobody asks for an ended process later than this: records of one moment are 1 ms apart at most.
 */
#define ENDED_KEPT_NS (5 * NA_NS_PER_SEC)

static bool is_excluded(const struct na_pipeline *pipeline, const struct na_event *event)
{
	if (pipeline->options.shipper && na_shipper_owns(pipeline->options.shipper, event))
		return true;
	for (size_t i = 0; i < pipeline->options.excluded_count; i++)
		if (na_filter_match(pipeline->options.excluded[i], event))
			return true;
	return false;
}

/* Room for it was made at the start. */
static void fill_id(struct na_pipeline *pipeline, struct na_event *event)
{
	struct na_buffer *id = &pipeline->event_id;

	id->length = na_event_id_finish(id->data, pipeline->instance_length, pipeline->sequence);
	NA_SET(event, EVENT_ID, ((struct na_text){id->data, id->length}));
	NA_SET(event, EVENT_SEQUENCE, (int64_t)pipeline->sequence);
}

/* What the socket table and the process events hand on. */
static int finish(struct na_sink *sink, const struct na_event *made)
{
	struct na_pipeline *pipeline = (struct na_pipeline *)sink;
	struct na_event *event = (struct na_event *)made; /* the table's one event: it lets us */

	if (made->type != NA_EVENT_EVENTS_LOST && is_excluded(pipeline, made)) {
		pipeline->counters.values[NA_STAT_EVENTS_EXCLUDED]++;
		return 0;
	}
	return na_pipeline_put(pipeline, event);
}

static int report_exec(struct na_pipeline *pipeline, const struct na_record_header *header)
{
	struct na_event *event = &pipeline->own;

	na_event_init(event, NA_EVENT_PROCESS_STARTED, header->time_ns);
	NA_SET_TEXT(event, NA_SOURCE, "tp_btf/sched_process_exec");
	na_process_fill(na_processes_get(pipeline->processes, header->pid, header->start_ns,
					 header->time_ns),
			event);
	return finish(&pipeline->finish, event);
}

static int report_exit(struct na_pipeline *pipeline, const struct na_record_exited *record)
{
	const struct na_record_header *header = &record->header;
	struct na_event *event = &pipeline->own;
	unsigned int status = record->exit_code;

	na_event_init(event, NA_EVENT_PROCESS_ENDED, header->time_ns);
	NA_SET_TEXT(event, NA_SOURCE, "tp_btf/sched_process_exit");
	na_process_fill(na_processes_get(pipeline->processes, header->pid, header->start_ns,
					 header->time_ns),
			event);
	/* As a shell says it: 128 and the signal that ended it. */
	NA_SET(event, PROCESS_EXIT_CODE, status & 127 ? 128 + (status & 127) : status >> 8 & 255);
	NA_SET(event, PROCESS_END, header->time_ns + pipeline->options.wall_offset_ns);
	return finish(&pipeline->finish, event);
}

static int take_process(struct na_pipeline *pipeline, const struct na_record_header *header)
{
	bool tell = pipeline->options.process_events && header->time_ns > pipeline->restored_ns;
	int error = 0;

	/* The event of an end needs the process as it was. */
	if (header->type == NA_RECORD_EXITED && tell)
		error = report_exit(pipeline, (const struct na_record_exited *)header);
	/* -ENOMEM is counted there; a malformed one cannot be: it was checked. */
	na_processes_record(pipeline->processes, header);
	if (header->type == NA_RECORD_EXEC && tell)
		error = report_exec(pipeline, header);
	return error;
}

static void count_lost(struct na_pipeline *pipeline, const struct na_record_lost *record)
{
	enum na_stat stat =
		record->reason == NA_LOSS_SKIPPED ? NA_STAT_RUNS_SKIPPED : NA_STAT_RECORDS_LOST;

	pipeline->counters.values[stat] += record->count;
}

static int take_found_all(struct na_pipeline *pipeline, const struct na_record_found_all *record)
{
	int error = na_sockets_found_all(pipeline->sockets);

	if (error || !record->began_ns)
		return error;
	return na_sockets_sweep(pipeline->sockets, record->began_ns, record->header.time_ns);
}

static bool is_of_process(enum na_event_type type)
{
	return type == NA_EVENT_PROCESS_STARTED || type == NA_EVENT_PROCESS_ENDED;
}

static int new_parts(struct na_pipeline *pipeline)
{
	const struct na_pipeline_options *options = &pipeline->options;
	struct na_processes_options processes = {
		.max = options->max_processes,
		.proc = options->proc,
		.passwd = options->passwd,
		.redact = options->redact,
		.redact_count = options->redact_count,
		.boot_id = options->boot_number,
		.wall_offset_ns = options->wall_offset_ns,
	};
	struct na_sockets_options sockets = {
		.max_sockets = options->max_sockets,
		.max_flows = options->max_flows,
		.flow_interval_ns = options->flow_interval_ns,
		.connection_interval_ns = options->connection_interval_ns,
		.boot_id = options->boot_number,
		.wall_offset_ns = options->wall_offset_ns,
		.call_results = options->call_results,
		.sink = &pipeline->finish,
	};

	pipeline->processes = na_processes_new(&processes);
	sockets.processes = pipeline->processes;
	if (pipeline->processes)
		pipeline->sockets = na_sockets_new(&sockets);
	return pipeline->sockets ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------- */

int na_pipeline_put(struct na_pipeline *pipeline, struct na_event *event)
{
	int error;

	pipeline->sequence++;
	fill_id(pipeline, event);
	NA_SET(event, TIMESTAMP, event->boot_ns + pipeline->options.wall_offset_ns);
	NA_SET(event, EVENT_CREATED, na_clock_wall_ns());
	if (na_event_has(event, NA_FIELD_USER_NAME)) {
		pipeline->related_user = event->f_USER_NAME;
		NA_SET(event, RELATED_USER, ((struct na_texts){&pipeline->related_user, 1}));
	}
	pipeline->counters.values[NA_STAT_EVENTS]++;
	error = pipeline->options.sink->put(pipeline->options.sink, event);
	if (error)
		pipeline->counters.values[NA_STAT_WRITE_ERRORS]++;
	return error;
}

struct na_pipeline *na_pipeline_new(const struct na_pipeline_options *options)
{
	struct na_pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (!pipeline)
		return NULL;
	pipeline->finish.put = finish;
	pipeline->options = *options;
	pipeline->first_sequence = options->first_sequence ? options->first_sequence : 1;
	pipeline->sequence = pipeline->first_sequence - 1;
	na_buffer_append_string(&pipeline->event_id, options->instance);
	pipeline->instance_length = pipeline->event_id.length;
	na_buffer_reserve(&pipeline->event_id, NA_EVENT_ID_SIZE);
	if (!na_buffer_error(&pipeline->event_id) && new_parts(pipeline) == 0)
		return pipeline;
	na_pipeline_free(pipeline);
	return NULL;
}

void na_pipeline_free(struct na_pipeline *pipeline)
{
	if (!pipeline)
		return;
	na_sockets_free(pipeline->sockets); /* holds references to processes */
	na_processes_free(pipeline->processes);
	na_buffer_done(&pipeline->counted);
	na_buffer_done(&pipeline->message);
	na_buffer_done(&pipeline->event_id);
	free(pipeline);
}

uint64_t na_pipeline_next_sequence(const struct na_pipeline *pipeline)
{
	return pipeline->sequence + 1;
}

bool na_pipeline_restores(const struct na_pipeline *pipeline, enum na_event_type type)
{
	return na_sockets_restores(type) ||
	       (pipeline->options.process_events && is_of_process(type));
}

void na_pipeline_restore(struct na_pipeline *pipeline, const struct na_event *event)
{
	if (!is_of_process(event->type)) {
		na_sockets_restore(pipeline->sockets, event);
		return;
	}
	na_processes_restore(pipeline->processes, event, false);
	if (event->boot_ns > pipeline->restored_ns)
		pipeline->restored_ns = event->boot_ns;
}

void na_pipeline_restored(struct na_pipeline *pipeline, bool gap)
{
	na_processes_restored(pipeline->processes, gap);
	na_sockets_restored(pipeline->sockets, gap);
}

int na_pipeline_scan(struct na_pipeline *pipeline)
{
	return na_processes_scan(pipeline->processes);
}

int na_pipeline_record(struct na_pipeline *pipeline, const struct na_record_header *record)
{
	pipeline->counters.values[NA_STAT_RECORDS]++;
	switch (record->type) {
	case NA_RECORD_FORKED:
	case NA_RECORD_EXEC:
	case NA_RECORD_EXITED:
		return take_process(pipeline, record);
	case NA_RECORD_LOST:
		count_lost(pipeline, (const struct na_record_lost *)record);
		return na_sockets_record(pipeline->sockets, record);
	case NA_RECORD_FOUND_ALL:
		return take_found_all(pipeline, (const struct na_record_found_all *)record);
	default:
		return na_sockets_record(pipeline->sockets, record);
	}
}

int na_pipeline_tick(struct na_pipeline *pipeline, uint64_t now_ns, uint64_t wall_offset_ns)
{
	bool first = !pipeline->heartbeat_ns;
	int error;

	pipeline->options.wall_offset_ns = wall_offset_ns;
	na_sockets_set_wall_offset(pipeline->sockets, wall_offset_ns);
	error = na_sockets_tick(pipeline->sockets, now_ns);
	if (now_ns > ENDED_KEPT_NS)
		na_processes_expire(pipeline->processes, now_ns - ENDED_KEPT_NS);
	if (error || now_ns < pipeline->heartbeat_ns)
		return error;
	pipeline->heartbeat_ns = now_ns + pipeline->options.heartbeat_ns;
	if (first)
		return 0;
	return na_pipeline_agent_event(pipeline, NA_EVENT_HEARTBEAT, now_ns, NULL);
}

int na_pipeline_flush(struct na_pipeline *pipeline, uint64_t now_ns)
{
	return na_sockets_flush(pipeline->sockets, now_ns);
}

void na_pipeline_set_excluded(struct na_pipeline *pipeline, struct na_filter *const *excluded,
			      size_t count)
{
	pipeline->options.excluded = excluded;
	pipeline->options.excluded_count = count;
}

void na_pipeline_set_heartbeat(struct na_pipeline *pipeline, uint64_t interval_ns)
{
	uint64_t last_ns = pipeline->heartbeat_ns - pipeline->options.heartbeat_ns;

	if (pipeline->heartbeat_ns) /* the first tick has set it */
		pipeline->heartbeat_ns = last_ns + interval_ns;
	pipeline->options.heartbeat_ns = interval_ns;
}

void na_pipeline_set_connection_interval(struct na_pipeline *pipeline, uint64_t interval_ns)
{
	na_sockets_set_connection_interval(pipeline->sockets, interval_ns);
}
