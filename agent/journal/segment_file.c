/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment that is being written, as a file.
 *
 * After a failed fdatasync the kernel marks pages clean that are not on disk, so that a second
 * one on the same file would lie. The file is then *condemned*: its bytes up to `kept`, which an
 * earlier sync covered, are read back, the others are still in the tail, and a new file of both
 * takes its name.
 */
#include "journal/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/fault.h"
#include "journal/retention.h"

#define COPY_BYTES 262144

/* A file of that name may be what we began before a kill; anything else is moved aside. */
static int open_existing(struct na_store *store, const char *name, const struct na_frame_head *head)
{
	NA_CLOSE int fd = openat(store->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	NA_CLEANUP(na_buffer_done) struct na_buffer aside = {0};
	struct na_frame_head there = {0};
	ssize_t size = fd < 0 ? -1 : pread(fd, &there, sizeof(there), 0);

	if (size >= 0 && memcmp(&there, head, (size_t)size) == 0 && ftruncate(fd, 0) == 0)
		return NA_TAKE_FD(fd);
	na_buffer_printf(&aside, "%s.foreign", name);
	na_buffer_append_char(&aside, '\0');
	if (na_buffer_error(&aside))
		return -ENOMEM;
	if (renameat(store->folder, name, store->folder, aside.data) < 0)
		return -errno;
	return -EAGAIN;
}

static int create_file(struct na_store *store, const struct na_frame_head *head)
{
	char name[NA_SEGMENT_NAME_SIZE];
	int fd;

	na_segment_name(head->position, name);
	fd = openat(store->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0) {
		na_segment_share(fd, 0640, store->options.group);
		return fd;
	}
	return errno == EEXIST ? open_existing(store, name, head) : -errno;
}

/* From the old file, then from the tail. *ret_unreadable: it was the old file that failed. */
static int copy_bytes(struct na_store *store, int to, uint64_t start, bool *ret_unreadable)
{
	uint64_t kept = store->tail.head->kept, written = store->tail.head->written;
	uint64_t from_file = kept > start ? kept - start : 0;
	NA_FREE char *data = malloc(COPY_BYTES);
	int error = data ? 0 : -ENOMEM;

	for (uint64_t at = 0; !error && at < from_file;) {
		size_t part = from_file - at < COPY_BYTES ? (size_t)(from_file - at) : COPY_BYTES;

		error = na_segment_read(store->fd, at, data, part);
		*ret_unreadable = error < 0;
		if (!error)
			error = na_segment_write(to, at, data, part);
		at += part;
	}
	if (error < 0)
		return error;
	return na_segment_write(to, from_file, na_tail_at(&store->tail, start + from_file),
				(size_t)(written - start - from_file));
}

static int replace_file(struct na_store *store, int fd, const char *temporary, const char *name)
{
	na_fault("remake.sync");
	if (fdatasync(fd) < 0) {
		store->sync_errors++;
		return -errno;
	}
	na_fault("remake.rename");
	if (renameat(store->folder, temporary, store->folder, name) < 0 || fsync(store->folder) < 0)
		return -errno;
	close(store->fd);
	store->fd = fd;
	store->condemned = false;
	atomic_store(&store->tail.head->syncing, 0);
	store->synced = store->tail.head->written;
	na_store_move(store, &store->tail.head->kept, store->synced);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_segment_file_begin(struct na_store *store, uint64_t position)
{
	const struct na_frame_head *head =
		(const struct na_frame_head *)na_tail_at(&store->tail, position);
	struct na_segment *segment;
	int fd, error;

	error = na_retention_make_room(store, store->options.segment_size);
	if (error < 0)
		return error;
	segment = na_segments_add(&store->segments);
	if (!segment)
		return -ENOMEM;
	na_fault("create");
	fd = create_file(store, head);
	na_fault("create.done");
	/* The name must last before what is in it counts as kept. */
	if (fd >= 0 && fsync(store->folder) < 0) {
		int sync_error = -errno;

		close(fd);
		fd = sync_error;
	}
	if (fd < 0) {
		na_segments_remove(&store->segments, store->segments.count - 1);
		return fd;
	}
	*segment = (struct na_segment){
		.position = position,
		.first_sequence = head->first_sequence,
		.epoch = head->epoch,
	};
	memcpy(segment->journal, head->journal, sizeof(segment->journal));
	store->fd = fd;
	return 0;
}

int na_segment_file_remake(struct na_store *store)
{
	size_t index = store->segments.count - 1;
	uint64_t start = store->segments.items[index].position;
	char name[NA_SEGMENT_NAME_SIZE], temporary[NA_SEGMENT_NAME_SIZE + 4];
	bool unreadable = false;
	NA_CLOSE int fd = -1;
	int error;

	na_segment_name(start, name);
	memcpy(temporary, name, sizeof(name) - 1);
	memcpy(temporary + sizeof(name) - 1, ".tmp", 5);
	fd = openat(store->folder, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0640);
	if (fd < 0)
		return -errno;
	na_segment_share(fd, 0640, store->options.group);
	error = copy_bytes(store, fd, start, &unreadable);
	if (!error)
		error = replace_file(store, fd, temporary, name);
	if (!error) {
		(void)NA_TAKE_FD(fd);
		return 0;
	}
	unlinkat(store->folder, temporary, 0);
	if (!unreadable)
		return error;
	na_store_lose(store, index, NA_JOURNAL_DAMAGED);
	store->segments.items[index].damaged = true;
	store->condemned = false;
	store->skipping = true;
	atomic_store(&store->roll, true);
	return 0;
}
