/* SPDX-License-Identifier: Apache-2.0 */
/* The room for the journal's tail. */
#include "cli/tail_size.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/log.h"

#define UNIT (UINT64_C(1) << 20)
#define BLOCK 512 /* of st_blocks */

/* ------------------------------------------------------------------------------------------- */

uint64_t na_tail_fitting(const char *path, uint64_t size)
{
	NA_FREE char *copy = strdup(path);
	struct statvfs system;
	struct stat there;
	uint64_t room;

	if (!copy || statvfs(dirname(copy), &system) < 0)
		return size; /* the tail's own error says why */
	room = (uint64_t)system.f_bavail * system.f_frsize;
	if (stat(path, &there) == 0)
		room += (uint64_t)there.st_blocks * BLOCK;
	room = room / 2 & ~(UNIT - 1);
	if (!room)
		room = UNIT;
	if (size <= room)
		return size;
	na_log_warning("journal.tail_size is more than half of what is free at %s: %llu MiB are "
		       "used",
		       path, (unsigned long long)(room / UNIT));
	return room;
}
