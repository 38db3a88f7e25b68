/* SPDX-License-Identifier: Apache-2.0 */
/* Marks in their file. */
#include "ship/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc32c.h"

#define MARK_MAGIC UINT64_C(0x316b72616d616e) /* "namark1" */
#define SLOT_BYTES 512                        /* a sector each: one torn write hurts one slot */

struct slot {
	uint64_t magic;
	struct na_mark mark;
	uint32_t crc; /* of all in front of it */
	uint32_t zero;
};

_Static_assert(sizeof(struct slot) <= SLOT_BYTES, "slots do not overlap");

/* ------------------------------------------------------------------------------------------- */

int na_mark_load(struct na_mark_file *file, const uint8_t journal[16], uint64_t position,
		 struct na_mark *ret_mark)
{
	NA_CLOSE int fd = open(file->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (unsigned int i = 0; i < 2; i++) {
		struct slot slot;
		ssize_t count = pread(fd, &slot, sizeof(slot), (off_t)i * SLOT_BYTES);

		if (count < 0)
			return -errno;
		if (count != sizeof(slot) || slot.magic != MARK_MAGIC ||
		    slot.crc != na_crc32c(0, &slot, offsetof(struct slot, crc)))
			continue;
		if (slot.mark.position != position ||
		    memcmp(slot.mark.journal, journal, sizeof(slot.mark.journal)) != 0)
			continue;
		file->slot = i;
		*ret_mark = slot.mark;
		return 0;
	}
	return -ENOENT;
}

int na_mark_store(const struct na_mark_file *file, const struct na_mark *mark)
{
	NA_CLOSE int fd = open(file->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	struct slot slot = {.magic = MARK_MAGIC, .mark = *mark};
	ssize_t count;

	if (fd < 0)
		return -errno;
	slot.crc = na_crc32c(0, &slot, offsetof(struct slot, crc));
	count = pwrite(fd, &slot, sizeof(slot), (off_t)(file->slot ^ 1) * SLOT_BYTES);
	if (count < 0)
		return -errno;
	return count == sizeof(slot) ? 0 : -ENOSPC;
}

const struct na_mark *na_mark_earlier(const struct na_mark *one, const struct na_mark *other)
{
	/* Positions of two journals do not compare; then `one` is the one that was there first. */
	if (memcmp(one->journal, other->journal, sizeof(one->journal)) != 0)
		return one;
	return one->position <= other->position ? one : other;
}
