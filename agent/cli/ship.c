/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit ship`: the shipping process, started by `run`, with no rights. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/delivery.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/paths.h"
#include "cli/signals.h"
#include "cli/stdout.h"
#include "cli/usage.h"
#include "guard/sandbox.h"
#include "guard/supervisor.h"
#include "ship/ship.h"

#define CONFIGURATION_FD NA_SUPERVISOR_FIRST_DESCRIPTOR
#define PROGRAM_FD (NA_SUPERVISOR_FIRST_DESCRIPTOR + 1)
#define STOP_NS (8 * NA_NS_PER_SEC) /* before `run` loses its patience */
#define CONFIGURATION_MAX (16u << 20)

static const struct na_usage usage = {
	.command = "ship",
	.details = "Started by \"netaudit run\", which hands it the configuration: not for people.",
};

struct process {
	struct na_config *config;
	struct na_signals signals;
	struct na_ship_output *outputs;
	struct na_ship *ship;
};

/* All processes that were started with this descriptor share its offset: pread. */
static int read_configuration(struct na_buffer *out)
{
	ssize_t count = 1;

	while (count > 0 && out->length < CONFIGURATION_MAX) {
		if (na_buffer_reserve(out, 65536) < 0)
			return -ENOMEM;
		count = pread(CONFIGURATION_FD, out->data + out->length, out->size - out->length,
			      (off_t)out->length);
		if (count < 0)
			return -errno;
		out->length += (size_t)count;
	}
	return 0;
}

/* `run` wrote it from what it had checked: a mistake in it is one of ours. */
static int load(struct process *process)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};
	NA_CLEANUP(na_config_errors_done) struct na_config_errors errors = {0};
	int error = read_configuration(&text);

	if (error == -EBADF)
		return na_usage_error(usage.command, "it is started by \"netaudit run\"");
	process->config = na_config_new(na_cli_output_types);
	if (!error && !process->config)
		error = -ENOMEM;
	if (!error)
		error = na_config_load_text(process->config,
					    (struct na_text){text.data, text.length},
					    "configuration", &errors);
	close(CONFIGURATION_FD);
	close(PROGRAM_FD);
	if (!error) {
		na_log_set_level((enum na_log_level)process->config->log_level);
		return NA_EXIT_DONE;
	}
	na_log_error("the configuration of the shipping process cannot be read: %s\n%.*s",
		     strerrordesc_np(-error), (int)errors.text.length,
		     errors.text.length ? errors.text.data : "");
	return error == -ENOMEM ? NA_EXIT_TRY_AGAIN : NA_EXIT_CONFIG;
}

static int collect_paths(const struct na_config *config, struct na_cli_paths *paths)
{
	NA_FREE char *tail = strdup(config->journal_tail.data);

	if (!tail)
		return -ENOMEM;
	na_cli_paths_add(paths, config->journal_path.data, NA_SANDBOX_READ);
	na_cli_paths_add(paths, dirname(tail), NA_SANDBOX_READ);
	na_cli_paths_add(paths, config->ship_path.data, NA_SANDBOX_WRITE);
	for (size_t i = 0; i < config->outputs.count; i++)
		na_cli_paths_add_output(paths, &config->outputs.items[i]);
	return paths->failed ? -ENOMEM : 0;
}

static int give_up_rights(const struct process *process)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	NA_CLEANUP(na_cli_paths_done) struct na_cli_paths paths = {0};
	int landlock;

	if (collect_paths(process->config, &paths) < 0)
		return na_command_out_of_memory();
	if (na_sandbox_enter(paths.items, paths.count, &landlock, &why) < 0) {
		na_log_error("the shipping process cannot give up its rights: %.*s",
			     (int)why.length, why.length ? why.data : "");
		return NA_EXIT_NOT_PERMITTED;
	}
	if (!landlock)
		na_log_notice("this kernel has no Landlock: users and modes alone protect files "
			      "from the shipping process");
	return NA_EXIT_DONE;
}

static int open_ship(struct process *process)
{
	const struct na_config *config = process->config;
	struct na_ship_options options = {
		.journal = config->journal_path.data,
		.tail = config->journal_tail.data,
		.folder = config->ship_path.data,
		.connection_interval_ns = na_cli_connection_interval(config),
		.count = config->outputs.count,
	};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = -ENOMEM;

	process->outputs = calloc(options.count + 1, sizeof(*process->outputs));
	options.outputs = process->outputs;
	for (size_t i = 0; process->outputs && i < options.count; i++) {
		const struct na_config_output *output = &config->outputs.items[i];

		process->outputs[i] = (struct na_ship_output){
			.type = output->type,
			.options = output->options,
			.common = &output->common,
			.line.colour = na_cli_wants_colour(),
		};
	}
	if (process->outputs)
		error = na_ship_new(&options, &process->ship, &why);
	if (!error)
		error = na_ship_start(process->ship);
	if (!error)
		return NA_EXIT_DONE;
	na_log_error("outputs cannot be started: %s %.*s", strerrordesc_np(-error), (int)why.length,
		     why.length ? why.data : "");
	return NA_EXIT_TRY_AGAIN;
}

static int serve(struct process *process)
{
	struct pollfd ready[] = {{.fd = process->signals.fd, .events = POLLIN},
				 {.fd = na_ship_fd(process->ship), .events = POLLIN}};

	while (!process->signals.stop && !ready[1].revents) {
		poll(ready, 2, -1);
		na_signals_take(&process->signals);
		if (process->signals.reopen)
			na_ship_reopen(process->ship);
		process->signals.reopen = false;
	}
	na_ship_stop(process->ship, na_clock_boot_ns() + STOP_NS);
	return process->signals.stop ? NA_EXIT_DONE : NA_DELIVERY_NOTHING_LEFT;
}

/* ------------------------------------------------------------------------------------------- */

int na_cmd_ship(int argc, char **argv)
{
	struct process process = {.signals.fd = -1};
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &process, &first, &result))
		return result;
	prctl(PR_SET_NAME, "netaudit-ship"); /* it was started by a descriptor's number */
	/* First: until they are blocked, SIGUSR1 ends the process. */
	result = na_signals_open(&process.signals, true) < 0 ? na_command_out_of_memory()
							     : load(&process);
	if (!result)
		result = give_up_rights(&process);
	if (!result)
		result = open_ship(&process);
	if (!result)
		result = serve(&process);
	na_ship_free(&process.ship);
	free(process.outputs);
	na_signals_close(&process.signals);
	na_config_free(process.config);
	return result;
}
