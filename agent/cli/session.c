/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the agent: stdout, signals, the pipeline. */
#include "cli/session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/session_internal.h"

static int take_signals(struct na_session *session)
{
	static const struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* write says EPIPE */
	session->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return session->signal_fd < 0 ? -errno : 0;
}

static int open_print(struct na_session *session)
{
	struct na_print_options options = {
		.constants = &session->host.constants,
		.filter = session->options->filter,
		.json = session->options->json,
		.colour = session->options->colour,
	};

	session->print = na_print_new(&options);
	return session->print ? NA_EXIT_DONE : na_command_out_of_memory();
}

/* ------------------------------------------------------------------------------------------- */

int na_session_open_pipeline(struct na_session *session, const struct na_session_source *source)
{
	const struct na_config *config = session->options->config;
	struct na_pipeline_options options = {
		.max_processes = config->process_max,
		.max_sockets = config->capture_max_sockets,
		.max_flows = config->capture_max_flows,
		.flow_interval_ns = config->capture_flow_interval,
		.heartbeat_ns = config->heartbeat_interval,
		.proc = source->live ? "/proc" : NULL,
		.passwd = "/etc/passwd",
		.redact = config->process_redact.items,
		.redact_count = config->process_redact.count,
		.excluded = source->excluded,
		.excluded_count = source->excluded_count,
		.process_events = config->process_events,
		.call_results = source->call_results,
		.skipped_known = source->skipped_known,
		.boot_number = na_host_boot_number(source->boot_id),
		.wall_offset_ns = source->wall_offset_ns,
		.instance = session->host.instance,
		.sink = na_print_sink(session->print),
	};

	session->pipeline = na_pipeline_new(&options);
	return session->pipeline ? NA_EXIT_DONE : na_command_out_of_memory();
}

void na_session_handle_signals(struct na_session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			na_print_resize(session->print);
		else
			session->stop = true;
	}
}

int na_session_result(int error)
{
	if (!error || error == -EPIPE) /* who read has seen enough */
		return NA_EXIT_DONE;
	if (error == -ENOMEM)
		return na_command_out_of_memory();
	na_log_error("stdout cannot be written: %s", strerrordesc_np(-error));
	return NA_EXIT_CANNOT_CREATE;
}

int na_session_run(const struct na_session_options *options)
{
	struct na_session session = {.options = options, .signal_fd = -1};
	int result;

	if (take_signals(&session) < 0 || na_host_init(&session.host, &options->config->labels) < 0)
		return na_command_out_of_memory();
	result = open_print(&session);
	if (!result)
		result = options->replay ? na_session_replay(&session)
					 : na_session_capture(&session);
	na_pipeline_free(session.pipeline);
	na_print_free(session.print);
	na_host_done(&session.host);
	na_cleanup_fd(&session.signal_fd);
	return result;
}
