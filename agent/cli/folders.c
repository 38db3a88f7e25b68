/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of files to be made. */
#include "cli/folders.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------------------------------- */

int na_folders_make_above(const char *path)
{
	char above[PATH_MAX];

	if (!*path || strlen(path) >= sizeof(above))
		return -ENAMETOOLONG;
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
		/* A read-only file system says so even where the folder is there. */
		if (mkdir(above, 0755) < 0 && errno != EEXIST && errno != EROFS)
			return -errno;
	}
	return 0;
}
