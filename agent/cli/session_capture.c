/* SPDX-License-Identifier: Apache-2.0 */
/* A session from the kernel: capture, its self-test, its losses, its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "capture/capture.h"
#include "capture/recording.h"
#include "cli/capture_options.h"
#include "cli/session_internal.h"

#define BATCH 4096
#define SELF_TEST_NS (3 * NA_NS_PER_SEC)
#define RECONCILE_NS (10 * NA_NS_PER_SEC) /* at most so often */
#define CLOCK_TOLERANCE_NS (100 * NA_NS_PER_US)

struct source {
	struct na_session *session;
	const struct na_config *config;
	struct na_rules *rules;
	struct na_filter **excluded; /* those that the kernel does not apply */
	size_t excluded_count;
	struct na_capture *capture;
	struct na_recorder *recorder; /* NULL: none, or it failed */
	bool found_all;               /* nothing of a snapshot is still to come */
	bool lost;                    /* records, since the last snapshot */
	uint64_t began_ns;            /* of the snapshot after losses; 0: the first one */
	uint64_t next_snapshot_ns;
	uint64_t next_flush_ns;
	uint64_t wall_offset_ns; /* in use: see follow_clock */
};

static int open_capture(struct source *source)
{
	const struct na_config_filters *filters = &source->config->capture_exclude;
	NA_FREE bool *taken = calloc(filters->count + 1, sizeof(*taken));
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_capture_options options;
	int error;

	source->excluded = calloc(filters->count + 1, sizeof(*source->excluded));
	if (!taken || !source->excluded ||
	    na_cli_capture_options(source->config, taken, &options, &source->rules) < 0)
		return na_command_out_of_memory();
	for (size_t i = 0; i < filters->count; i++)
		if (!taken[i])
			source->excluded[source->excluded_count++] = filters->filters[i];
	options.disable = getenv("NETAUDIT_TEST_DISABLE");
	error = na_capture_open(&options, &source->capture, &why);
	if (error)
		na_log_error("%.*s", (int)why.length, why.length ? why.data : "");
	return (int)na_cli_capture_exit(error);
}

static int open_pipeline(struct source *source)
{
	const struct na_program_state *calls =
		&na_capture_programs(source->capture)[NA_PROGRAM_SYS_EXIT];
	struct na_session_source description = {
		.boot_id = source->session->host.boot_id,
		.wall_offset_ns = source->wall_offset_ns,
		.excluded = source->excluded,
		.excluded_count = source->excluded_count,
		.live = true,
		.call_results = calls->attached,
		.skipped_known = calls->skipped_known,
	};

	return na_session_open_pipeline(source->session, &description);
}

static int open_recorder(struct source *source)
{
	const char *path = source->session->options->record;
	struct na_recording_head head = {.wall_offset_ns = source->wall_offset_ns};
	int error;

	if (!path)
		return NA_EXIT_DONE;
	memcpy(head.boot_id, source->session->host.boot_id, sizeof(head.boot_id));
	error = na_recorder_open(path, &head, &source->recorder);
	if (!error)
		return NA_EXIT_DONE;
	na_log_error("%s: cannot be made: %s", path, strerrordesc_np(-error));
	return NA_EXIT_CANNOT_CREATE;
}

/* A recording that fails is told once and ends there; the events go on. */
static int take(void *context, const struct na_record_header *record)
{
	struct source *source = context;
	int error = source->recorder ? na_recorder_add(source->recorder, record) : 0;

	source->lost |= record->type == NA_RECORD_LOST;
	if (error) {
		na_log_error("%s: cannot be written, the recording ends here: %s",
			     source->session->options->record, strerrordesc_np(-error));
		na_recorder_close(&source->recorder);
	}
	return na_pipeline_record(source->session->pipeline, record);
}

static int report(struct source *source, enum na_event_type type, const char *message)
{
	return na_pipeline_agent_event(source->session->pipeline, type, na_clock_boot_ns(),
				       message);
}

/* In the log and in the stream. `message` has no NUL yet. */
static int report_degraded(struct source *source, struct na_buffer *message)
{
	na_buffer_append_char(message, '\0');
	if (na_buffer_error(message))
		return -ENOMEM;
	na_log_warning("%s", message->data);
	return report(source, NA_EVENT_AGENT_DEGRADED, message->data);
}

/* Lifecycle sources that are not attached. 0: all are; 1: some are not; or an error. */
static int report_missing(struct source *source)
{
	const struct na_program_state *programs = na_capture_programs(source->capture);
	int result = 0;

	for (int id = 0; id < NA_PROGRAM_COUNT && result >= 0; id++) {
		NA_CLEANUP(na_buffer_done) struct na_buffer message = {0};
		int error;

		if (!programs[id].wanted || programs[id].attached || !*programs[id].feeds)
			continue;
		na_buffer_printf(&message, "%s is not attached, it is the source of: %s (%s)",
				 programs[id].source, programs[id].feeds, programs[id].reason);
		error = report_degraded(source, &message);
		result = error ? error : 1;
	}
	return result;
}

/* As report_missing: 0, 1 or an error. */
static int self_test(struct source *source)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error;

	if (!na_capture_self_test(source->capture, SELF_TEST_NS, take, source, &why))
		return 0;
	error = report_degraded(source, &why);
	return error ? error : 1;
}

static int test_sources(struct source *source)
{
	int missing = report_missing(source);
	int failed = missing < 0 ? missing : self_test(source);

	if (failed < 0)
		return na_session_result(failed);
	if (!source->session->options->strict || (!missing && !failed))
		return NA_EXIT_DONE;
	na_print_flush(source->session->print);
	na_log_error("not every source works, and --strict was given");
	return NA_EXIT_UNAVAILABLE;
}

static int tell_started(struct source *source)
{
	const struct na_program_state *programs = na_capture_programs(source->capture);
	unsigned int attached = 0, wanted = 0;
	char message[64];

	for (int id = 0; id < NA_PROGRAM_COUNT; id++) {
		attached += programs[id].attached;
		wanted += programs[id].wanted;
	}
	snprintf(message, sizeof(message), "%u of %u kernel programs attached", attached, wanted);
	return report(source, NA_EVENT_AGENT_STARTED, message);
}

static int start(struct source *source)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int result = test_sources(source), error;

	if (result)
		return result;
	error = na_pipeline_scan(source->session->pipeline);
	if (error)
		na_log_warning("/proc cannot be read, so what ran before is not described: %s",
			       strerrordesc_np(-error));
	error = tell_started(source);
	if (error || !source->config->capture_snapshot)
		return na_session_result(error);
	error = na_capture_snapshot(source->capture);
	if (!error)
		return NA_EXIT_DONE;
	na_buffer_printf(&why, "the sockets that are there cannot be listed: %s",
			 strerrordesc_np(-error));
	return na_session_result(report_degraded(source, &why));
}

/* So that a recording knows it too, it is a record. */
static int tell_found_all(struct source *source)
{
	struct na_record_found_all record = {
		.header = {.size = sizeof(record),
			   .type = NA_RECORD_FOUND_ALL,
			   .program = NA_PROGRAM_SNAPSHOT,
			   .time_ns = na_clock_boot_ns()},
		.began_ns = source->began_ns,
	};

	if (source->found_all || na_capture_snapshot_pending(source->capture))
		return 0;
	source->found_all = true;
	return take(source, &record.header);
}

/* Samples differ by nanoseconds: only a clock that was set or slewed moves the offset. */
static void follow_clock(struct source *source)
{
	uint64_t offset_ns = na_clock_wall_offset_ns();
	uint64_t off_ns = offset_ns > source->wall_offset_ns ? offset_ns - source->wall_offset_ns
							     : source->wall_offset_ns - offset_ns;

	if (off_ns > CLOCK_TOLERANCE_NS)
		source->wall_offset_ns = offset_ns;
}

/*
 * After losses the table may hold sockets whose end was among them, and lack others: the kernel is
 * asked again for what is there.
 */
static void reconcile(struct source *source, uint64_t now_ns)
{
	if (!source->lost || !source->found_all || now_ns < source->next_snapshot_ns ||
	    !source->config->capture_snapshot)
		return;
	source->next_snapshot_ns = now_ns + RECONCILE_NS;
	source->lost = false;
	source->began_ns = now_ns;
	source->found_all = na_capture_snapshot(source->capture) < 0;
}

static int tick(struct source *source, uint64_t now_ns)
{
	struct na_session *session = source->session;
	int error;

	if (now_ns < session->next_tick_ns)
		return 0;
	session->next_tick_ns = now_ns + NA_SESSION_TICK_NS;
	if (now_ns >= source->next_flush_ns) {
		source->next_flush_ns = now_ns + source->config->capture_flow_interval;
		na_capture_flush_flows(source->capture);
	}
	follow_clock(source);
	reconcile(source, now_ns);
	error = na_capture_losses(source->capture, now_ns, take, source);
	return error ? error : na_pipeline_tick(session->pipeline, now_ns, source->wall_offset_ns);
}

/* What is due, and sleeps when that was all. */
static int turn(struct source *source)
{
	struct na_session *session = source->session;
	int passed = na_capture_read(source->capture, BATCH, take, source);
	int error = passed < 0 ? passed : tell_found_all(source);

	if (!error)
		error = tick(source, na_clock_boot_ns());
	if (error || passed == BATCH)
		return error;
	error = na_print_flush(session->print);
	return error ? error
		     : na_capture_wait(source->capture, session->signal_fd, NA_SESSION_TICK_NS);
}

/* Detach, drain, count: nothing that happened before is left out. */
static int end(struct source *source)
{
	struct na_pipeline *pipeline = source->session->pipeline;
	uint64_t now_ns;
	int error;

	na_capture_flush_flows(source->capture);
	na_capture_detach(source->capture);
	error = na_capture_drain(source->capture, take, source);
	if (error < 0)
		return error;
	now_ns = na_clock_boot_ns();
	error = na_capture_losses(source->capture, now_ns, take, source);
	if (!error)
		error = na_pipeline_flush(pipeline, now_ns);
	if (!error)
		error = na_pipeline_agent_event(pipeline, NA_EVENT_AGENT_STOPPING, now_ns, NULL);
	return error ? error : na_print_flush(source->session->print);
}

static int run(struct source *source)
{
	int result = open_capture(source), error = 0;

	if (!result)
		result = open_pipeline(source);
	if (!result)
		result = open_recorder(source);
	if (!result)
		result = start(source);
	if (result)
		return result;
	source->next_flush_ns = na_clock_boot_ns() + source->config->capture_flow_interval;
	while (!source->session->stop && !error) {
		error = turn(source);
		na_session_handle_signals(source->session);
	}
	return na_session_result(error ? error : end(source));
}

static int close_recorder(struct source *source, int result)
{
	int error = source->recorder ? na_recorder_close(&source->recorder) : 0;

	if (!error)
		return result;
	na_log_error("%s: cannot be written, the recording is not whole: %s",
		     source->session->options->record, strerrordesc_np(-error));
	return NA_EXIT_CANNOT_CREATE;
}

/* ------------------------------------------------------------------------------------------- */

int na_session_capture(struct na_session *session)
{
	struct source source = {.session = session,
				.config = session->options->config,
				.wall_offset_ns = na_clock_wall_offset_ns()};
	int result = close_recorder(&source, run(&source));

	na_capture_close(&source.capture);
	na_rules_free(source.rules);
	free(source.excluded);
	return result;
}
