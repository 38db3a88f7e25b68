/* SPDX-License-Identifier: Apache-2.0 */
/* -c and --set, which every command takes that reads the configuration. Main thread. */
#ifndef NA_CLI_OPTIONS_H
#define NA_CLI_OPTIONS_H

#include <stddef.h>

#include "cli/usage.h"
#include "config/config.h"

struct na_cli_config_options {
	struct na_usage_list files, assignments;
};

/* The rows of a command's table; `member` is its struct na_cli_config_options in `type`. */
#define NA_CLI_CONFIG_OPTIONS(type, member)                                                        \
	{"config",                                                                                 \
	 'c',                                                                                      \
	 NA_USAGE_LIST,                                                                            \
	 "FILE",                                                                                   \
	 offsetof(type, member.files),                                                             \
	 "configuration, a file or a folder of *.yaml, instead of /etc/netaudit"},                 \
	{                                                                                          \
		"set", 0, NA_USAGE_LIST, "KEY=VALUE", offsetof(type, member.assignments),          \
			"one value over the files, as --set log.level=debug"                       \
	}

/*
 * Loads what -c names, else /etc/netaudit/netaudit.yaml and conf.d/ where they exist, then --set.
 * NA_EXIT_DONE: *ret_config is the caller's, and the log level is set. Otherwise an exit code, and
 * every mistake has been printed to stderr.
 */
int na_cli_config(const struct na_cli_config_options *options, struct na_config **ret_config);

#endif
