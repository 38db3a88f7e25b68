/* SPDX-License-Identifier: Apache-2.0 */
/* What a running agent tells about itself. */
#include "cli/session_control.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/folders.h"
#include "control/control.h"
#include "control/rate.h"

struct na_session_control {
	struct na_control *server;
	struct na_control_handler handler;
	pthread_mutex_t lock;
	/* Under the lock. */
	struct na_status status;
	struct na_program_state programs[NA_PROGRAM_COUNT];
	size_t program_count;
	char last_end[200];
	struct na_rate rate;
	bool filled;
};

/* A copy that lives without the lock: making the document reads a file. */
struct snapshot {
	struct na_status status;
	struct na_program_state programs[NA_PROGRAM_COUNT];
	char last_end[200];
};

static bool take_snapshot(struct na_session_control *control, struct snapshot *snapshot)
{
	bool filled;

	pthread_mutex_lock(&control->lock);
	filled = control->filled;
	snapshot->status = control->status;
	memcpy(snapshot->programs, control->programs, sizeof(snapshot->programs));
	memcpy(snapshot->last_end, control->last_end, sizeof(snapshot->last_end));
	pthread_mutex_unlock(&control->lock);
	snapshot->status.programs = snapshot->programs;
	snapshot->status.ship_last_end = snapshot->last_end;
	return filled;
}

static json_t *answer_status(void *context, const json_t *request)
{
	NA_FREE struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	(void)request;
	if (!snapshot)
		return NULL;
	if (!take_snapshot(context, snapshot))
		return json_pack("{s:s}", "error", "the agent is still starting");
	return na_status_json(&snapshot->status);
}

/* ------------------------------------------------------------------------------------------- */

int na_session_control_start(const char *socket, struct na_session_control **ret_control)
{
	struct na_session_control *control = calloc(1, sizeof(*control));
	struct na_control_options options = {.path = socket, .handler_count = 1};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error;

	if (!control)
		return na_command_out_of_memory();
	na_folders_make_above(socket); /* where that fails, the socket says why */
	pthread_mutex_init(&control->lock, NULL);
	control->handler = (struct na_control_handler){"status", answer_status, control};
	options.handlers = &control->handler;
	error = na_control_start(&options, &control->server, &why);
	if (!error) {
		*ret_control = control;
		return NA_EXIT_DONE;
	}
	na_log_error("%.*s", (int)why.length, why.length ? why.data : "");
	na_session_control_stop(&control);
	return na_command_exit(error);
}

void na_session_control_update(struct na_session_control *control, const struct na_status *status,
			       uint64_t now_ns)
{
	pthread_mutex_lock(&control->lock);
	na_rate_add(&control->rate, now_ns, status->counters.values[NA_STAT_EVENTS]);
	control->status = *status;
	control->status.events_per_second = na_rate_per_second(&control->rate);
	if (status->programs) {
		control->program_count = status->program_count;
		memcpy(control->programs, status->programs,
		       status->program_count * sizeof(*status->programs));
	}
	control->status.program_count = control->program_count;
	snprintf(control->last_end, sizeof(control->last_end), "%s",
		 status->ship_last_end ? status->ship_last_end : "");
	control->filled = true;
	pthread_mutex_unlock(&control->lock);
}

void na_session_control_stop(struct na_session_control **control)
{
	if (!*control)
		return;
	na_control_stop(&(*control)->server);
	pthread_mutex_destroy(&(*control)->lock);
	free(*control);
	*control = NULL;
}
