/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a journal's folder. pread and no map: a file that is truncated must not end us. */
#include "journal/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/decoder.h"

#define SUFFIX ".segment"
#define DIGITS 16

/* At least two frames: a search that stands at any of them sees it whole. */
#define WINDOW_SIZE (2 * NA_FRAME_MAX)

/*
 * Bytes that a search takes checksums of: among hostile bytes each could begin a frame of
 * NA_FRAME_MAX. Honest ones need their own size.
 */
#define SEARCH_CHECK_MAX (4 * NA_SEGMENT_SEARCH_MAX)

static bool parse_name(const char *name, uint64_t *ret_start)
{
	uint64_t start = 0;

	if (strlen(name) != DIGITS + strlen(SUFFIX) || strcmp(name + DIGITS, SUFFIX) != 0)
		return false;
	for (size_t i = 0; i < DIGITS; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, name[i]);

		if (!digit)
			return false;
		start = start << 4 | (uint64_t)(digit - digits);
	}
	*ret_start = start;
	return start % NA_FRAME_ALIGN == 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int add(struct na_segment_list *segments, uint64_t start)
{
	if (segments->count >= NA_SEGMENT_LIST_MAX)
		return -E2BIG;
	if ((segments->count & (segments->count - 1)) == 0) { /* a power of two: it is full */
		size_t room = segments->count ? 2 * segments->count : 64;
		uint64_t *starts = segments->count && segments->count < 64
					   ? segments->starts
					   : realloc(segments->starts, room * sizeof(*starts));

		if (!starts)
			return -ENOMEM;
		segments->starts = starts;
	}
	segments->starts[segments->count++] = start;
	return 0;
}

static int add_all(DIR *folder, struct na_segment_list *segments)
{
	struct dirent *entry;
	uint64_t start;
	int error = 0;

	errno = 0;
	while (!error && (entry = readdir(folder))) {
		if (parse_name(entry->d_name, &start))
			error = add(segments, start);
		errno = 0;
	}
	return error ? error : -errno;
}

static int fill(struct na_segment_file *file, uint64_t offset)
{
	uint64_t end = file->window_offset + file->window_length;
	size_t kept = 0;
	ssize_t count;

	if (offset >= file->window_offset && offset < end) {
		kept = (size_t)(end - offset);
		memmove(file->window, file->window + (offset - file->window_offset), kept);
	}
	file->window_offset = offset;
	file->window_length = kept;
	do
		count = pread(file->fd, file->window + kept, WINDOW_SIZE - kept,
			      (off_t)(offset + kept));
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	file->window_length += (size_t)count;
	return count == 0 ? -EAGAIN : 0;
}

/* Bytes of the window from `offset` on. */
static size_t within(const struct na_segment_file *file, uint64_t offset)
{
	uint64_t end = file->window_offset + file->window_length;

	return offset >= file->window_offset && offset < end ? (size_t)(end - offset) : 0;
}

static const struct na_frame *at(const struct na_segment_file *file, uint64_t offset)
{
	return (const struct na_frame *)(file->window + (offset - file->window_offset));
}

/* Cheap, before a checksum is taken: nearly nothing that is no frame looks like one. */
static bool is_plausible(const struct na_frame *frame)
{
	return frame->size >= sizeof(*frame) && frame->size <= NA_FRAME_MAX &&
	       frame->size % NA_FRAME_ALIGN == 0 && frame->padding < NA_FRAME_ALIGN &&
	       frame->kind != NA_FRAME_NONE && frame->zero == 0;
}

static int judge_head(struct na_segment_file *file, const struct na_frame_head *head,
		      struct na_buffer *why)
{
	if (memcmp(head->magic, NA_JOURNAL_MAGIC, sizeof(head->magic)) != 0) {
		na_buffer_append_string(why, "not a segment of netaudit");
		return NA_SEGMENT_FOREIGN;
	}
	if (head->layout > NA_JOURNAL_LAYOUT) {
		na_buffer_printf(why,
				 "layout %" PRIu32
				 " is newer than %d, the newest that this version reads",
				 head->layout, NA_JOURNAL_LAYOUT);
		return NA_SEGMENT_NEWER;
	}
	if (head->frame.kind != NA_FRAME_HEAD || head->frame.size < sizeof(*head)) {
		na_buffer_append_string(why, "damaged at offset 0: no head");
		return NA_SEGMENT_DAMAGED;
	}
	if (head->position == file->start)
		return NA_SEGMENT_OURS;
	na_buffer_printf(why, "its head says that it is %016" PRIx64 SUFFIX, head->position);
	return NA_SEGMENT_MOVED;
}

/* The first frame is not whole: is this ours all the same? */
static int judge_damaged(const struct na_segment_file *file, bool ends, struct na_buffer *why)
{
	const struct na_frame_head *head = (const struct na_frame_head *)file->window;
	bool ours = file->window_length >= sizeof(*head) &&
		    memcmp(head->magic, NA_JOURNAL_MAGIC, sizeof(head->magic)) == 0;

	if (ends && (ours || file->window_length < sizeof(*head)))
		return NA_SEGMENT_EMPTY;
	na_buffer_append_string(why, ours ? "damaged at offset 0: its head"
					  : "not a segment of netaudit");
	return ours ? NA_SEGMENT_DAMAGED : NA_SEGMENT_FOREIGN;
}

/* ------------------------------------------------------------------------------------------- */

int na_segment_list_read(const char *path, struct na_segment_list *segments)
{
	NA_CLOSEDIR DIR *folder = opendir(path);
	struct na_segment_list found = {0};
	int error = folder ? add_all(folder, &found) : -errno;

	if (error < 0) {
		na_segment_list_done(&found);
		return error;
	}
	if (found.count)
		qsort(found.starts, found.count, sizeof(*found.starts), compare);
	na_segment_list_done(segments);
	*segments = found;
	return 0;
}

void na_segment_list_done(struct na_segment_list *segments)
{
	free(segments->starts);
	*segments = (struct na_segment_list){0};
}

size_t na_segment_list_until(const struct na_segment_list *segments, uint64_t position)
{
	size_t low = 0, high = segments->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (segments->starts[middle] <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void na_segment_file_name(uint64_t start, char ret_name[NA_SEGMENT_FILE_NAME_SIZE])
{
	snprintf(ret_name, NA_SEGMENT_FILE_NAME_SIZE, "%016" PRIx64 SUFFIX, start);
}

void na_segment_file_init(struct na_segment_file *file)
{
	*file = (struct na_segment_file){.fd = -1};
}

void na_segment_file_done(struct na_segment_file *file)
{
	na_segment_file_close(file);
	free(NA_TAKE_POINTER(file->window));
}

int na_segment_file_open(struct na_segment_file *file, const char *folder, uint64_t start)
{
	NA_CLOSE int in = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	char name[NA_SEGMENT_FILE_NAME_SIZE];
	struct stat status;

	if (in < 0)
		return -errno;
	na_segment_file_name(start, name);
	fd = openat(in, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ELOOP;
	if (!file->window && !(file->window = malloc(WINDOW_SIZE)))
		return -ENOMEM;
	na_segment_file_close(file);
	file->fd = NA_TAKE_FD(fd);
	file->start = start;
	return 0;
}

void na_segment_file_close(struct na_segment_file *file)
{
	na_cleanup_fd(&file->fd);
	file->fd = -1;
	file->window_length = 0;
}

int na_segment_file_frame(struct na_segment_file *file, uint64_t offset,
			  const struct na_frame **ret_frame)
{
	for (;;) {
		size_t length = within(file, offset);
		int error = length ? na_frame_check(at(file, offset), length) : -EAGAIN;

		if (error == -EAGAIN && length < NA_FRAME_MAX) {
			error = fill(file, offset);
			if (!error)
				continue;
		}
		if (!error)
			*ret_frame = at(file, offset);
		return error;
	}
}

int na_segment_file_search(struct na_segment_file *file, uint64_t offset, uint64_t *ret_offset)
{
	uint64_t end = offset + NA_SEGMENT_SEARCH_MAX, checked = 0;

	for (offset += NA_FRAME_ALIGN; offset < end && checked < SEARCH_CHECK_MAX;
	     offset += NA_FRAME_ALIGN) {
		const struct na_frame *frame;
		int error = 0;

		while (!error && within(file, offset) < sizeof(*frame))
			error = fill(file, offset);
		if (error < 0)
			return error == -EAGAIN ? -ENOENT : error;
		if (!is_plausible(at(file, offset)))
			continue;
		checked += at(file, offset)->size;
		error = na_segment_file_frame(file, offset, &frame);
		if (!error)
			*ret_offset = offset;
		if (error != -EAGAIN && error != -EBADMSG) /* found, or cannot be read */
			return error;
	}
	return -ENOENT;
}

int na_segment_file_size(const struct na_segment_file *file, uint64_t *ret_size)
{
	struct stat status;

	if (fstat(file->fd, &status) < 0)
		return -errno;
	*ret_size = (uint64_t)status.st_size;
	return 0;
}

int na_segment_file_kind(struct na_segment_file *file, struct na_frame_head *ret_head,
			 struct na_buffer *why)
{
	const struct na_frame *frame;
	int error = na_segment_file_frame(file, 0, &frame), kind;

	if (error == -EAGAIN || error == -EBADMSG)
		return judge_damaged(file, error == -EAGAIN, why);
	if (error < 0)
		return error;
	if (frame->size < sizeof(*ret_head)) {
		na_buffer_append_string(why, "not a segment of netaudit");
		return NA_SEGMENT_FOREIGN;
	}
	kind = judge_head(file, (const struct na_frame_head *)frame, why);
	memcpy(ret_head, frame, sizeof(*ret_head));
	return kind;
}
