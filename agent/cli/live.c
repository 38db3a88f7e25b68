/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit live`: watch events as they happen. */
#include <errno.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/follow.h"
#include "cli/options.h"
#include "cli/session.h"
#include "cli/stdout.h"
#include "config/filter.h"
#include "control/control.h"

struct live_options {
	struct na_cli_config_options config;
	const char *replay;
	bool json, no_colour;
};

static const struct na_usage_option options_table[] = {
	NA_CLI_CONFIG_OPTIONS(struct live_options, config),
	{"json", 0, NA_USAGE_FLAG, NULL, offsetof(struct live_options, json),
	 "ECS JSON, one event a line"},
	{"no-colour", 0, NA_USAGE_FLAG, NULL, offsetof(struct live_options, no_colour),
	 "no colours, as with NO_COLOR set"},
	{"replay", 0, NA_USAGE_TEXT, "FILE", offsetof(struct live_options, replay),
	 "what `run --record FILE` kept: no kernel, no root"},
};

static const struct na_usage usage = {
	.command = "live",
	.operands = "[FILTER...]",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details = "FILTER is key=value[,value...]; all must hold, any value matches, != negates, "
		   "* in\n"
		   "texts, CIDR in addresses, a-b in ports. Keys: event family transport pid exe "
		   "comm\n"
		   "user uid container cgroup address source destination port outcome error "
		   "direction.\n\n"
		   "  netaudit live exe=/usr/bin/curl\n"
		   "  netaudit live event=established,connect_failed port=443 address!=10.0.0.0/8",
};

/* Of the agent that runs; its host and labels come with its journal. */
static int follow(const struct na_session_options *session)
{
	struct na_print_options print = {
		.filter = session->filter, .json = session->json, .colour = session->colour};

	return na_follow_run(session->config->journal_path.data, session->config->journal_tail.data,
			     &print);
}

static int run(const struct live_options *options, const struct na_filter *filter)
{
	struct na_session_options session = {
		.filter = filter, .replay = options->replay, .json = options->json};
	struct na_config *config;
	int result = na_cli_config(&options->config, &config);

	if (result != NA_EXIT_DONE)
		return result;
	session.config = config;
	session.colour = !options->no_colour && na_cli_wants_colour();
	if (options->replay || !na_control_is_there(config->control_socket.data))
		return na_session_run(&session);
	result = follow(&session);
	na_config_free(config);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

int na_cmd_live(int argc, char **argv)
{
	struct live_options options = {0};
	struct na_filter *filter;
	struct na_buffer why = {0};
	int first, result, error;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	error = na_filter_parse_arguments(argc - first, argv + first, &filter, &why);
	if (error == -ENOMEM)
		return na_command_out_of_memory();
	if (error) {
		result = na_usage_error(usage.command, "%.*s", (int)why.length, why.data);
		na_buffer_done(&why);
		return result;
	}
	result = run(&options, filter);
	na_filter_free(filter);
	return result;
}
