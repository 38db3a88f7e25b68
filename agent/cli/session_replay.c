/* SPDX-License-Identifier: Apache-2.0 */
/* A session from a recording: the same pipeline, without a kernel or rights. Time is the records'.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "capture/recording.h"
#include "cli/session_internal.h"
#include "journal/event_id.h"

struct source {
	struct na_session *session;
	struct na_print *print;
	uint64_t wall_offset_ns;
	uint64_t now_ns; /* of the last record */
};

static int take(void *context, const struct na_record_header *record)
{
	struct source *source = context;
	struct na_session *session = source->session;
	int error = 0;

	source->now_ns = record->time_ns;
	if (record->time_ns >= session->next_tick_ns) {
		session->next_tick_ns = record->time_ns + NA_SESSION_TICK_NS;
		error = na_pipeline_tick(session->pipeline, record->time_ns,
					 source->wall_offset_ns);
	}
	if (!error)
		error = na_pipeline_record(session->pipeline, record);
	na_signals_take(&session->signals);
	if (session->signals.resize)
		na_print_resize(source->print);
	session->signals.resize = false;
	return !error && session->signals.stop ? -EINTR : error;
}

/* Ids as a journal's, whose first epoch is 1. */
static int open_pipeline(struct na_session *session, const struct na_recording_head *head,
			 struct na_sink *sink)
{
	char instance[NA_EVENT_ID_INSTANCE_SIZE];
	uint8_t id[16];
	const struct na_config_filters *exclude = &session->config->capture_exclude;
	struct na_session_source description = {
		.boot_id = head->boot_id,
		.wall_offset_ns = head->wall_offset_ns,
		.excluded = exclude->filters,
		.excluded_count = exclude->count,
		.call_results = true,
		.skipped_known = true,
		.instance = instance,
		.sink = sink,
	};

	na_uuid_parse(session->host.instance, id);
	na_event_id_instance(id, 0, instance);
	return na_session_open_pipeline(session, &description);
}

/* Bad data and what the sink says come the same way: `why` tells which it was. */
static int result_of(struct source *source, int error, const struct na_buffer *why)
{
	int flushed = na_print_flush(source->print);

	if (why->length) {
		na_log_error("%s: %.*s", source->session->options->replay, (int)why->length,
			     why->data);
		return error == -EBADMSG ? NA_EXIT_DATA : NA_EXIT_TRY_AGAIN;
	}
	if (error == -EINTR)
		error = 0;
	return na_session_result(error ? error : flushed);
}

static int feed(struct source *source, struct na_replay *replay)
{
	struct na_pipeline *pipeline = source->session->pipeline;
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_replay_run(replay, take, source, &why);

	if (!error)
		error = na_pipeline_flush(pipeline, source->now_ns);
	return result_of(source, error, &why);
}

static int run(struct na_session *session, struct na_replay *replay)
{
	const struct na_recording_head *head = na_replay_head(replay);
	struct na_print_options options = na_session_print_options(session);
	struct source source = {session, na_print_new(&options), head->wall_offset_ns, 0};
	int result;

	if (!source.print)
		return na_command_out_of_memory();
	result = open_pipeline(session, head, na_print_sink(source.print));
	if (!result)
		result = feed(&source, replay);
	na_print_free(source.print);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

int na_session_replay(struct na_session *session)
{
	const char *path = session->options->replay;
	struct na_replay *replay = NULL;
	struct na_buffer why = {0};
	int error = na_replay_open(path, &replay, &why), result;

	if (error) {
		na_log_error("%s: %.*s", path, why.length ? (int)why.length : 100,
			     why.length ? why.data : strerrordesc_np(-error));
		result = error == -EBADMSG  ? NA_EXIT_DATA
			 : error == -EACCES ? NA_EXIT_NOT_PERMITTED
					    : NA_EXIT_USAGE;
	} else {
		result = run(session, replay);
	}
	na_buffer_done(&why);
	na_replay_close(&replay);
	return result;
}
