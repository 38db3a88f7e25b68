/* SPDX-License-Identifier: Apache-2.0 */
/* Segments as files: names, whole reads and writes, heads, and a walk over all frames. */
#include "journal/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/decoder.h"
#include "journal/journal.h"

#define SUFFIX ".segment"
#define SCAN_BYTES (2 * NA_FRAME_MAX)

/* The position that a name says. */
static bool parse_name(const char *name, uint64_t *ret_position)
{
	uint64_t position = 0;

	if (strlen(name) != 16 + strlen(SUFFIX) || strcmp(name + 16, SUFFIX) != 0)
		return false;
	for (const char *at = name; at < name + 16; at++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, *at);

		if (!digit)
			return false;
		position = position << 4 | (uint64_t)(digit - digits);
	}
	*ret_position = position;
	return true;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct na_segment *)a)->position;
	uint64_t y = ((const struct na_segment *)b)->position;

	return (x > y) - (x < y);
}

static void count_event(struct na_segment_scan *scan, const struct na_frame *frame)
{
	uint64_t sequence = ((const struct na_frame_event *)frame)->sequence;

	if (frame->size < sizeof(struct na_frame_event))
		return;
	if (!scan->events++)
		scan->first_sequence = sequence;
	scan->last_sequence = sequence;
}

/* Goes over the whole frames of `data`. Bytes passed; *ret_bad: what follows is no frame. */
static size_t scan_frames(struct na_segment_scan *scan, const char *data, size_t length,
			  uint64_t from, bool *ret_bad)
{
	size_t passed = 0;

	while (passed < length) {
		const struct na_frame *frame = (const struct na_frame *)(data + passed);
		int error = na_frame_check(frame, length - passed);

		/* A second HEAD begins another segment: it is not of this file. */
		*ret_bad = error == -EBADMSG ||
			   (!error && (frame->kind == NA_FRAME_HEAD) != (scan->valid == 0));
		if (error || *ret_bad)
			break;
		if (frame->kind == NA_FRAME_EVENT && scan->valid >= from)
			count_event(scan, frame);
		passed += frame->size;
		scan->valid += frame->size;
	}
	return passed;
}

static int add_file(int folder, struct na_segments *segments, uint64_t position, const char *name,
		    bool ours, const struct na_frame_head *head)
{
	struct na_segment *segment;
	struct stat status;

	if (!ours || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		segments->foreign++;
		memcpy(segments->foreign_name, name, NA_SEGMENT_NAME_SIZE);
		return 0;
	}
	segment = na_segments_add(segments);
	if (!segment)
		return -ENOMEM;
	*segment = (struct na_segment){
		.position = position,
		.first_sequence = head->first_sequence,
		.bytes = (uint64_t)status.st_size,
		.epoch = head->epoch,
	};
	memcpy(segment->journal, head->journal, sizeof(segment->journal));
	return 0;
}

static int look_at(int folder, const char *name,
		   bool (*is_ours)(void *context, const uint8_t journal[16]), void *context,
		   struct na_segments *segments)
{
	struct na_frame_head head;
	uint64_t position;
	bool ours;

	if (!parse_name(name, &position))
		return 0;
	NA_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (position > segments->seen)
		segments->seen = position;
	ours = fd >= 0 && na_segment_head(fd, position, &head) == 0 &&
	       is_ours(context, head.journal);
	return add_file(folder, segments, position, name, ours, &head);
}

/* ------------------------------------------------------------------------------------------- */

void na_segment_name(uint64_t position, char name[NA_SEGMENT_NAME_SIZE])
{
	for (int i = 15; i >= 0; i--, position >>= 4)
		name[i] = "0123456789abcdef"[position & 15];
	memcpy(name + 16, SUFFIX, sizeof(SUFFIX));
}

void na_segment_share(int fd, unsigned int mode, int group)
{
	/* Without the right to give it away it stays with who made it, and nobody else reads. */
	if (group >= 0 && fchown(fd, (uid_t)-1, (gid_t)group) < 0)
		mode &= ~070u;
	if (fchmod(fd, mode) < 0)
		return;
}

void na_segment_allocate(int fd, uint64_t offset, uint64_t size)
{
	/* What it cannot do, the write cannot either, and says so. */
	(void)fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
}

int na_segment_write(int fd, uint64_t offset, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t part =
			pwrite(fd, (const char *)data + done, size - done, (off_t)(offset + done));

		if (part < 0 && errno != EINTR)
			return -errno;
		if (part == 0)
			return -EIO;
		done += part > 0 ? (size_t)part : 0;
	}
	return 0;
}

int na_segment_read(int fd, uint64_t offset, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t part = pread(fd, (char *)data + done, size - done, (off_t)(offset + done));

		if (part < 0 && errno != EINTR)
			return -errno;
		if (part == 0)
			return -EIO;
		done += part > 0 ? (size_t)part : 0;
	}
	return 0;
}

int na_segment_head(int fd, uint64_t position, struct na_frame_head *ret_head)
{
	struct na_frame_head head;
	int error = na_segment_read(fd, 0, &head, sizeof(head));

	if (error < 0)
		return error == -EIO ? -EBADMSG : error;
	if (head.frame.kind != NA_FRAME_HEAD || head.frame.size != sizeof(head) ||
	    na_frame_check(&head, sizeof(head)) < 0 || head.position != position ||
	    memcmp(head.magic, NA_JOURNAL_MAGIC, sizeof(head.magic)) != 0)
		return -EBADMSG;
	*ret_head = head;
	return 0;
}

int na_segment_scan(int fd, uint64_t from, struct na_segment_scan *ret_scan)
{
	struct na_segment_scan scan = {0};
	NA_FREE char *data = malloc(SCAN_BYTES);
	size_t held = 0;
	bool bad = false;

	if (!data)
		return -ENOMEM;
	while (!bad) {
		ssize_t part =
			pread(fd, data + held, SCAN_BYTES - held, (off_t)(scan.valid + held));
		size_t passed;

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -errno;
		if (part == 0)
			break;
		held += (size_t)part;
		passed = scan_frames(&scan, data, held, from, &bad);
		memmove(data, data + passed, held - passed);
		held -= passed;
	}
	scan.ended = !bad && held == 0;
	*ret_scan = scan;
	return 0;
}

int na_segments_load(int folder, bool (*is_ours)(void *context, const uint8_t journal[16]),
		     void *context, struct na_segments *ret_segments)
{
	struct na_segments segments = {0};
	NA_CLOSE int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	NA_CLOSEDIR DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int error = 0;

	if (!stream)
		return -errno;
	(void)NA_TAKE_FD(fd);
	while (!error && (entry = readdir(stream)))
		error = look_at(folder, entry->d_name, is_ours, context, &segments);
	if (error < 0) {
		na_segments_done(&segments);
		return error;
	}
	if (segments.count)
		qsort(segments.items, segments.count, sizeof(*segments.items), compare);
	*ret_segments = segments;
	return 0;
}

void na_segments_done(struct na_segments *segments)
{
	free(segments->items);
	*segments = (struct na_segments){0};
}

struct na_segment *na_segments_add(struct na_segments *segments)
{
	if (segments->count == segments->size) {
		size_t size = segments->size ? 2 * segments->size : 16;
		void *items = realloc(segments->items, size * sizeof(*segments->items));

		if (!items)
			return NULL;
		segments->items = items;
		segments->size = size;
	}
	segments->items[segments->count] = (struct na_segment){0};
	return &segments->items[segments->count++];
}

void na_segments_remove(struct na_segments *segments, size_t index)
{
	segments->count--;
	memmove(segments->items + index, segments->items + index + 1,
		(segments->count - index) * sizeof(*segments->items));
}
