/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a sandbox lets through. */
#include "cli/paths.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "output.h"

static int grow(struct na_cli_paths *paths)
{
	size_t size = paths->size ? paths->size * 2 : 16;
	struct na_sandbox_path *items;

	if (paths->count < paths->size)
		return 0;
	items = realloc(paths->items, size * sizeof(*items));
	if (!items)
		return -ENOMEM;
	paths->items = items;
	paths->size = size;
	return 0;
}

/* What is written is made, rotated and removed in its folder. */
static void take(void *context, const char *path, enum na_output_access access)
{
	NA_FREE char *copy = strdup(path);

	if (!copy)
		((struct na_cli_paths *)context)->failed = true;
	else if (access == NA_OUTPUT_WRITES)
		na_cli_paths_add(context, dirname(copy), NA_SANDBOX_WRITE);
	else
		na_cli_paths_add(context, copy, NA_SANDBOX_READ);
}

/* ------------------------------------------------------------------------------------------- */

void na_cli_paths_done(struct na_cli_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free((char *)paths->items[i].path);
	free(paths->items);
	*paths = (struct na_cli_paths){0};
}

void na_cli_paths_add(struct na_cli_paths *paths, const char *path, enum na_sandbox_access access)
{
	NA_FREE char *copy = strdup(path);

	if (!copy || grow(paths) < 0)
		paths->failed = true;
	else
		paths->items[paths->count++] =
			(struct na_sandbox_path){NA_TAKE_POINTER(copy), access};
}

void na_cli_paths_add_output(struct na_cli_paths *paths, const struct na_config_output *output)
{
	if (output->type->paths)
		output->type->paths(output->options, take, paths);
}
