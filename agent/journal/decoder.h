/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames as events. Every byte is untrusted: what is wrong gives -EBADMSG and a sentence, never a
 * read outside of the frame. One thread a decoder.
 */
#ifndef NA_DECODER_H
#define NA_DECODER_H

#include "base/buffer.h"
#include "event.h"
#include "event_parts.h"
#include "journal/frame.h"

struct na_decoder;

/* NULL: out of memory. */
struct na_decoder *na_decoder_new(void);
void na_decoder_free(struct na_decoder *decoder);

/*
 * Is what `data` begins with a whole frame with a right checksum? 0; -EAGAIN: `length` ends before
 * the frame does; -EBADMSG. Knows nothing of payloads. `data` is aligned to NA_FRAME_ALIGN.
 */
int na_frame_check(const void *data, size_t length);

/*
 * Takes a checked frame of any kind, in the segment's order and each once. HEAD begins a segment
 * and forgets the dictionary; ENTRY, NAMES and LATE are learned, others are passed over. A LATE of
 * this segment may come from the next one. 0, -EBADMSG (`why` says what is wrong), -ENOMEM.
 */
int na_decoder_take(struct na_decoder *decoder, const struct na_frame *frame,
		    struct na_buffer *why);

/* The segment that is being read; NULL before a HEAD. */
const struct na_frame_head *na_decoder_head(const struct na_decoder *decoder);

/* agent.*, host.*, labels of the segment; valid until the next HEAD. */
const struct na_event *na_decoder_constants(const struct na_decoder *decoder);

/* The type of an EVENT frame; NA_EVENT_COUNT: a newer agent's, which this one cannot name. */
enum na_event_type na_decoder_type(const struct na_decoder *decoder, const struct na_frame *frame);

/*
 * The event of an EVENT frame with all its own fields (constants are apart), event.id and
 * event.sequence. Texts point into the frame and the decoder: valid until the next call. Fields
 * that this version does not know are left out. 0, -EBADMSG; -ENOTSUP: an event type that this
 * version does not know. On failure ret_event has no fields, or is as it was.
 */
int na_decoder_event(struct na_decoder *decoder, const struct na_frame *frame,
		     struct na_event *ret_event, struct na_buffer *why);

/* The parts of the event that it made last; valid until the next. Numbers are the decoder's. */
const struct na_event_parts *na_decoder_parts(const struct na_decoder *decoder);

#endif
