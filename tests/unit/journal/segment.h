/* SPDX-License-Identifier: Apache-2.0 */
/* A segment in memory, and events compared field by field. */
#ifndef NA_SEGMENT_H
#define NA_SEGMENT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "event.h"
#include "event_parts.h"
#include "format/ecs.h"
#include "journal/frame.h"

/* Of a journal whose ids begin with NA_SEGMENT_INSTANCE. */
struct na_frame_head na_segment_head(void);
#define NA_SEGMENT_INSTANCE "00112233-4455-6677-8899-aabbccddeeff-1f"

/* The next frame from *offset on, checked; NULL at the end. Fails the test for a bad one. */
const struct na_frame *na_segment_next(const struct na_buffer *segment, size_t *offset);

/* Fails the test, naming the field, when they are not the same; event.id is not compared. */
void na_segment_assert_same(const struct na_event *got, const struct na_event *expected);

/* Fails the test when `ecs`, which had the events before it, makes another of it by its parts. */
void na_segment_assert_parts(struct na_ecs *ecs, const struct na_event *event,
			     const struct na_event_parts *parts);

#endif
