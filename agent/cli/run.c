/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit run`: capture and report, until it is told to stop. */
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/session.h"
#include "cli/stdout.h"

struct run_options {
	struct na_cli_config_options config;
	const char *record, *replay, *btf;
	bool strict;
};

static const struct na_usage_option options_table[] = {
	NA_CLI_CONFIG_OPTIONS(struct run_options, config),
	{"record", 0, NA_USAGE_TEXT, "FILE", offsetof(struct run_options, record),
	 "keep what the kernel told, for --replay"},
	{"replay", 0, NA_USAGE_TEXT, "FILE", offsetof(struct run_options, replay),
	 "take it from FILE: no kernel, no root"},
	{"btf", 0, NA_USAGE_TEXT, "FILE", offsetof(struct run_options, btf),
	 "types to place fields by, instead of the kernel's; or a tree of them as BTFHub's"},
	{"strict", 0, NA_USAGE_FLAG, NULL, offsetof(struct run_options, strict),
	 "refuse to run when a source of events does not work"},
};

static const struct na_usage usage = {
	.command = "run",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details = "On a terminal one line for each event, into a pipe or file ECS JSON.",
};

/* ------------------------------------------------------------------------------------------- */

int na_cmd_run(int argc, char **argv)
{
	struct run_options options = {0};
	struct na_session_options session = {0};
	struct na_config *config;
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	if (options.record && options.replay)
		return na_usage_error(usage.command, "--record and --replay exclude each other");
	result = na_cli_config(&options.config, &config);
	if (result != NA_EXIT_DONE)
		return result;
	session.config = config;
	session.sources = &options.config;
	session.record = options.record;
	session.replay = options.replay;
	session.btf = options.btf;
	session.strict = options.strict;
	session.json = !isatty(STDOUT_FILENO);
	session.colour = !session.json && na_cli_wants_colour();
	session.daemon = !options.replay && (na_config_file_count(config) || config->outputs.count);
	return na_session_run(&session);
}
