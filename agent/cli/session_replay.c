/* SPDX-License-Identifier: Apache-2.0 */
/* A session from a recording: the same pipeline, without a kernel or rights. Time is the records'.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/recording.h"
#include "cli/session_internal.h"

struct source {
	struct na_session *session;
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
	na_session_handle_signals(session);
	return !error && session->stop ? -EINTR : error;
}

static int open_pipeline(struct na_session *session, const struct na_recording_head *head)
{
	const struct na_config_filters *exclude = &session->options->config->capture_exclude;
	struct na_session_source description = {
		.boot_id = head->boot_id,
		.wall_offset_ns = head->wall_offset_ns,
		.excluded = exclude->filters,
		.excluded_count = exclude->count,
		.call_results = true,
		.skipped_known = true,
	};

	return na_session_open_pipeline(session, &description);
}

/* Bad data and what the sink says come the same way: `why` tells which it was. */
static int result_of(struct na_session *session, int error, const struct na_buffer *why)
{
	int flushed = na_print_flush(session->print);

	if (why->length) {
		na_log_error("%s: %.*s", session->options->replay, (int)why->length, why->data);
		return error == -EBADMSG ? NA_EXIT_DATA : NA_EXIT_TRY_AGAIN;
	}
	if (error == -EINTR)
		error = 0;
	return na_session_result(error ? error : flushed);
}

static int run(struct na_session *session, struct na_replay *replay)
{
	const struct na_recording_head *head = na_replay_head(replay);
	struct source source = {session, head->wall_offset_ns, 0};
	struct na_buffer why = {0};
	int result = open_pipeline(session, head), error;

	if (result)
		return result;
	error = na_replay_run(replay, take, &source, &why);
	if (!error)
		error = na_pipeline_flush(session->pipeline, source.now_ns);
	result = result_of(session, error, &why);
	na_buffer_done(&why);
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
