/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors of outputs that are configured no more. */
#include "ship/retire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define SUFFIX ".cursor"
#define UNUSED ".cursor.unused"

static bool has_output(const char *name, size_t length, const struct na_ship_output *outputs,
		       size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (outputs[i].common->name.length == length &&
		    memcmp(outputs[i].common->name.data, name, length) == 0)
			return true;
	return false;
}

static void retire(int folder, const char *file, const struct na_ship_output *outputs, size_t count)
{
	size_t length = strlen(file), suffix = strlen(SUFFIX);
	char unused[NAME_MAX + sizeof(UNUSED)];

	if (length <= suffix || strcmp(file + length - suffix, SUFFIX) != 0 ||
	    has_output(file, length - suffix, outputs, count))
		return;
	snprintf(unused, sizeof(unused), "%.*s" UNUSED, (int)(length - suffix), file);
	if (renameat(folder, file, folder, unused) == 0)
		na_log_notice("output %.*s is configured no more: the journal is not kept for it",
			      (int)(length - suffix), file);
}

static void bring_back(int folder, const char *name)
{
	char used[NAME_MAX + sizeof(SUFFIX)], unused[NAME_MAX + sizeof(UNUSED)];

	snprintf(used, sizeof(used), "%s" SUFFIX, name);
	snprintf(unused, sizeof(unused), "%s" UNUSED, name);
	if (faccessat(folder, used, F_OK, 0) < 0 && errno == ENOENT)
		renameat(folder, unused, folder, used);
}

/* ------------------------------------------------------------------------------------------- */

int na_ship_retire(const char *folder, const struct na_ship_output *outputs, size_t count)
{
	NA_CLOSEDIR DIR *opened = opendir(folder);
	struct dirent *entry;

	if (!opened)
		return -errno;
	while ((entry = readdir(opened)))
		retire(dirfd(opened), entry->d_name, outputs, count);
	for (size_t i = 0; i < count; i++)
		bring_back(dirfd(opened), outputs[i].common->name.data);
	return 0;
}
