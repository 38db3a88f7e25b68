/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as frames. Keeps the dictionary of the segment that is being written: a process, a user
 * and every other set of values that comes again is written once and referred to. Capture thread.
 */
#ifndef NA_ENCODER_H
#define NA_ENCODER_H

#include "base/buffer.h"
#include "event.h"
#include "journal/frame.h"

struct na_encoder;

/* NULL: out of memory. */
struct na_encoder *na_encoder_new(void);
void na_encoder_free(struct na_encoder *encoder);

/*
 * Appends a segment's beginning to `out`: HEAD as given (frame and magic are filled in), NAMES, and
 * the fields of `constants` (host.*, agent.*, labels), which every event of the segment has; NULL:
 * none. Forgets the dictionary. 0; -ENOMEM; -E2BIG: the constants are. On failure all is as it was,
 * and the segment of before goes on.
 */
int na_encoder_begin(struct na_encoder *encoder, const struct na_frame_head *head,
		     const struct na_event *constants, struct na_buffer *out);

/*
 * Appends the event's frame, and before it the entries that it needs and the segment has not.
 * Sequence, @timestamp and boot_ns go to the fixed part; event.id is not stored, the reader makes
 * it. 0; -E2BIG: larger than NA_FRAME_MAX, not encoded; -ENOSPC: the dictionary is full, which
 * takes more than 16 MiB: begin a segment; -ENOMEM. On failure all is as it was.
 */
int na_encoder_event(struct na_encoder *encoder, const struct na_event *event,
		     struct na_buffer *out);

/* Takes the last na_encoder_event back: what it appended was not kept. Once, directly after it. */
void na_encoder_undo(struct na_encoder *encoder);

/*
 * Appends what became known later of a thing that events described: `fact` has fields of one group,
 * as the process, and belongs to all events of this segment and the one before that had `about`'s
 * values of that group, number `first_sequence` or a later one, and were made (event.created)
 * within 1 s of `wall_ns`. 0; -ENOENT: neither segment describes such a thing; -EINVAL: fields of
 * none or several groups; -E2BIG, -ENOMEM. On failure all is as it was. Of the segment before only
 * where this one has NA_HEAD_LATE.
 */
int na_encoder_late(struct na_encoder *encoder, const struct na_event *about,
		    const struct na_event *fact, uint64_t wall_ns, uint64_t first_sequence,
		    struct na_buffer *out);

/* The segment's orderly end. */
int na_encoder_seal(struct na_encoder *encoder, struct na_buffer *out);

/* Bytes that the dictionary of the segment takes in memory. */
size_t na_encoder_memory(const struct na_encoder *encoder);

#endif
