/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the bytes of a position are: in a segment's file, in the tail, or no longer anywhere.
 *
 * The tail is asked first for what is in no file yet, and again for what a file has not, or not
 * whole. What the tail gave up is in files: it is listed after its beginning was read, so that no
 * file can be missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "journal/reader_internal.h"

static uint64_t tail_begin(const struct na_reader *reader)
{
	if (reader->tail.fd < 0)
		return 0;
	return atomic_load_explicit(&reader->tail.head->begin, memory_order_acquire);
}

/* Is the position beyond what files hold? */
static bool is_in_tail(const struct na_reader *reader)
{
	return reader->tail.fd >= 0 &&
	       reader->position >=
		       atomic_load_explicit(&reader->tail.head->written, memory_order_acquire);
}

/* Has the tail led from the open file into the next segment? Asking the file is a system call. */
static bool is_behind_file(const struct na_reader *reader)
{
	return reader->segment != NA_READER_NOWHERE && reader->file.fd >= 0 &&
	       reader->segment > reader->file.start;
}

/* Is all read that there is? Another tail, or journal, is na_reader_look_again's to find. */
static bool is_at_tail_end(const struct na_reader *reader)
{
	return reader->tail.fd >= 0 &&
	       reader->position ==
		       atomic_load_explicit(&reader->tail.head->end, memory_order_acquire);
}

static bool from_tail(struct na_reader *reader, const struct na_frame **ret_frame)
{
	int size;

	if (reader->tail.fd < 0)
		return false;
	size = na_tail_read(&reader->tail, reader->position, reader->frame, NA_FRAME_MAX);
	if (size <= 0 || na_frame_check(reader->frame, (size_t)size) < 0)
		return false;
	*ret_frame = (const struct na_frame *)reader->frame;
	return true;
}

static bool is_refused(const struct na_reader *reader, uint64_t start)
{
	for (size_t i = 0; i < reader->refused_count && i < NA_READER_REFUSED_MAX; i++)
		if (reader->refused[i] == start)
			return true;
	return false;
}

/* Not read again; the reason is told once. What is foreign need not have held events. */
static void refuse(struct na_reader *reader, uint64_t start, const char *what, bool foreign)
{
	char name[NA_SEGMENT_FILE_NAME_SIZE];

	reader->refused[reader->refused_count++ % NA_READER_REFUSED_MAX] = start;
	na_segment_file_name(start, name);
	na_segment_file_close(&reader->file);
	if (!foreign)
		na_reader_open_hole(reader, "%s/%s: %s, skipped", reader->path, name, what)->named =
			true;
	else if (!reader->notices++)
		snprintf(reader->notice, sizeof(reader->notice), "%s/%s: %s, skipped", reader->path,
			 name, what);
}

/* 1: the file is open and can be read from its beginning; 0: it cannot; negative errno. */
static int open_file(struct na_reader *reader, uint64_t start)
{
	struct na_frame_head head;
	int error = na_segment_file_open(&reader->file, reader->path, start), kind;

	if (error == -ENOENT) /* deleted since it was listed */
		return 0;
	if (error == -ELOOP || error == -ENXIO) {
		refuse(reader, start, "no regular file", true);
		return 0;
	}
	if (error < 0)
		return error;
	na_buffer_clear(&reader->why);
	kind = na_segment_file_kind(&reader->file, &head, &reader->why);
	na_buffer_append_char(&reader->why, '\0');
	if (na_buffer_error(&reader->why))
		return -ENOMEM;
	if (kind < 0)
		return kind;
	if (kind != NA_SEGMENT_OURS && kind != NA_SEGMENT_EMPTY)
		refuse(reader, start, reader->why.data,
		       kind == NA_SEGMENT_FOREIGN || kind == NA_SEGMENT_MOVED);
	if (kind != NA_SEGMENT_OURS)
		na_segment_file_close(&reader->file);
	return kind == NA_SEGMENT_OURS;
}

/* The position is in this file's stretch: from its beginning on, unless its dictionary is known. */
static int enter(struct na_reader *reader, uint64_t start)
{
	if (reader->segment == start)
		return NA_READER_MOVED;
	reader->blind = false;
	if (reader->position == start)
		return NA_READER_MOVED;
	if (reader->position > reader->skip_to)
		reader->skip_to = reader->position;
	reader->position = start;
	return NA_READER_MOVED;
}

/* Is this the file that ends here? */
static bool is_read(const struct na_reader *reader, uint64_t start)
{
	return (reader->file.fd >= 0 && reader->file.start == start) ||
	       (reader->sealed && reader->segment == start);
}

/* Is `position` in a file that begins in front of it? 0: it is in none; as na_reader_frame. */
static int find_before(struct na_reader *reader)
{
	for (size_t i = na_segment_list_until(&reader->segments, reader->position); i-- > 0;) {
		uint64_t start = reader->segments.starts[i], size;
		int opened;

		if (is_refused(reader, start))
			continue;
		if (is_read(reader, start))
			return 0;
		opened = open_file(reader, start);
		if (opened < 0)
			return opened;
		if (!opened && is_refused(reader, start))
			continue;
		if (!opened)
			return 0;
		if (na_segment_file_size(&reader->file, &size) < 0)
			return -EIO;
		if (size > reader->position - start)
			return enter(reader, start);
		/* Nothing was read yet: all up to the position may be in this file and the tail. */
		return reader->segment == NA_READER_NOWHERE && !reader->blind ? enter(reader, start)
									      : 0;
	}
	return 0;
}

static void jump(struct na_reader *reader, uint64_t position, const char *to)
{
	bool first = !reader->hole.open;

	if (!reader->anywhere)
		na_reader_open_hole(reader,
				    "%s: the stream ends at position %" PRIu64
				    " and goes on at %" PRIu64 ", with %s",
				    reader->path, reader->position, position, to);
	if (first)
		reader->hole.at_end = !reader->sealed && reader->known;
	reader->position = position;
}

/* On to what there is behind the position, if there is anything. */
static int find_behind(struct na_reader *reader, uint64_t begin)
{
	for (size_t i = na_segment_list_until(&reader->segments, reader->position);
	     i < reader->segments.count; i++) {
		uint64_t start = reader->segments.starts[i];
		char name[NA_SEGMENT_FILE_NAME_SIZE];
		int opened;

		if (is_refused(reader, start))
			continue;
		if (begin > reader->position && begin < start)
			break;
		opened = open_file(reader, start);
		if (opened < 0)
			return opened;
		if (!opened)
			continue;
		na_segment_file_name(start, name);
		jump(reader, start, name);
		return NA_READER_MOVED;
	}
	if (begin <= reader->position)
		return -EAGAIN;
	jump(reader, begin, "the tail");
	na_segment_file_close(&reader->file);
	reader->segment = NA_READER_NOWHERE;
	reader->blind = true;
	return NA_READER_MOVED;
}

/*
 * Has the file the frame now? Whoever sees a later segment in the list must look: the writer may
 * have ended this one, and begun that, since its end was read.
 */
static bool has_grown(struct na_reader *reader)
{
	const struct na_frame *frame;

	return reader->file.fd >= 0 && reader->position >= reader->file.start &&
	       !(reader->sealed && reader->segment == reader->file.start) &&
	       na_segment_file_frame(&reader->file, reader->position - reader->file.start,
				     &frame) == 0;
}

/* No byte of the position is at hand: list the files. */
static int locate(struct na_reader *reader)
{
	uint64_t begin = tail_begin(reader); /* before the list is made */
	int error = na_segment_list_read(reader->path, &reader->segments);

	if (error == -ENOENT)
		na_segment_list_done(&reader->segments);
	else if (error < 0)
		return error;
	if (has_grown(reader))
		return NA_READER_MOVED;
	error = find_before(reader);
	if (error)
		return error;
	if (reader->segment == NA_READER_NOWHERE && !reader->blind && reader->tail.fd >= 0 &&
	    begin <= reader->position) {
		/* No file: what can be known is in the tail, from its first HEAD on. */
		reader->blind = true;
		if (reader->position > reader->skip_to)
			reader->skip_to = reader->position;
		reader->position = begin;
		return NA_READER_MOVED;
	}
	return find_behind(reader, begin);
}

/* There is no whole frame behind the damage in this file: on with the next, if there is one. */
static int leave_damaged(struct na_reader *reader, int damage, uint64_t size)
{
	uint64_t offset = reader->position - reader->file.start;
	bool first = !reader->hole.open;
	char name[NA_SEGMENT_FILE_NAME_SIZE];
	int error;

	na_segment_file_name(reader->file.start, name);
	na_reader_open_hole(reader, "%s/%s: %s at offset %" PRIu64, reader->path, name,
			    damage == -EAGAIN ? "cut off" : "damaged", offset);
	if (first)
		reader->hole.at_end = !reader->sealed;
	reader->damaged_at = reader->position;
	reader->damaged_size = size;
	error = locate(reader);
	if (error == -EAGAIN && damage == -EAGAIN && first && !reader->hole.named)
		reader->hole.open = false; /* still being written, or cut off by a crash */
	return error;
}

/* A frame of the file is not whole: what is whole behind it, in this file or in the next. */
static int pass_damage(struct na_reader *reader, int damage, uint64_t size)
{
	uint64_t offset = reader->position - reader->file.start, found = 0;
	const struct na_frame *frame;
	char name[NA_SEGMENT_FILE_NAME_SIZE];
	int error;

	if (reader->damaged_at == reader->position && reader->damaged_size == size)
		return locate(reader);
	error = na_segment_file_search(&reader->file, offset, &found);
	if (error < 0 && error != -ENOENT)
		return error;
	/* It may have been in the middle of being written: what came behind it meanwhile is no
	 * proof. */
	if (na_segment_file_frame(&reader->file, offset, &frame) == 0)
		return NA_READER_MOVED;
	if (error == -ENOENT)
		return leave_damaged(reader, damage, size);
	na_segment_file_name(reader->file.start, name);
	na_reader_open_hole(reader, "%s/%s: damaged from offset %" PRIu64 " to %" PRIu64,
			    reader->path, name, offset, found);
	reader->position = reader->file.start + found;
	return NA_READER_MOVED;
}

/* The file has not got it and neither has the tail. */
static int without_frame(struct na_reader *reader, int damage)
{
	uint64_t size;
	int error = na_segment_file_size(&reader->file, &size);

	if (error < 0)
		return error;
	if (damage == -EBADMSG || size > reader->position - reader->file.start)
		return pass_damage(reader, damage, size);
	return locate(reader);
}

static bool has_journal(const struct na_reader *reader, const uint8_t journal[16])
{
	return memcmp(reader->journal, journal, sizeof(reader->journal)) == 0;
}

/* Is the segment at that place of the list of another journal than the one that is read? */
static bool is_others(struct na_reader *reader, size_t i)
{
	struct na_frame_head head;

	if (na_segment_file_open(&reader->file, reader->path, reader->segments.starts[i]) < 0)
		return false;
	na_buffer_clear(&reader->why);
	return na_segment_file_kind(&reader->file, &head, &reader->why) == NA_SEGMENT_OURS &&
	       !has_journal(reader, head.journal);
}

/*
 * Has no file come or gone since the last look? One that changed less than a second before that
 * says nothing: its time may have stood still in between.
 */
static bool is_folder_same(struct na_reader *reader)
{
	uint64_t now_ns = na_clock_wall_ns(), changed_ns;
	struct stat now = {0}, before = reader->folder;

	if (stat(reader->path, &now) < 0)
		now.st_ino = 0;
	changed_ns = (uint64_t)now.st_ctim.tv_sec * NA_NS_PER_SEC + (uint64_t)now.st_ctim.tv_nsec;
	reader->folder = now;
	if (now_ns < changed_ns + NA_NS_PER_SEC)
		reader->folder.st_ino = 0;
	return before.st_ino && now.st_ino == before.st_ino && now.st_dev == before.st_dev &&
	       now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	       now.st_ctim.tv_nsec == before.st_ctim.tv_nsec;
}

/*
 * A journal that begins anew in front of the position; where. On a cloned machine the same stream
 * goes on under another name: then the oldest segment, or the newest, is known. Uses `file`.
 */
static bool is_replaced(struct na_reader *reader, uint64_t *ret_begin)
{
	bool same = is_folder_same(reader);
	size_t count;

	if (!reader->known ||
	    (!same && na_segment_list_read(reader->path, &reader->segments) == -ENOMEM))
		return false;
	count = reader->segments.count;
	if (!count) {
		*ret_begin = tail_begin(reader);
		return reader->tail.fd >= 0 && *ret_begin < reader->position &&
		       !has_journal(reader, reader->tail.head->journal);
	}
	*ret_begin = reader->segments.starts[0];
	return !same && *ret_begin < reader->position && is_others(reader, 0) &&
	       is_others(reader, count - 1);
}

static bool is_other_tail(const struct na_reader *reader)
{
	struct stat now, before;

	if (stat(reader->tail_path, &now) < 0)
		return false; /* what we have mapped is still as good as it was */
	return reader->tail.fd < 0 || fstat(reader->tail.fd, &before) < 0 ||
	       now.st_ino != before.st_ino || now.st_dev != before.st_dev;
}

/* ------------------------------------------------------------------------------------------- */

struct na_reader_hole *na_reader_open_hole(struct na_reader *reader, const char *format, ...)
{
	struct na_reader_hole *hole = &reader->hole;
	va_list arguments;

	if (hole->open) {
		hole->interrupted = true;
		return hole;
	}
	*hole = (struct na_reader_hole){
		.open = true, .interrupted = true, .first = reader->expected};
	va_start(arguments, format);
	vsnprintf(hole->reason, sizeof(hole->reason), format, arguments);
	va_end(arguments);
	return hole;
}

int na_reader_frame(struct na_reader *reader, const struct na_frame **ret_frame)
{
	bool ready = reader->segment != NA_READER_NOWHERE || reader->blind;
	int error;

	if (ready && is_at_tail_end(reader))
		return -EAGAIN;
	if (ready && (is_in_tail(reader) || is_behind_file(reader)) && from_tail(reader, ret_frame))
		return 0;
	if (reader->file.fd < 0 || reader->position < reader->file.start)
		return ready && from_tail(reader, ret_frame) ? 0 : locate(reader);
	if (reader->sealed && reader->segment == reader->file.start)
		return from_tail(reader, ret_frame) ? 0 : locate(reader);
	error = na_segment_file_frame(&reader->file, reader->position - reader->file.start,
				      ret_frame);
	if (error != -EAGAIN && error != -EBADMSG)
		return error;
	if (ready && from_tail(reader, ret_frame))
		return 0;
	return without_frame(reader, error);
}

int na_reader_look_again(struct na_reader *reader)
{
	uint64_t begin;
	int result = -EAGAIN;

	if (reader->tail_path && is_other_tail(reader)) {
		struct na_tail tail;

		if (na_tail_open(reader->tail_path, &tail) == 0) {
			na_tail_close(&reader->tail);
			reader->tail = tail;
			result = NA_READER_MOVED;
		}
	}
	na_segment_file_close(&reader->file);
	if (!is_replaced(reader, &begin)) {
		na_segment_file_close(&reader->file);
		return result;
	}
	na_segment_file_close(&reader->file);
	reader->position = reader->skip_to = begin;
	reader->segment = NA_READER_NOWHERE;
	reader->known = reader->blind = reader->sealed = false;
	reader->anywhere = true;
	reader->refused_count = 0;
	reader->expected = 0;
	return NA_READER_MOVED;
}
