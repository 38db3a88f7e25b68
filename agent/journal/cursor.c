/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors: slots in sectors of their own, replaced in turn. */
#include "journal/cursor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/slots.h"

#define SUFFIX ".cursor"

/* A folder of the shipping process may hold anything: looking at it ends here. */
#define ENTRIES_MAX 4096

struct record {
	uint64_t generation;
	uint8_t journal[16];
	uint64_t position, sequence, own;
};

static const struct na_slots slots = {
	.magic = UINT64_C(0x726f73727563616e), /* "nacursor" */
	.version = 1,
	.distance = 512,
	.size = sizeof(struct record),
	.generation = offsetof(struct record, generation),
};

/* Links, pipes and devices are never opened for what they lead to. */
static int open_cursor(int folder, const char *name)
{
	NA_CLOSE int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	return S_ISREG(status.st_mode) ? NA_TAKE_FD(fd) : -ELOOP;
}

static int load(int folder, const char *name, struct na_cursor *ret_cursor)
{
	NA_CLOSE int fd = open_cursor(folder, name);
	struct record record;
	int place = fd < 0 ? fd : na_slots_load(fd, &slots, &record);

	if (place < 0)
		return place;
	*ret_cursor = (struct na_cursor){
		.position = record.position, .sequence = record.sequence, .own = record.own};
	memcpy(ret_cursor->journal, record.journal, sizeof(ret_cursor->journal));
	return 0;
}

/* After the file was made its name must be as durable as what it holds. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	NA_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	NA_CLOSE int fd = -1;

	if (!folder)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static bool is_cursor_name(const char *name)
{
	size_t length = strlen(name), suffix = strlen(SUFFIX);

	return length > suffix && strcmp(name + length - suffix, SUFFIX) == 0;
}

/* What one file of the folder needs. Other than damage, only a file that is not one is no need. */
static uint64_t needed_by(int folder, const char *name, const uint8_t journal[16])
{
	struct na_cursor cursor;
	int error = load(folder, name, &cursor);

	if (error == -ENOENT || error == -ELOOP)
		return UINT64_MAX;
	if (error < 0)
		return 0;
	return memcmp(cursor.journal, journal, 16) == 0 ? cursor.position : UINT64_MAX;
}

/* ------------------------------------------------------------------------------------------- */

int na_cursor_load(const char *path, struct na_cursor *ret_cursor, struct na_buffer *why)
{
	int error = load(AT_FDCWD, path, ret_cursor);

	if (error == -EBADMSG)
		na_buffer_printf(why, "%s: both slots are damaged", path);
	else if (error < 0)
		na_buffer_printf(why, "%s: %s", path, strerrordesc_np(-error));
	return error;
}

int na_cursor_store(const char *path, const struct na_cursor *cursor, bool sync)
{
	NA_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	struct record record = {0};
	int place = fd < 0 ? -errno : na_slots_load(fd, &slots, &record), error;

	if (place < 0 && place != -EBADMSG)
		return place;
	record = (struct record){.generation = record.generation + 1,
				 .position = cursor->position,
				 .sequence = cursor->sequence,
				 .own = cursor->own};
	memcpy(record.journal, cursor->journal, sizeof(record.journal));
	error = na_slots_store(fd, &slots, place == 0, &record);
	if (error < 0 || !sync)
		return error;
	if (fdatasync(fd) < 0)
		return -errno;
	return place < 0 ? sync_folder(path) : 0;
}

uint64_t na_cursor_lowest(const char *folder, const uint8_t journal[16])
{
	NA_CLOSEDIR DIR *opened = NULL;
	uint64_t lowest = UINT64_MAX;
	struct dirent *entry;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? UINT64_MAX : 0;
	opened = fdopendir(fd);
	if (!opened) {
		close(fd);
		return 0;
	}
	for (unsigned int i = 0; (entry = readdir(opened)); i++) {
		uint64_t needed;

		if (i >= ENTRIES_MAX)
			return 0;
		if (!is_cursor_name(entry->d_name))
			continue;
		needed = needed_by(fd, entry->d_name, journal);
		if (needed < lowest)
			lowest = needed;
	}
	return lowest;
}
