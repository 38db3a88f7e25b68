/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit query`: what the journal says. */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/query_run.h"
#include "cli/stdout.h"
#include "cli/time_text.h"

struct query_options {
	struct na_cli_config_options config;
	const char *since, *until, *format, *journal;
	bool follow, summary, json, no_colour;
};

static const struct na_usage_option options_table[] = {
	{"since", 0, NA_USAGE_TEXT, "T", offsetof(struct query_options, since),
	 "events of that time and later"},
	{"until", 0, NA_USAGE_TEXT, "T", offsetof(struct query_options, until),
	 "events in front of that time"},
	{"follow", 'f', NA_USAGE_FLAG, NULL, offsetof(struct query_options, follow),
	 "then go on with what happens, until SIGINT"},
	{"format", 0, NA_USAGE_TEXT, "FORMAT", offsetof(struct query_options, format),
	 "ecs, flat or line; a terminal gets line, anything else ecs"},
	{"summary", 0, NA_USAGE_FLAG, NULL, offsetof(struct query_options, summary),
	 "counts by event, process, destination and error"},
	{"json", 0, NA_USAGE_FLAG, NULL, offsetof(struct query_options, json),
	 "ECS JSON; with --summary the summary as JSON"},
	{"journal", 0, NA_USAGE_TEXT, "DIR", offsetof(struct query_options, journal),
	 "the segments of a folder, instead of this host's journal"},
	{"no-colour", 0, NA_USAGE_FLAG, NULL, offsetof(struct query_options, no_colour),
	 "no colours, as with NO_COLOR set"},
	NA_CLI_CONFIG_OPTIONS(struct query_options, config),
};

static const struct na_usage usage = {
	.command = "query",
	.operands = "[FILTER...]",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details = NA_TIME_TEXT_HELP
	"\n\n"
	"FILTER is as in \"netaudit live --help\". Gaps are told on stderr.\n\n"
	"  netaudit query --since today --summary\n"
	"  netaudit query --since -15m event=connect_failed exe=/usr/bin/curl\n"
	"  netaudit query --since now --follow port=443 --format flat",
};

static int parse_time(const char *option, const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	if (text && na_time_text_parse(text, now_ns, ret_ns) < 0)
		return na_usage_error(usage.command, "--%s: \"%s\" is no time", option, text);
	return NA_EXIT_DONE;
}

static int parse_format(const struct query_options *options, enum na_output_format *ret_format)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error;

	*ret_format = options->json || !isatty(STDOUT_FILENO) ? NA_OUTPUT_ECS : NA_OUTPUT_LINE;
	if (!options->format)
		return NA_EXIT_DONE;
	error = na_query_format_find(options->format, ret_format, &why);
	if (error == -ENOMEM)
		return na_command_out_of_memory();
	return error ? na_usage_error(usage.command, "--format %.*s", (int)why.length, why.data)
		     : NA_EXIT_DONE;
}

static int fill(const struct query_options *options, struct na_query *query)
{
	uint64_t now_ns = na_clock_wall_ns();
	int result = parse_time("since", options->since, now_ns, &query->since_ns);

	if (result == NA_EXIT_DONE)
		result = parse_time("until", options->until, now_ns, &query->until_ns);
	if (result == NA_EXIT_DONE)
		result = parse_format(options, &query->format);
	if (result == NA_EXIT_DONE && options->summary && options->follow)
		result = na_usage_error(usage.command, "--summary and --follow exclude each other");
	query->follow = options->follow;
	query->summary = options->summary;
	query->summary_json = options->json;
	query->colour = !options->no_colour && na_cli_wants_colour();
	return result;
}

static int run(const struct query_options *options, struct na_query *query)
{
	struct na_config *config;
	int result = na_cli_config(&options->config, &config);

	if (result != NA_EXIT_DONE)
		return result;
	query->path = options->journal ? options->journal : config->journal_path.data;
	query->tail = options->journal ? NULL : config->journal_tail.data;
	result = na_query_run(query);
	na_config_free(config);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

int na_cmd_query(int argc, char **argv)
{
	struct query_options options = {0};
	struct na_query query = {.command = usage.command, .until_ns = UINT64_MAX};
	struct na_filter *filter;
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	result = fill(&options, &query);
	if (result != NA_EXIT_DONE)
		return result;
	result = na_query_filter(usage.command, argc - first, argv + first, &filter);
	if (result != NA_EXIT_DONE)
		return result;
	query.filter = filter;
	result = run(&options, &query);
	na_filter_free(filter);
	return result;
}
