/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors. The slots lie in different sectors, so that a write that is torn spoils one of them
 * only; the valid one with the higher generation counts.
 */
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
#include "base/crc32c.h"

#define SLOT_DISTANCE 512
#define SLOT_COUNT 2
#define SUFFIX ".cursor"

/* A folder of the shipping process may hold anything: looking at it ends here. */
#define ENTRIES_MAX 4096

struct slot {
	char magic[8];
	uint32_t version;
	uint32_t crc; /* of what follows */
	uint64_t generation;
	uint8_t journal[16];
	uint64_t position, sequence, own;
};

#define CRC_BEGIN offsetof(struct slot, generation)

static const char magic[8] = "nacursor";

struct slots {
	struct slot at[SLOT_COUNT];
	bool valid[SLOT_COUNT];
};

static uint32_t slot_crc(const struct slot *slot)
{
	return na_crc32c(0, (const char *)slot + CRC_BEGIN, sizeof(*slot) - CRC_BEGIN);
}

static bool is_valid(const struct slot *slot)
{
	return memcmp(slot->magic, magic, sizeof(magic)) == 0 && slot->version == 1 &&
	       slot->crc == slot_crc(slot);
}

static ssize_t read_at(int fd, void *data, size_t length, off_t offset)
{
	size_t got = 0;

	while (got < length) {
		ssize_t count = pread(fd, (char *)data + got, length - got, offset + (off_t)got);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		got += (size_t)count;
	}
	return (ssize_t)got;
}

static int write_at(int fd, const void *data, size_t length, off_t offset)
{
	size_t done = 0;

	while (done < length) {
		ssize_t count =
			pwrite(fd, (const char *)data + done, length - done, offset + (off_t)done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		done += (size_t)count;
	}
	return 0;
}

static int read_slots(int fd, struct slots *ret_slots)
{
	struct slots slots = {0};

	for (int i = 0; i < SLOT_COUNT; i++) {
		ssize_t got =
			read_at(fd, &slots.at[i], sizeof(slots.at[i]), (off_t)i * SLOT_DISTANCE);

		if (got < 0)
			return (int)got;
		slots.valid[i] = got == sizeof(slots.at[i]) && is_valid(&slots.at[i]);
	}
	*ret_slots = slots;
	return 0;
}

/* The place of the valid slot that is newest; -1: none is valid. */
static int newest(const struct slots *slots)
{
	if (slots->valid[0] && slots->valid[1])
		return slots->at[1].generation > slots->at[0].generation;
	if (slots->valid[0])
		return 0;
	return slots->valid[1] ? 1 : -1;
}

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
	struct slots slots = {0};
	int error = fd < 0 ? fd : read_slots(fd, &slots), place;

	if (error < 0)
		return error;
	place = newest(&slots);
	if (place < 0)
		return -EBADMSG;
	*ret_cursor = (struct na_cursor){.position = slots.at[place].position,
					 .sequence = slots.at[place].sequence,
					 .own = slots.at[place].own};
	memcpy(ret_cursor->journal, slots.at[place].journal, sizeof(ret_cursor->journal));
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
	struct slot slot = {.version = 1,
			    .position = cursor->position,
			    .sequence = cursor->sequence,
			    .own = cursor->own};
	struct slots slots = {0};
	int error = fd < 0 ? -errno : read_slots(fd, &slots), place;

	if (error < 0)
		return error;
	place = newest(&slots);
	slot.generation = place < 0 ? 1 : slots.at[place].generation + 1;
	memcpy(slot.magic, magic, sizeof(slot.magic));
	memcpy(slot.journal, cursor->journal, sizeof(slot.journal));
	slot.crc = slot_crc(&slot);
	error = write_at(fd, &slot, sizeof(slot), (off_t)(place == 0) * SLOT_DISTANCE);
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
