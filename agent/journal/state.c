/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two slots, written in turn. Each store opens the file anew: after a failed fdatasync nothing is
 * known of what a descriptor has written, so the slot is written again through another one.
 */
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "journal/fault.h"
#include "journal/segment.h"

#define SLOT_SIZE 4096
#define MAGIC UINT64_C(0x746174732d616e31)
#define VERSION 1u

struct slot {
	uint64_t magic;
	uint32_t version;
	uint32_t crc; /* of `state` */
	struct na_state state;
};

_Static_assert(sizeof(struct slot) <= SLOT_SIZE, "a slot is a page");

static bool load_slot(int fd, unsigned int place, struct na_state *state)
{
	struct slot slot;

	if (pread(fd, &slot, sizeof(slot), (off_t)place * SLOT_SIZE) != sizeof(slot) ||
	    slot.magic != MAGIC || slot.version != VERSION ||
	    slot.crc != na_crc32c(0, &slot.state, sizeof(slot.state)))
		return false;
	*state = slot.state;
	return true;
}

static int open_file(int folder, int group, bool *ret_made)
{
	int fd = openat(folder, NA_STATE_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	*ret_made = fd < 0 && errno == ENOENT;
	if (!*ret_made)
		return fd < 0 ? -errno : fd;
	fd = openat(folder, NA_STATE_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	na_segment_share(fd, 0640, group);
	return fd;
}

/* ------------------------------------------------------------------------------------------- */

int na_state_load(int folder, struct na_state *ret_state)
{
	NA_CLOSE int fd = openat(folder, NA_STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct na_state states[2];
	bool whole[2];

	if (fd < 0)
		return -errno;
	for (unsigned int i = 0; i < 2; i++)
		whole[i] = load_slot(fd, i, &states[i]);
	if (!whole[0] && !whole[1])
		return -EBADMSG;
	if (whole[0] && whole[1])
		whole[0] = states[0].generation > states[1].generation;
	*ret_state = states[whole[0] ? 0 : 1];
	return 0;
}

int na_state_store(int folder, struct na_state *state, int group)
{
	struct na_state next = *state;
	int error;

	next.generation++;
	error = na_state_confirm(folder, &next, group);
	if (error < 0)
		return error;
	*state = next;
	return 0;
}

int na_state_confirm(int folder, const struct na_state *loaded, int group)
{
	struct slot slot = {.magic = MAGIC, .version = VERSION, .state = *loaded};
	bool made;
	NA_CLOSE int fd = open_file(folder, group, &made);
	int error;

	if (fd < 0)
		return fd;
	slot.crc = na_crc32c(0, &slot.state, sizeof(slot.state));
	na_fault("state.write");
	error = na_segment_write(fd, loaded->generation % 2 * SLOT_SIZE, &slot, sizeof(slot));
	if (error < 0)
		return error;
	na_fault("state.sync");
	if (fdatasync(fd) < 0 || (made && fsync(folder) < 0))
		return -errno;
	na_fault("state.done");
	return 0;
}
