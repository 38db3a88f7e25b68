/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit check`: is the configuration valid, what is in effect, and what can the kernel. */
#include <stdio.h>

#include "cli/check_connect.h"
#include "cli/check_kernel.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/outputs.h"

struct check_options {
	struct na_cli_config_options config;
	const char *btf;
	bool show, connect, kernel;
};

static const struct na_usage_option options_table[] = {
	NA_CLI_CONFIG_OPTIONS(struct check_options, config),
	{"show", 0, NA_USAGE_FLAG, NULL, offsetof(struct check_options, show),
	 "print the values in effect and where each came from"},
	{"connect", 0, NA_USAGE_FLAG, NULL, offsetof(struct check_options, connect),
	 "send one test event to each output and say what became of it"},
	{"kernel", 0, NA_USAGE_FLAG, NULL, offsetof(struct check_options, kernel),
	 "print what will work on this host's kernel and why not the rest"},
	{"btf", 0, NA_USAGE_TEXT, "FILE", offsetof(struct check_options, btf),
	 "with --kernel: as of run"},
};

static const struct na_usage usage = {
	.command = "check",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details = "Prints every mistake as file:line:column: message. Exit status 78 when there "
		   "is one; with --kernel 69 when it cannot work, 77 when a capability is missing.",
};

static int show(const struct na_config *config)
{
	struct na_buffer out = {0};
	int result = na_config_show_masked(config, &out) < 0 ? na_command_out_of_memory()
							     : na_command_print(&out);

	na_buffer_done(&out);
	return result;
}

static void print_valid(const struct na_config *config)
{
	size_t files = na_config_file_count(config), outputs = config->outputs.count;

	if (files)
		fprintf(stderr, "configuration is valid: OK, %zu file%s, %zu output%s\n", files,
			files == 1 ? "" : "s", outputs, outputs == 1 ? "" : "s");
	else
		fprintf(stderr, "configuration is valid: OK, no file, all defaults, %zu output%s\n",
			outputs, outputs == 1 ? "" : "s");
}

/* What the kernel can is worth knowing with mistakes in the files, too: these were printed. */
static void report_with_defaults(const char *btf)
{
	struct na_config *config = na_config_new(na_cli_output_types);

	if (config)
		na_cli_check_kernel(config, btf);
	na_config_free(config);
}

/* ------------------------------------------------------------------------------------------- */

int na_cmd_check(int argc, char **argv)
{
	struct check_options options = {0};
	struct na_config *config;
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	result = na_cli_config(&options.config, &config);
	if (result != NA_EXIT_DONE) {
		if (options.kernel)
			report_with_defaults(options.btf);
		return result;
	}
	if (options.show)
		result = show(config);
	if (options.kernel && result == NA_EXIT_DONE)
		result = na_cli_check_kernel(config, options.btf);
	if (result == NA_EXIT_DONE && !options.kernel)
		print_valid(config);
	if (result == NA_EXIT_DONE && options.connect)
		result = na_cli_check_connect(config);
	na_config_free(config);
	return result;
}
