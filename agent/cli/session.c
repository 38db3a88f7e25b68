/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the agent: what both kinds of session begin with. */
#include "cli/session.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/session_internal.h"

/* ------------------------------------------------------------------------------------------- */

struct na_print_options na_session_print_options(const struct na_session *session)
{
	return (struct na_print_options){
		.constants = &session->host.constants,
		.filter = session->options->filter,
		.json = session->options->json,
		.colour = session->options->colour,
	};
}

int na_session_open_pipeline(struct na_session *session, const struct na_session_source *source)
{
	const struct na_config *config = session->config;
	struct na_pipeline_options options = {
		.max_processes = config->process_max,
		.max_sockets = config->capture_max_sockets,
		.max_flows = config->capture_max_flows,
		.flow_interval_ns = config->capture_flow_interval,
		.heartbeat_ns = config->heartbeat_interval,
		.connection_interval_ns = source->connection_interval_ns,
		.proc = source->live ? "/proc" : NULL,
		.passwd = "/etc/passwd",
		.redact = config->process_redact.items,
		.redact_count = config->process_redact.count,
		.excluded = source->excluded,
		.excluded_count = source->excluded_count,
		.shipper = source->shipper,
		.process_events = config->process_events,
		.call_results = source->call_results,
		.skipped_known = source->skipped_known,
		.boot_number = na_host_boot_number(source->boot_id),
		.wall_offset_ns = source->wall_offset_ns,
		.instance = source->instance,
		.first_sequence = source->first_sequence,
		.sink = source->sink,
	};

	session->pipeline = na_pipeline_new(&options);
	return session->pipeline ? NA_EXIT_DONE : na_command_out_of_memory();
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
	struct na_session session = {.options = options, .config = options->config};
	int result;

	if (na_signals_open(&session.signals, options->sources) < 0 ||
	    na_host_init(&session.host, &session.config->labels) < 0)
		result = na_command_out_of_memory();
	else
		result = options->replay ? na_session_replay(&session)
					 : na_session_capture(&session);
	na_pipeline_free(session.pipeline);
	na_host_done(&session.host);
	na_signals_close(&session.signals);
	na_config_free(session.config);
	return result;
}
