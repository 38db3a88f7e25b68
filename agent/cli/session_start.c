/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a session from the kernel: do all sources work, what was there before. */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/session_capture.h"

#define SELF_TEST_NS (3 * NA_NS_PER_SEC)

static int report(struct na_source *source, enum na_event_type type, const char *message)
{
	return na_pipeline_agent_event(source->session->pipeline, type, na_clock_boot_ns(),
				       message);
}

/* In the log and in the stream. `message` has no NUL yet. */
static int report_degraded(struct na_source *source, struct na_buffer *message)
{
	na_buffer_append_char(message, '\0');
	if (na_buffer_error(message))
		return -ENOMEM;
	na_log_warning("%s", message->data);
	return report(source, NA_EVENT_AGENT_DEGRADED, message->data);
}

/* Lifecycle sources that are not attached. 0: all are; 1: some are not; or an error. */
static int report_missing(struct na_source *source)
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

/* Hooks that the configuration asks for and that no program is on. As report_missing. */
static int report_hooks(struct na_source *source)
{
	struct na_hook_state hooks[NA_HOOK_COUNT];
	int result = 0;

	na_capture_hooks(source->capture, hooks);
	for (int hook = 1; hook < NA_HOOK_COUNT && result >= 0; hook++) {
		NA_CLEANUP(na_buffer_done) struct na_buffer message = {0};
		int error;

		if (!hooks[hook].setting.asked || hooks[hook].program ||
		    hooks[hook].setting.mode == NA_HOOK_MODE_OFF)
			continue;
		na_buffer_printf(&message, "capture.hooks: %s cannot be had: %s",
				 na_hook_rows[hook].name.data, hooks[hook].reason);
		error = report_degraded(source, &message);
		result = error ? error : 1;
	}
	return result;
}

/* As report_missing: 0, 1 or an error. */
static int self_test(struct na_source *source)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error;

	if (!na_capture_self_test(source->capture, SELF_TEST_NS, na_source_take, source, &why))
		return 0;
	error = report_degraded(source, &why);
	return error ? error : 1;
}

static int test_sources(struct na_source *source)
{
	int missing = report_missing(source);
	int unhooked = missing < 0 ? missing : report_hooks(source);
	int failed = unhooked < 0 ? unhooked : self_test(source);

	if (failed < 0)
		return na_session_result(failed);
	if (!source->session->options->strict || (!missing && !unhooked && !failed))
		return NA_EXIT_DONE;
	na_log_error("not every source works, and --strict was given");
	return NA_EXIT_UNAVAILABLE;
}

static int tell_started(struct na_source *source)
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

/* ------------------------------------------------------------------------------------------- */

int na_source_start(struct na_source *source)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int result, error;

	na_source_restore(source);
	error = na_source_begin(source);
	if (!error && source->restored)
		na_pipeline_restored(source->session->pipeline, source->gap);
	result = error ? na_session_result(error) : test_sources(source);
	if (result)
		return result;
	error = na_pipeline_scan(source->session->pipeline);
	if (error)
		na_log_warning("/proc cannot be read, so what ran before is not described: %s",
			       strerrordesc_np(-error));
	na_source_pin(source);
	error = tell_started(source);
	if (error || !source->session->config->capture_snapshot)
		return na_session_result(error);
	if (source->restored) /* what it does not find is gone */
		source->began_ns = na_clock_boot_ns();
	error = na_capture_snapshot(source->capture);
	if (!error)
		return NA_EXIT_DONE;
	na_buffer_printf(&why, "the sockets that are there cannot be listed: %s",
			 strerrordesc_np(-error));
	return na_session_result(report_degraded(source, &why));
}
