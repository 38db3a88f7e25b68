/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a sandbox lets through. Main thread. */
#ifndef NA_CLI_PATHS_H
#define NA_CLI_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "guard/sandbox.h"

/* All 0 is an empty list. */
struct na_cli_paths {
	struct na_sandbox_path *items; /* with their paths; for na_sandbox_enter */
	size_t count, size;
	bool failed; /* there was no memory: the list is not whole */
};

void na_cli_paths_done(struct na_cli_paths *paths);

/* The path is copied. */
void na_cli_paths_add(struct na_cli_paths *paths, const char *path, enum na_sandbox_access access);

/* The folders of what the output reads and writes; of a link's target as well. */
void na_cli_paths_add_output(struct na_cli_paths *paths, const struct na_config_output *output);

#endif
