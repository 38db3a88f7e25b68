/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generations are written to the two slots in turn. Each store opens the file anew: after a failed
 * fdatasync nothing is known of what a descriptor has written, so the slot is written again through
 * another one.
 */
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/fault.h"
#include "journal/segment.h"
#include "journal/slots.h"

static const struct na_slots slots = {
	.magic = UINT64_C(0x746174732d616e31),
	.version = 1,
	.distance = 4096,
	.size = sizeof(struct na_state),
	.generation = offsetof(struct na_state, generation),
	.strict = true, /* the older one would give numbers again */
};

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
	int place = fd < 0 ? -errno : na_slots_load(fd, &slots, ret_state);

	return place < 0 ? place : 0;
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
	bool made;
	NA_CLOSE int fd = open_file(folder, group, &made);
	int error;

	if (fd < 0)
		return fd;
	na_fault("state.write");
	error = na_slots_store(fd, &slots, loaded->generation % 2, loaded);
	if (error < 0)
		return error;
	na_fault("state.sync");
	if (fdatasync(fd) < 0 || (made && fsync(folder) < 0))
		return -errno;
	na_fault("state.done");
	return 0;
}
