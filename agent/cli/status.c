/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit status`: asks the running agent how it is. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/stdout.h"
#include "control/control.h"
#include "control/status_text.h"

struct status_options {
	struct na_cli_config_options config;
	bool json;
};

static const struct na_usage_option options_table[] = {
	NA_CLI_CONFIG_OPTIONS(struct status_options, config),
	{"json", 0, NA_USAGE_FLAG, NULL, offsetof(struct status_options, json), "print JSON"},
};

static const struct na_usage usage = {
	.command = "status",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details =
		"Exit status 75 when no agent runs or it does not answer, 77 when it may not be\n"
		"asked, 65 when its answer makes no sense.",
};

static int exit_of(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return NA_EXIT_NOT_PERMITTED;
	case -EBADMSG:
	case -EREMOTEIO:
		return NA_EXIT_DATA;
	case -ENAMETOOLONG:
		return NA_EXIT_USAGE;
	default:
		return NA_EXIT_TRY_AGAIN;
	}
}

static int print(const json_t *document, bool json)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer out = {0};
	NA_FREE char *text = NULL;

	if (json) {
		text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		if (!text)
			return na_command_out_of_memory();
		na_buffer_printf(&out, "%s\n", text);
	} else {
		na_status_print(document, na_cli_wants_colour(), &out);
	}
	return na_buffer_error(&out) ? na_command_out_of_memory() : na_command_print(&out);
}

/* ------------------------------------------------------------------------------------------- */

int na_cmd_status(int argc, char **argv)
{
	struct status_options options = {0};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_config *config;
	json_t *answer;
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	setlocale(LC_CTYPE, ""); /* which characters the terminal shows */
	result = na_cli_config(&options.config, &config);
	if (result != NA_EXIT_DONE)
		return result;
	result = na_control_ask(config->control_socket.data, "status", &answer, &why);
	na_config_free(config);
	if (result) {
		fprintf(stderr, "netaudit: %.*s\n", (int)why.length, why.length ? why.data : "");
		return exit_of(result);
	}
	result = print(answer, options.json);
	json_decref(answer);
	return result;
}
