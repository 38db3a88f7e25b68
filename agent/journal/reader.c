/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal as one sequence of events. reader_source.c finds the frame at a position; this file
 * makes of frames events and gaps.
 *
 * A *hole* opens where something cannot be read: at the stream's interruption, or at an event that
 * cannot be decoded because its dictionary was damaged. How many events are missing is known from
 * the sequence number that comes next, so it is told then, or at the end of what there is.
 *
 * Numbers that are skipped where the stream is whole are no gap of the reader: the journal had no
 * room for these events, and says so itself by events_lost. The same holds where a segment without
 * its end is followed by one of the next epoch: the machine crashed between them, the new writer
 * knew up to where the old one had come and names what may be missing.
 *
 * A segment can be decoded from its beginning only. After a seek its frames are taken from there,
 * and events in front of `skip_to` are passed over undecoded.
 */
#include "journal/reader.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/reader_internal.h"

/* na_reader_next goes on. */
#define CONTINUE (-1000000)

/* How long the reader sleeps where nobody wakes it; and another journal is noticed within that. */
#define POLL_NS (NA_NS_PER_SEC / 4)
#define LOOK_NS NA_NS_PER_SEC

static void pass(struct na_reader *reader, const struct na_frame *frame)
{
	reader->position += frame->size;
}

static int tell(struct na_reader *reader, uint64_t first, uint64_t last,
		struct na_reader_item *ret_item)
{
	struct na_reader_gap *gap = &ret_item->gap;

	*gap = (struct na_reader_gap){first, last, .position = na_reader_position(reader)};
	memcpy(gap->reason, reader->hole.reason, sizeof(gap->reason));
	return NA_READER_GAP;
}

/* The hole ends in front of `sequence`. A GAP, or CONTINUE when nothing is to be told. */
static int close_hole(struct na_reader *reader, uint64_t sequence, struct na_reader_item *ret_item)
{
	struct na_reader_hole *hole = &reader->hole;
	uint64_t last = hole->interrupted ? sequence - 1 : hole->last;

	if (!hole->open)
		return CONTINUE;
	hole->open = false;
	reader->expected = sequence;
	if (reader->position < reader->skip_to)
		return CONTINUE;
	if (sequence > hole->first && sequence > 1)
		return tell(reader, hole->first, last, ret_item);
	return hole->named ? tell(reader, 0, 0, ret_item) : CONTINUE;
}

/* END, or CONTINUE with another journal or tail. */
static int look_again(struct na_reader *reader)
{
	reader->ahead.dry = false;
	if (!reader->recheck)
		return NA_READER_END;
	reader->recheck = false;
	return na_reader_look_again(reader) == NA_READER_MOVED ? CONTINUE : NA_READER_END;
}

/* Nothing more is there now, so nothing will tell how much the hole has. */
static int at_end(struct na_reader *reader, struct na_reader_item *ret_item)
{
	struct na_reader_hole *hole = &reader->hole;

	if (look_again(reader) == CONTINUE)
		return CONTINUE;
	/* The position that was asked for is not reached: what comes from now on was not there. */
	if (reader->position < reader->skip_to)
		reader->skip_to = reader->position;
	if (!hole->open)
		return NA_READER_END;
	hole->open = false;
	if (hole->interrupted)
		return tell(reader, hole->first, 0, ret_item);
	return tell(reader, hole->first, hole->last, ret_item);
}

static bool is_same_journal(const struct na_reader *reader, const struct na_frame_head *head)
{
	return reader->known && memcmp(reader->journal, head->journal, sizeof(head->journal)) == 0;
}

/* Did the machine crash between the two segments, so that the writer tells what is missing? */
static bool is_after_crash(const struct na_reader *reader, const struct na_frame_head *head)
{
	return reader->hole.at_end && !reader->hole.named && is_same_journal(reader, head) &&
	       head->epoch == reader->epoch + 1;
}

static int end_hole_at_head(struct na_reader *reader, const struct na_frame_head *head,
			    struct na_reader_item *ret_item)
{
	if (!reader->hole.open)
		return CONTINUE;
	if (is_after_crash(reader, head)) {
		reader->hole.open = false;
		return CONTINUE;
	}
	if (reader->known && !is_same_journal(reader, head)) { /* its numbers say nothing */
		reader->hole.open = false;
		return tell(reader, reader->hole.first, 0, ret_item);
	}
	return close_hole(reader, head->first_sequence, ret_item);
}

static void enter_segment(struct na_reader *reader, const struct na_frame_head *head)
{
	reader->segment = reader->position;
	reader->sealed = reader->blind = reader->anywhere = false;
	reader->known = true;
	memcpy(reader->journal, head->journal, sizeof(reader->journal));
	reader->epoch = head->epoch;
	reader->expected = head->first_sequence;
	reader->version++;
	na_reader_ahead_forget(&reader->ahead);
}

/* What the decoder said, where it cannot be decoded. */
static const char *why(struct na_reader *reader)
{
	na_buffer_append_char(&reader->why, '\0');
	return na_buffer_error(&reader->why) ? "" : reader->why.data;
}

static int refuse_head(struct na_reader *reader, const struct na_frame *frame, const char *reason)
{
	na_reader_open_hole(reader, "%s: segment at position %" PRIu64 ": %s", reader->path,
			    reader->position, reason)
		->named = true;
	reader->segment = NA_READER_NOWHERE;
	reader->blind = true;
	pass(reader, frame);
	return CONTINUE;
}

static int take_head(struct na_reader *reader, const struct na_frame *frame,
		     struct na_reader_item *ret_item)
{
	const struct na_frame_head *head = (const struct na_frame_head *)frame;
	char newer[64];
	int error;

	if (frame->size < sizeof(*head) || head->position != reader->position)
		return refuse_head(reader, frame, "a head that is out of place");
	if (head->layout > NA_JOURNAL_LAYOUT) {
		snprintf(newer, sizeof(newer), "layout %" PRIu32 " is newer than %d, skipped",
			 head->layout, NA_JOURNAL_LAYOUT);
		return refuse_head(reader, frame, newer);
	}
	error = end_hole_at_head(reader, head, ret_item);
	if (error != CONTINUE)
		return error; /* the head comes again */
	error = na_decoder_take(reader->decoder, frame, &reader->why);
	if (error == -EBADMSG)
		return refuse_head(reader, frame, why(reader));
	if (error < 0)
		return error;
	enter_segment(reader, head);
	pass(reader, frame);
	return CONTINUE;
}

/* An entry of the dictionary, or something that is newer than this version. */
static int take_other(struct na_reader *reader, const struct na_frame *frame)
{
	int error = 0;

	if (reader->segment != NA_READER_NOWHERE && reader->position >= reader->ahead.position)
		error = na_decoder_take(reader->decoder, frame, &reader->why);
	if (error == -EBADMSG) /* events that need it cannot be decoded: they make the hole */
		error = 0;
	if (error < 0)
		return error;
	if (frame->kind == NA_FRAME_SEAL)
		reader->sealed = reader->segment != NA_READER_NOWHERE;
	pass(reader, frame);
	return CONTINUE;
}

static int lose(struct na_reader *reader, const struct na_frame *frame, const char *reason)
{
	const struct na_frame_event *event = (const struct na_frame_event *)frame;
	struct na_reader_hole *hole = &reader->hole;
	bool first = !hole->open;

	if (first) {
		reader->expected = event->sequence;
		na_reader_open_hole(reader, "%s: event at position %" PRIu64 ": %s", reader->path,
				    reader->position, reason);
		hole->interrupted = false;
	}
	hole->last = event->sequence;
	reader->expected = event->sequence + 1;
	pass(reader, frame);
	return CONTINUE;
}

static bool is_wanted(const struct na_reader *reader, const struct na_frame *frame)
{
	enum na_event_type type;

	if (!reader->wanted)
		return true;
	type = na_decoder_type(reader->decoder, frame);
	return type == NA_EVENT_COUNT ||
	       reader->wanted(reader->context, type, (const struct na_frame_event *)frame);
}

static void fill(const struct na_reader *reader, const struct na_frame *frame,
		 struct na_reader_item *item)
{
	item->position = reader->position;
	item->next = reader->position + frame->size;
	item->sequence = ((const struct na_frame_event *)frame)->sequence;
	memcpy(item->journal, reader->journal, sizeof(item->journal));
	item->epoch = reader->epoch;
	item->parts = na_decoder_parts(reader->decoder);
	item->constants = na_decoder_constants(reader->decoder);
}

static int take_event(struct na_reader *reader, const struct na_frame *frame,
		      struct na_reader_item *ret_item)
{
	const struct na_frame_event *event = (const struct na_frame_event *)frame;
	bool wanted;
	int error;

	if (frame->size < sizeof(*event))
		return take_other(reader, frame);
	if (reader->position < reader->skip_to) {
		reader->hole.open = false;
		reader->expected = event->sequence + 1;
		pass(reader, frame);
		return CONTINUE;
	}
	if (reader->segment == NA_READER_NOWHERE)
		return lose(reader, frame, "its segment's beginning is gone");
	wanted = is_wanted(reader, frame);
	error = wanted ? na_reader_look_ahead(reader, event->sequence) : 1;
	if (error <= 0)
		return error < 0 ? error : look_again(reader);
	error = wanted ? na_decoder_event(reader->decoder, frame, &ret_item->event, &reader->why)
		       : 0;
	if (error == -EBADMSG || error == -ENOTSUP)
		return lose(reader, frame,
			    error == -EBADMSG ? why(reader)
					      : "of a type that this version does not know");
	if (error < 0)
		return error;
	error = close_hole(reader, event->sequence, ret_item);
	if (error != CONTINUE)
		return error; /* the event comes again */
	if (wanted)
		fill(reader, frame, ret_item);
	reader->expected = event->sequence + 1;
	pass(reader, frame);
	return wanted ? NA_READER_EVENT : CONTINUE;
}

static int tell_notice(struct na_reader *reader, struct na_reader_item *ret_item)
{
	struct na_reader_gap *gap = &ret_item->gap;

	*gap = (struct na_reader_gap){.position = na_reader_position(reader)};
	if (reader->notices > 1)
		snprintf(gap->reason, sizeof(gap->reason), "%.170s (and %u more)", reader->notice,
			 reader->notices - 1);
	else
		memcpy(gap->reason, reader->notice, sizeof(gap->reason));
	reader->notices = 0;
	return NA_READER_GAP;
}

static int step(struct na_reader *reader, struct na_reader_item *ret_item)
{
	const struct na_frame *frame;
	int error = na_reader_frame(reader, &frame);

	reader->ahead.holding = false;
	if (reader->notices)
		return tell_notice(reader, ret_item);
	if (error == NA_READER_MOVED)
		return CONTINUE;
	if (error == -EAGAIN)
		return at_end(reader, ret_item);
	if (error < 0)
		return error;
	na_buffer_clear(&reader->why);
	switch (frame->kind) {
	case NA_FRAME_HEAD:
		return take_head(reader, frame, ret_item);
	case NA_FRAME_EVENT:
		return take_event(reader, frame, ret_item);
	default:
		return take_other(reader, frame);
	}
}

static void forget(struct na_reader *reader, uint64_t position)
{
	na_segment_file_close(&reader->file);
	reader->position = reader->skip_to = position;
	reader->segment = NA_READER_NOWHERE;
	reader->sealed = reader->blind = reader->anywhere = reader->known = false;
	reader->expected = 0;
	reader->hole.open = false;
	reader->damaged_at = NA_READER_NOWHERE;
	reader->recheck = true;
	na_reader_ahead_forget(&reader->ahead);
}

/* No tail is no mistake: there is one while an agent runs. */
static void open_tail(struct na_reader *reader)
{
	if (reader->tail_path && reader->tail.fd < 0 &&
	    na_tail_open(reader->tail_path, &reader->tail) < 0)
		reader->tail.fd = -1;
}

static int list(struct na_reader *reader)
{
	int error = na_segment_list_read(reader->path, &reader->segments);

	open_tail(reader);
	if (error != -ENOENT)
		return error;
	na_segment_list_done(&reader->segments);
	return 0;
}

static uint64_t first_position(const struct na_reader *reader)
{
	if (reader->segments.count)
		return reader->segments.starts[0];
	return reader->tail.fd < 0
		       ? 0
		       : atomic_load_explicit(&reader->tail.head->begin, memory_order_acquire);
}

/* The newest time of a segment's events; UINT64_MAX: not known without reading all of it. */
static int newest_time(struct na_segment_file *file, uint64_t *ret_wall_ns)
{
	const struct na_frame_seal *seal;
	const struct na_frame *frame;
	uint64_t size;
	int error = na_segment_file_size(file, &size);

	if (error < 0)
		return error;
	if (size < sizeof(*seal))
		return -EAGAIN;
	error = na_segment_file_frame(file, size - sizeof(*seal), &frame);
	if (error < 0)
		return error;
	if (frame->kind != NA_FRAME_SEAL || frame->size != sizeof(*seal))
		return -EAGAIN;
	seal = (const struct na_frame_seal *)frame;
	*ret_wall_ns = seal->wall_ns;
	return 0;
}

/* Of one that has no end: its frames tell. Damage in it may hide anything. */
static bool may_hold(struct na_segment_file *file, uint64_t wall_ns)
{
	const struct na_frame *frame;
	uint64_t offset = 0, newest;
	int error;

	if (newest_time(file, &newest) == 0)
		return newest >= wall_ns;
	while ((error = na_segment_file_frame(file, offset, &frame)) == 0) {
		const struct na_frame_event *event = (const struct na_frame_event *)frame;

		if (frame->kind == NA_FRAME_EVENT && frame->size >= sizeof(*event) &&
		    event->wall_ns >= wall_ns)
			return true;
		offset += frame->size;
	}
	return error != -EAGAIN;
}

static bool has_more(const struct na_reader *reader)
{
	if (reader->ahead.holding)
		return na_reader_ahead_moved(reader);
	return atomic_load_explicit(&reader->tail.head->end, memory_order_acquire) >
	       reader->position;
}

/* What the reader sleeps on. Not FUTEX_PRIVATE: the tail's writer is another process. */
static _Atomic uint32_t *wait_word(struct na_reader *reader)
{
	return reader->tail.fd >= 0 ? &reader->tail.head->moved : &reader->woken;
}

static void fall_asleep(struct na_reader *reader, uint64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NA_NS_PER_SEC),
				   .tv_nsec = (long)(timeout_ns % NA_NS_PER_SEC)};
	uint32_t seen;

	if (reader->tail.fd >= 0) {
		seen = atomic_load_explicit(&reader->tail.head->moved, memory_order_acquire);
		if (!has_more(reader))
			na_tail_wait(&reader->tail, seen, timeout_ns);
		return;
	}
	/* inotify would be one more system call that the shipping process needs. */
	syscall(SYS_futex, &reader->woken, FUTEX_WAIT, 0, &timeout, NULL, 0);
}

/* Goes on in the newest file where it ended the last time. */
static void read_last_file(struct na_reader *reader)
{
	struct na_segment_file *file = &reader->last_file;
	uint64_t newest;
	const struct na_frame *frame;

	if (list(reader) < 0 || !reader->segments.count)
		return;
	newest = reader->segments.starts[reader->segments.count - 1];
	if (file->fd < 0 || file->start != newest) {
		if (na_segment_file_open(file, reader->path, newest) < 0)
			return;
		reader->last_offset = 0;
	}
	while (na_segment_file_frame(file, reader->last_offset, &frame) == 0) {
		const struct na_frame_head *head = (const struct na_frame_head *)frame;
		const struct na_frame_event *event = (const struct na_frame_event *)frame;

		if (frame->kind == NA_FRAME_HEAD && frame->size >= sizeof(*head))
			reader->last_sequence = head->first_sequence - 1;
		if (frame->kind == NA_FRAME_EVENT && frame->size >= sizeof(*event))
			reader->last_sequence = event->sequence;
		reader->last_offset += frame->size;
	}
}

static int allocate(const struct na_reader_options *options, struct na_reader *reader)
{
	reader->tail.fd = -1;
	na_segment_file_init(&reader->file);
	na_segment_file_init(&reader->last_file);
	na_segment_file_init(&reader->ahead.file);
	reader->settled = options->settled;
	reader->path = strdup(options->path);
	reader->tail_path = options->tail ? strdup(options->tail) : NULL;
	reader->frame = malloc(NA_FRAME_MAX);
	reader->decoder = na_decoder_new();
	return reader->path && (!options->tail || reader->tail_path) && reader->frame &&
			       reader->decoder
		       ? 0
		       : -ENOMEM;
}

/* ------------------------------------------------------------------------------------------- */

int na_reader_open(const struct na_reader_options *options, struct na_reader **ret_reader,
		   struct na_buffer *reason)
{
	NA_CLEANUP(na_reader_close) struct na_reader *reader = calloc(1, sizeof(*reader));
	int error = reader ? allocate(options, reader) : -ENOMEM;

	if (error < 0)
		return error;
	error = na_segment_list_read(reader->path, &reader->segments);
	if (error < 0) {
		na_buffer_printf(reason, "%s: %s", options->path, strerrordesc_np(-error));
		return error;
	}
	if (options->tail) {
		error = na_tail_open(options->tail, &reader->tail);
		if (error < 0)
			reader->tail.fd = -1;
		if (error == -EACCES || error == -ENOMEM) {
			na_buffer_printf(reason, "%s: %s", options->tail, strerrordesc_np(-error));
			return error;
		}
	}
	error = na_reader_seek_first(reader);
	if (!error)
		*ret_reader = NA_TAKE_POINTER(reader);
	return error;
}

void na_reader_close(struct na_reader **pointer)
{
	struct na_reader *reader = NA_TAKE_POINTER(*pointer);

	if (!reader)
		return;
	na_segment_file_done(&reader->file);
	na_segment_file_done(&reader->last_file);
	na_segment_file_done(&reader->ahead.file);
	free(reader->ahead.frame);
	na_segment_list_done(&reader->segments);
	na_tail_close(&reader->tail);
	na_decoder_free(reader->decoder);
	na_buffer_done(&reader->why);
	free(reader->frame);
	free(reader->tail_path);
	free(reader->path);
	free(reader);
}

int na_reader_seek_first(struct na_reader *reader)
{
	int error = list(reader);

	if (error < 0)
		return error;
	forget(reader, first_position(reader));
	reader->anywhere = true;
	return 0;
}

int na_reader_seek_end(struct na_reader *reader)
{
	struct na_reader_item item;
	size_t count;
	int result = list(reader);

	if (result < 0)
		return result;
	count = reader->segments.count;
	forget(reader, count ? reader->segments.starts[count - 1] : first_position(reader));
	reader->anywhere = true;
	reader->skip_to = NA_READER_NOWHERE;
	do
		result = step(reader, &item);
	while (result == CONTINUE || result == NA_READER_GAP);
	assert(result != NA_READER_EVENT);
	return result < 0 ? result : 0;
}

int na_reader_seek_position(struct na_reader *reader, uint64_t position)
{
	int error = list(reader);

	if (error < 0)
		return error;
	forget(reader, position);
	return 0;
}

int na_reader_seek_time(struct na_reader *reader, uint64_t wall_ns)
{
	struct na_segment_file file;
	size_t i = 0;
	int error = list(reader);

	if (error < 0)
		return error;
	na_segment_file_init(&file);
	/* The newest is never passed over: what comes behind it may be in the tail. */
	while (i + 1 < reader->segments.count) {
		error = na_segment_file_open(&file, reader->path, reader->segments.starts[i]);
		if (error < 0 ? error == -ENOMEM : may_hold(&file, wall_ns))
			break;
		i++;
	}
	na_segment_file_done(&file);
	if (error == -ENOMEM)
		return error;
	forget(reader,
	       i < reader->segments.count ? reader->segments.starts[i] : first_position(reader));
	reader->anywhere = true;
	return 0;
}

void na_reader_set_wanted(struct na_reader *reader, na_reader_wanted *wanted, void *context)
{
	reader->wanted = wanted;
	reader->context = context;
}

int na_reader_next(struct na_reader *reader, struct na_reader_item *ret_item)
{
	int result;

	do
		result = step(reader, ret_item);
	while (result == CONTINUE);
	return result;
}

void na_reader_wait(struct na_reader *reader, uint64_t timeout_ns)
{
	uint64_t most_ns = reader->tail.fd < 0 ? POLL_NS : LOOK_NS, now_ns = na_clock_boot_ns();

	if (now_ns - reader->looked_ns >= POLL_NS) {
		reader->recheck = true;
		reader->looked_ns = now_ns;
	}
	/* Partner: na_reader_wake. It sees us wait, or we see that we are woken. */
	atomic_store(&reader->waiting, 1);
	if (!atomic_load(&reader->woken))
		fall_asleep(reader, timeout_ns < most_ns ? timeout_ns : most_ns);
	atomic_store(&reader->waiting, 0);
	atomic_store(&reader->woken, 0);
}

void na_reader_wake(struct na_reader *reader)
{
	_Atomic uint32_t *word = wait_word(reader);

	atomic_store(&reader->woken, 1);
	/* It may be just about to sleep: then it is a few instructions until it hears us. */
	while (atomic_load(&reader->waiting)) {
		syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
		sched_yield();
	}
}

unsigned int na_reader_constants_version(const struct na_reader *reader)
{
	return reader->version;
}

uint64_t na_reader_position(const struct na_reader *reader)
{
	return reader->position < reader->skip_to && reader->skip_to != NA_READER_NOWHERE
		       ? reader->skip_to
		       : reader->position;
}

uint64_t na_reader_last_sequence(struct na_reader *reader)
{
	open_tail(reader);
	if (reader->tail.fd >= 0)
		return atomic_load_explicit(&reader->tail.head->sequence, memory_order_acquire);
	read_last_file(reader);
	return reader->last_sequence;
}
