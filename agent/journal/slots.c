/* SPDX-License-Identifier: Apache-2.0 */
/* Two slots, read and written whole. */
#include "journal/slots.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"

struct slot {
	uint64_t magic;
	uint32_t version;
	uint32_t crc; /* of the record */
	char record[NA_SLOTS_SIZE_MAX];
};

#define HEAD_SIZE offsetof(struct slot, record)

/* All of it. -EBADMSG: the file ends before. */
static int read_at(int fd, void *data, size_t length, off_t offset)
{
	for (size_t got = 0; got < length;) {
		ssize_t count = pread(fd, (char *)data + got, length - got, offset + (off_t)got);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0)
			return -EBADMSG;
		got += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

static int write_at(int fd, const void *data, size_t length, off_t offset)
{
	for (size_t done = 0; done < length;) {
		ssize_t count =
			pwrite(fd, (const char *)data + done, length - done, offset + (off_t)done);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0)
			return -EIO;
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

static int load_slot(int fd, const struct na_slots *slots, unsigned int place, struct slot *slot)
{
	int error = read_at(fd, slot, HEAD_SIZE + slots->size, (off_t)(place * slots->distance));

	if (error < 0)
		return error;
	return slot->magic == slots->magic && slot->version == slots->version &&
			       slot->crc == na_crc32c(0, slot->record, slots->size)
		       ? 0
		       : -EBADMSG;
}

static uint64_t generation_of(const struct na_slots *slots, const struct slot *slot)
{
	uint64_t generation;

	memcpy(&generation, slot->record + slots->generation, sizeof(generation));
	return generation;
}

static void check(const struct na_slots *slots)
{
	assert(slots->size <= NA_SLOTS_SIZE_MAX && HEAD_SIZE + slots->size <= slots->distance &&
	       slots->generation + sizeof(uint64_t) <= slots->size);
}

/* ------------------------------------------------------------------------------------------- */

int na_slots_load(int fd, const struct na_slots *slots, void *ret_record)
{
	struct slot both[2];
	int errors[2], place;

	check(slots);
	for (unsigned int i = 0; i < 2; i++)
		errors[i] = load_slot(fd, slots, i, &both[i]);
	for (int i = 0; i < 2 && slots->strict; i++)
		if (errors[i] < 0 && errors[i] != -EBADMSG)
			return errors[i];
	if (errors[0] < 0 && errors[1] < 0)
		return errors[0] == -EBADMSG ? errors[1] : errors[0];
	place = errors[0] < 0;
	if (!errors[0] && !errors[1])
		place = generation_of(slots, &both[1]) > generation_of(slots, &both[0]);
	memcpy(ret_record, both[place].record, slots->size);
	return place;
}

int na_slots_store(int fd, const struct na_slots *slots, unsigned int place, const void *record)
{
	struct slot slot = {.magic = slots->magic, .version = slots->version};

	check(slots);
	memcpy(slot.record, record, slots->size);
	slot.crc = na_crc32c(0, slot.record, slots->size);
	return write_at(fd, &slot, HEAD_SIZE + slots->size, (off_t)(place * slots->distance));
}
