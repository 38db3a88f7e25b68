/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Late facts: before an event is handed out, what lies behind it is looked through for them, to the
 * end of the next segment or of what there is. Entries and facts of the event's segment are learned
 * on the way; in the next segment only facts count that say they are of the one before. The place
 * that was reached stays, so each frame is looked at once for a segment, and then once for the
 * next.
 *
 * Whether more may come is known from the tail's page: `settled` is a number, and the writer gives
 * no fact to events in front of it any more. It says in each fact which events may have it, so a
 * reader that comes later gives it to the same ones. Segments whose HEAD lacks NA_HEAD_LATE are
 * read without all this.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/reader_internal.h"

static bool is_of_tail(const struct na_reader *reader)
{
	return reader->tail.fd >= 0 &&
	       memcmp(reader->tail.head->journal, reader->journal, sizeof(reader->journal)) == 0;
}

/* Does its writer run, and say of the event that facts may come? */
static bool is_open(const struct na_reader *reader, uint64_t sequence)
{
	const struct na_tail_head *head = reader->tail.head;

	return reader->settled && is_of_tail(reader) && head->epoch == reader->epoch &&
	       !head->closed &&
	       atomic_load_explicit(&head->settled, memory_order_acquire) <= sequence;
}

/* -ESTALE: it is in a file, if anywhere. */
static int from_tail(struct na_reader *reader, const struct na_frame **ret_frame)
{
	struct na_reader_ahead *ahead = &reader->ahead;
	int size;

	if (!is_of_tail(reader))
		return -ESTALE;
	if (!ahead->frame && !(ahead->frame = malloc(NA_FRAME_MAX)))
		return -ENOMEM;
	size = na_tail_read(&reader->tail, ahead->position, ahead->frame, NA_FRAME_MAX);
	if (size <= 0)
		return size ? size : -EAGAIN;
	*ret_frame = (const struct na_frame *)ahead->frame;
	return na_frame_check(ahead->frame, (size_t)size) < 0 ? -EBADMSG : 0;
}

/* The file that has the position, or, where that ends, the one that begins there. */
static int from_file(struct na_reader *reader, const struct na_frame **ret_frame)
{
	struct na_reader_ahead *ahead = &reader->ahead;
	int error = 0;

	if (ahead->dry)
		return -EAGAIN;
	if (ahead->file.fd < 0 || ahead->file.start != ahead->segment)
		error = na_segment_file_open(&ahead->file, reader->path, ahead->segment);
	if (!error)
		error = na_segment_file_frame(&ahead->file, ahead->position - ahead->segment,
					      ret_frame);
	if (error == -EAGAIN) {
		error = na_segment_file_open(&ahead->file, reader->path, ahead->position);
		if (!error)
			error = na_segment_file_frame(&ahead->file, 0, ret_frame);
	}
	ahead->dry = error == -EAGAIN || error == -ENOENT;
	return ahead->dry ? -EAGAIN : error;
}

/* The next segment: of the same writer, which went on without a stop? */
static void take_head(struct na_reader *reader, const struct na_frame *frame)
{
	struct na_reader_ahead *ahead = &reader->ahead;
	const struct na_frame_head *head = (const struct na_frame_head *)frame;

	if (ahead->next || frame->size < sizeof(*head) || head->position != ahead->position ||
	    head->epoch != reader->epoch ||
	    memcmp(head->journal, reader->journal, sizeof(head->journal)) != 0) {
		ahead->ended = true;
		return;
	}
	ahead->segment = head->position;
	ahead->next = head->first_sequence;
}

static bool is_of_segment(const struct na_reader_ahead *ahead, const struct na_frame *frame)
{
	const struct na_frame_late *late = (const struct na_frame_late *)frame;

	if (!ahead->next)
		return frame->kind != NA_FRAME_EVENT;
	return frame->kind == NA_FRAME_LATE && frame->size >= sizeof(*late) &&
	       late->first_sequence < ahead->next;
}

/* All that is there. 0; -ENOMEM, or that it cannot be read now. */
static int look(struct na_reader *reader)
{
	struct na_reader_ahead *ahead = &reader->ahead;
	const struct na_frame *frame;

	while (!ahead->ended) {
		int error = from_tail(reader, &frame);

		if (error == -ESTALE)
			error = from_file(reader, &frame);
		if (error == -EAGAIN)
			return 0;
		if (error == -EBADMSG || error == -ELOOP) {
			ahead->ended = true; /* what is behind it is not known to follow */
			return 0;
		}
		if (error < 0)
			return error;
		if (frame->kind == NA_FRAME_HEAD)
			take_head(reader, frame);
		else if (is_of_segment(ahead, frame) &&
			 na_decoder_take(reader->decoder, frame, &reader->why) == -ENOMEM)
			return -ENOMEM;
		ahead->position += frame->size;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_reader_look_ahead(struct na_reader *reader, uint64_t sequence)
{
	struct na_reader_ahead *ahead = &reader->ahead;
	bool open;
	int error;

	if (!(na_decoder_head(reader->decoder)->flags & NA_HEAD_LATE))
		return 1;
	open = is_open(reader, sequence); /* first: then all that was told so is there */
	if (ahead->position < reader->position) {
		na_reader_ahead_forget(ahead);
		ahead->position = reader->position;
		ahead->segment = reader->segment;
	}
	error = look(reader);
	if (error < 0)
		return error;
	ahead->holding = open && !ahead->ended;
	ahead->held = sequence;
	return !ahead->holding;
}

void na_reader_ahead_forget(struct na_reader_ahead *ahead)
{
	na_segment_file_close(&ahead->file);
	ahead->position = ahead->next = 0;
	ahead->ended = ahead->dry = ahead->holding = false;
}

bool na_reader_ahead_moved(const struct na_reader *reader)
{
	const struct na_reader_ahead *ahead = &reader->ahead;

	return atomic_load_explicit(&reader->tail.head->end, memory_order_acquire) >
		       ahead->position ||
	       !is_open(reader, ahead->held);
}
