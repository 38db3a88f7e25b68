/* SPDX-License-Identifier: Apache-2.0 */
/* A session from the kernel: its start, its turns, its end. */
#include "cli/session_capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "capture/kernel_btf.h"
#include "capture/pinned.h"
#include "cli/capture_options.h"
#include "cli/outputs.h"
#include "guard/capabilities.h"

#define BATCH 4096
#define RECONCILE_NS (10 * NA_NS_PER_SEC) /* at most so often */

static enum na_delivery_kind delivery_kind(const struct na_session *session)
{
	if (!session->options->daemon)
		return NA_DELIVERY_TERMINAL;
	if (session->config->outputs.count)
		return NA_DELIVERY_SHIP;
	na_log_notice("no outputs are configured: events stay in the journal, where \"netaudit "
		      "query\" and \"netaudit live\" find them");
	return NA_DELIVERY_NONE;
}

static int open_capture(struct na_source *source)
{
	const struct na_config *config = source->session->config;
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_capture_options options;
	char btf[4096];
	int error = 0;

	source->in_kernel = calloc(config->capture_exclude.count + 1, sizeof(*source->in_kernel));
	if (!source->in_kernel ||
	    na_cli_capture_options(config, source->in_kernel, &options, &source->rules) < 0 ||
	    na_source_set_excluded(source, config) < 0)
		return na_command_out_of_memory();
	options.disable = getenv("NETAUDIT_TEST_DISABLE");
	options.pins = source->pins = na_source_open_pins(source->session->options);
	options.store = source->store;
	if (source->session->options->btf) {
		error = na_kernel_btf_find(source->session->options->btf, btf, sizeof(btf), &why);
		options.btf = btf;
	}
	if (!error)
		error = na_capture_open(&options, &source->capture, &why);
	if (error)
		na_log_error("%.*s", (int)why.length, why.length ? why.data : "");
	return (int)na_cli_capture_exit(error);
}

static int open_pipeline(struct na_source *source)
{
	const struct na_program_state *calls =
		&na_capture_programs(source->capture)[NA_PROGRAM_SYS_EXIT];
	struct na_session_source description = {
		.boot_id = source->session->host.boot_id,
		.wall_offset_ns = source->watch.wall_offset_ns,
		.excluded = source->excluded,
		.excluded_count = source->excluded_count,
		.shipper = &source->shipper,
		.live = true,
		.call_results = na_capture_call_results(source->capture),
		.skipped_known = calls->skipped_known,
		.connection_interval_ns = na_cli_connection_interval(source->session->config),
		.instance = na_journal_instance(source->journal.journal),
		.first_sequence = na_journal_next_sequence(source->journal.journal),
		.sink = &source->journal.sink,
	};

	return na_session_open_pipeline(source->session, &description);
}

static int open_recorder(struct na_source *source)
{
	const char *path = source->session->options->record;
	struct na_recording_head head = {.wall_offset_ns = source->watch.wall_offset_ns};
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

/* So that a recording knows it too, it is a record. */
static int tell_found_all(struct na_source *source)
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
	return na_source_take(source, &record.header);
}

/* The tick brings the time; what happened to the clock is told in it. */
static int follow_clock(struct na_source *source, uint64_t now_ns)
{
	struct na_pipeline *pipeline = source->session->pipeline;
	struct na_clock_change change;
	bool changed = na_clock_watch_look(&source->watch, &change);
	int error = na_pipeline_tick(pipeline, now_ns, source->watch.wall_offset_ns);

	return error || !changed ? error : na_pipeline_clock_changed(pipeline, now_ns, &change);
}

/*
 * After losses the table may hold sockets whose end was among them, and lack others; and what open
 * connections have carried only the kernel knows: it is asked again for what is there.
 */
static void look_again(struct na_source *source, uint64_t now_ns)
{
	const struct na_config *config = source->session->config;
	uint64_t interval_ns = na_cli_connection_interval(config);
	bool lost = source->lost && now_ns >= source->next_snapshot_ns && config->capture_snapshot;
	bool due = interval_ns && now_ns >= source->next_look_ns;

	if (!source->found_all || (!lost && !due))
		return;
	if (lost) {
		source->next_snapshot_ns = now_ns + RECONCILE_NS;
		source->lost = false;
	}
	if (due)
		source->next_look_ns = now_ns + interval_ns;
	source->began_ns = lost ? now_ns : 0;
	source->found_all = na_capture_snapshot(source->capture) < 0;
}

static int tick(struct na_source *source, uint64_t now_ns)
{
	struct na_session *session = source->session;
	int error;

	if (now_ns < session->next_tick_ns)
		return 0;
	session->next_tick_ns = now_ns + NA_SESSION_TICK_NS;
	if (now_ns >= source->next_flush_ns) {
		source->next_flush_ns = now_ns + session->config->capture_flow_interval;
		na_capture_flush_flows(source->capture);
	}
	look_again(source, now_ns);
	error = na_capture_losses(source->capture, now_ns, na_source_take, source);
	if (!error)
		error = follow_clock(source, now_ns);
	if (!error)
		error = na_session_journal_tell(&source->journal, session->pipeline, now_ns);
	na_source_update_status(source, now_ns);
	return error;
}

/* What others ask for. -EPIPE: nobody reads stdout any more. */
static int handle_others(struct na_source *source)
{
	struct na_signals *signals = &source->session->signals;
	int fd = na_delivery_fd(&source->delivery);
	int error = na_delivery_turn(&source->delivery);

	if (fd >= 0 && na_delivery_fd(&source->delivery) < 0)
		epoll_ctl(source->wake_fd, EPOLL_CTL_DEL, fd, NULL);
	na_signals_take(signals);
	if (signals->resize)
		na_delivery_resize(&source->delivery);
	if (signals->reopen)
		na_delivery_reopen(&source->delivery);
	if (signals->reload)
		na_source_reload(source);
	signals->resize = signals->reopen = signals->reload = false;
	return error;
}

/*
 * Detach, drain, count: nothing that happened before is left out. What is pinned goes on, and its
 * rings hold for the next agent what comes from here on. Else connections are told in part while
 * programs go one after the other: the time of agent_stopping is when that began, and the next
 * agent tells of the gap from there.
 */
static int end(struct na_source *source)
{
	struct na_pipeline *pipeline = source->session->pipeline;
	uint64_t stopping_ns = na_clock_boot_ns(), now_ns;
	int error;

	error = na_source_detach(source);
	na_capture_flush_flows(source->capture); /* what was counted meanwhile too */
	if (!error)
		error = na_capture_drain(source->capture, na_source_take, source);
	if (error < 0)
		return error;
	now_ns = na_clock_boot_ns();
	error = na_capture_losses(source->capture, now_ns, na_source_take, source);
	if (!error)
		error = na_pipeline_flush(pipeline, now_ns);
	if (!error)
		error = na_session_journal_tell(&source->journal, pipeline, now_ns);
	if (!error)
		error = na_pipeline_agent_event(pipeline, NA_EVENT_AGENT_STOPPING, stopping_ns,
						NULL);
	return error;
}

/* Everything that threads and children would share is done before there are any. */
static int prepare(struct na_source *source)
{
	struct na_session *session = source->session;
	/* First: a process made later would be taken for the self-test's. */
	int result =
		na_delivery_prepare(&source->delivery, delivery_kind(session), session->config);

	source->shipper.helper_pid = na_delivery_helper_pid(&source->delivery);
	if (!result && na_cli_set_endpoints(session->config, &source->shipper) < 0)
		result = na_command_out_of_memory();
	if (!result)
		result = open_capture(source);
	if (!result)
		na_source_look_back(source);
	if (!result)
		result = na_session_journal_open(&source->journal, session->config, &session->host,
						 na_delivery_group(&source->delivery),
						 !session->options->daemon);
	if (!result)
		result = open_pipeline(source);
	if (!result)
		result = open_recorder(source);
	return result;
}

/* What is kept of root's rights is what the turns need. */
static int give_up_rights(struct na_source *source)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer kept = {0};
	int group = na_delivery_group(&source->delivery);
	int error = group < 0 ? 0 : na_capabilities_join((uint32_t)group);

	if (!error)
		error = na_capabilities_keep(NA_CAPABILITIES_CAPTURE, &kept);
	if (error) {
		na_log_error("capabilities cannot be given up: %s", strerrordesc_np(-error));
		return NA_EXIT_NOT_PERMITTED;
	}
	na_buffer_append_char(&kept, '\0');
	if (na_buffer_error(&kept))
		return na_command_out_of_memory();
	source->kept = NA_TAKE_POINTER(kept.data);
	if (source->session->options->daemon)
		na_log_info("capabilities kept: %s", source->kept);
	return NA_EXIT_DONE;
}

static int name_ship_status(struct na_source *source)
{
	const char *folder = source->session->config->ship_path.data;

	if (source->delivery.kind != NA_DELIVERY_SHIP ||
	    asprintf(&source->ship_status, "%s/status.json", folder) >= 0)
		return NA_EXIT_DONE;
	source->ship_status = NULL;
	return na_command_out_of_memory();
}

static int start_others(struct na_source *source)
{
	struct na_session *session = source->session;
	struct na_print_options print = na_session_print_options(session);
	int result = na_session_journal_start(&source->journal);

	/* The socket first: where another agent has it, nothing is sent. */
	if (!result && session->options->daemon)
		result = na_session_control_start(session->config->control_socket.data,
						  &source->control);
	if (!result)
		result = name_ship_status(source);
	if (!result)
		result = na_delivery_start(&source->delivery, session->config, source->journal.path,
					   source->journal.tail, &print);
	na_source_wake_by(source, session->signals.fd);
	na_source_wake_by(source, na_delivery_fd(&source->delivery));
	return result;
}

static int loop(struct na_source *source)
{
	uint64_t now_ns = na_clock_boot_ns();
	int error = 0;

	source->next_flush_ns = now_ns + source->session->config->capture_flow_interval;
	source->next_look_ns = now_ns + na_cli_connection_interval(source->session->config);
	while (!source->session->signals.stop && !error)
		error = na_source_turn(source);
	return error ? error : end(source);
}

static int run(struct na_source *source)
{
	int result, error = 0, printed;

	result = prepare(source);
	if (!result)
		result = na_source_start(source);
	if (!result)
		result = give_up_rights(source);
	if (!result)
		result = start_others(source);
	if (result)
		na_source_undo_pins(source);
	else
		error = loop(source);
	na_session_control_stop(&source->control);
	na_session_journal_close(&source->journal);
	printed = na_delivery_stop(&source->delivery);
	return result ? result : na_session_result(error && error != -EPIPE ? error : printed);
}

static int close_recorder(struct na_source *source, int result)
{
	int error = source->recorder ? na_recorder_close(&source->recorder) : 0;

	if (!error)
		return result;
	na_log_error("%s: cannot be written, the recording is not whole: %s",
		     source->session->options->record, strerrordesc_np(-error));
	return NA_EXIT_CANNOT_CREATE;
}

/* ------------------------------------------------------------------------------------------- */

void na_source_wake_by(struct na_source *source, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (fd >= 0)
		epoll_ctl(source->wake_fd, EPOLL_CTL_ADD, fd, &event);
}

int na_source_turn(struct na_source *source)
{
	int passed = na_capture_read(source->capture, BATCH, na_source_take, source);
	int error = passed < 0 ? passed : tell_found_all(source);

	if (!error)
		error = tick(source, na_clock_boot_ns());
	if (!error && passed < BATCH)
		error = na_capture_wait(source->capture, source->wake_fd, NA_SESSION_TICK_NS);
	return error ? error : handle_others(source);
}

/* A recording that fails is told once and ends there; the events go on. */
int na_source_take(void *context, const struct na_record_header *record)
{
	struct na_source *source = context;
	int error = source->recorder ? na_recorder_add(source->recorder, record) : 0;

	source->lost |= record->type == NA_RECORD_LOST;
	if (error) {
		na_log_error("%s: cannot be written, the recording ends here: %s",
			     source->session->options->record, strerrordesc_np(-error));
		na_recorder_close(&source->recorder);
	}
	return na_pipeline_record(source->session->pipeline, record);
}

int na_session_capture(struct na_session *session)
{
	struct na_source source = {.session = session, .wake_fd = epoll_create1(EPOLL_CLOEXEC)};
	int result;

	source.delivery.program_fd = -1;
	na_clock_watch_init(&source.watch);
	source.started_ns = na_clock_boot_ns();
	source.started_wall_ns = na_clock_wall_ns();
	na_source_open_store(&source);
	result = source.wake_fd < 0 ? na_command_out_of_memory()
				    : close_recorder(&source, run(&source));
	na_source_leave_pins(&source);
	na_session_journal_done(&source.journal);
	na_rules_free(source.rules);
	na_shipper_clear(&source.shipper);
	na_config_free(source.first);
	na_cleanup_fd(&source.wake_fd);
	free(source.in_kernel);
	free(source.excluded);
	free(source.kept);
	free(source.ship_status);
	return result;
}
