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

/* With its folder a file that is renamed into its place can be opened too; but not all there is. */
static void add_folder(struct na_cli_paths *paths, const char *path, enum na_sandbox_access access)
{
	NA_FREE char *copy = strdup(path);
	const char *folder = copy ? dirname(copy) : "";

	na_cli_paths_add(paths, folder[0] == '/' && folder[1] ? folder : path, access);
	paths->failed |= !copy;
}

/*
 * What is written is made, rotated and removed in its folder. What is read is replaced there: by
 * renaming, or where the path is a link, by another target beside the one of now.
 */
static void take(void *context, const char *path, enum na_output_access access)
{
	struct na_cli_paths *paths = context;
	NA_FREE char *target = realpath(path, NULL);

	if (access == NA_OUTPUT_WRITES) {
		add_folder(paths, path, NA_SANDBOX_WRITE);
		return;
	}
	add_folder(paths, path, NA_SANDBOX_READ);
	if (target && strcmp(target, path) != 0)
		add_folder(paths, target, NA_SANDBOX_READ);
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
