/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit journal export`: the events of a folder of segments, also of another host. */
#include <errno.h>

#include "base/cleanup.h"
#include "cli/journal_commands.h"
#include "cli/query_run.h"
#include "cli/usage.h"

struct export_options {
	const char *format;
};

static const struct na_usage_option options_table[] = {
	{"format", 0, NA_USAGE_TEXT, "FORMAT", offsetof(struct export_options, format),
	 "ecs (the default), flat or line"},
};

static const struct na_usage usage = {
	.command = "journal export",
	.summary = "the events of a folder of segments to stdout, also of another host",
	.operands = "DIR [FILTER...]",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details = "FILTER is as in \"netaudit live --help\". Gaps are told on stderr.",
};

static int parse_format(const char *name, enum na_output_format *ret_format)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_query_format_find(name, ret_format, &why);

	if (error == -ENOMEM)
		return na_command_out_of_memory();
	return error ? na_usage_error(usage.command, "--format %.*s", (int)why.length, why.data)
		     : NA_EXIT_DONE;
}

/* ------------------------------------------------------------------------------------------- */

int na_journal_export(int argc, char **argv)
{
	struct export_options options = {.format = "ecs"};
	struct na_query query = {.command = usage.command, .until_ns = UINT64_MAX};
	struct na_filter *filter;
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	if (first >= argc)
		return na_usage_error(usage.command, "which folder?");
	result = parse_format(options.format, &query.format);
	if (result != NA_EXIT_DONE)
		return result;
	result = na_query_filter(usage.command, argc - first - 1, argv + first + 1, &filter);
	if (result != NA_EXIT_DONE)
		return result;
	query.path = argv[first];
	query.filter = filter;
	result = na_query_run(&query);
	na_filter_free(filter);
	return result;
}
