/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the configuration for a command. */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/check_output.h"
#include "cli/command.h"
#include "cli/outputs.h"

#define DEFAULT_FILE "/etc/netaudit/netaudit.yaml"
#define DEFAULT_FOLDER "/etc/netaudit/conf.d"

/* journald takes a priority before each line; an editor wants file:line:column first. */
static void print_errors(const struct na_config_errors *errors)
{
	const char *prefix = getenv("JOURNAL_STREAM") ? "<3>" : "";
	const char *at = errors->text.data, *end = at + errors->text.length;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		fprintf(stderr, "%s%.*s\n", prefix, (int)(newline - at), at);
		at = newline + 1;
	}
}

static int load_path(struct na_config *config, const char *path, struct na_config_errors *errors)
{
	struct stat status;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return na_config_load_folder(config, path, errors);
	return na_config_load_file(config, path, errors);
}

/* What is not there is no mistake; what cannot be looked at is one, found by loading it. */
static int load_if_there(struct na_config *config, const char *path,
			 struct na_config_errors *errors)
{
	struct stat status;

	if (stat(path, &status) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	return load_path(config, path, errors);
}

/* Goes on after a mistake, so that all are told at once. */
static int load_all(const struct na_cli_config_options *options, struct na_config *config,
		    struct na_config_errors *errors)
{
	int error = 0;

	if (!options->files.count) {
		error = load_if_there(config, DEFAULT_FILE, errors);
		if (error != -ENOMEM)
			error = load_if_there(config, DEFAULT_FOLDER, errors);
	}
	for (size_t i = 0; i < options->files.count && error != -ENOMEM; i++)
		error = load_path(config, options->files.items[i], errors);
	for (size_t i = 0; i < options->assignments.count && error != -ENOMEM; i++)
		error = na_config_set(config, options->assignments.items[i], errors);
	if (!error && !errors->count)
		error = na_config_check(config, errors);
	return error == -ENOMEM || !errors->count ? error : -EINVAL;
}

/* ------------------------------------------------------------------------------------------- */

int na_cli_config(const struct na_cli_config_options *options, struct na_config **ret_config)
{
	struct na_config *config = na_config_new(na_cli_output_types);
	struct na_config_errors errors = {0};
	int error = -ENOMEM;

	if (config) {
		na_config_set_check_output(config, na_cli_check_output);
		error = load_all(options, config, &errors);
	}
	if (error) {
		print_errors(&errors);
		na_config_errors_done(&errors);
		na_config_free(config);
		return error == -ENOMEM ? na_command_out_of_memory() : NA_EXIT_CONFIG;
	}
	na_config_errors_done(&errors);
	na_log_set_level((enum na_log_level)config->log_level);
	*ret_config = config;
	return NA_EXIT_DONE;
}
