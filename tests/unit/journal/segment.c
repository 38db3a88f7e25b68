/* SPDX-License-Identifier: Apache-2.0 */
/* A segment in memory, and events compared field by field. */
#include "segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal/decoder.h"
#include "same_event.h"

/* ------------------------------------------------------------------------------------------- */

struct na_frame_head na_segment_head(void)
{
	struct na_frame_head head = {
		.epoch = 0x1f, .first_sequence = 1, .wall_ns = UINT64_C(1795525507123456789)};

	for (unsigned int i = 0; i < sizeof(head.journal); i++)
		head.journal[i] = (uint8_t)(0x11 * i);
	return head;
}

const struct na_frame *na_segment_next(const struct na_buffer *segment, size_t *offset)
{
	const struct na_frame *frame = (const struct na_frame *)(segment->data + *offset);

	if (*offset == segment->length)
		return NULL;
	assert_int_equal(na_frame_check(frame, segment->length - *offset), 0);
	*offset += frame->size;
	return frame;
}

void na_segment_assert_same(const struct na_event *got, const struct na_event *expected)
{
	const char *path = na_events_differ(got, expected);

	if (path)
		fail_msg("%s: %s differs", na_event_name(expected->type), path);
}

void na_segment_assert_parts(struct na_ecs *ecs, const struct na_event *event,
			     const struct na_event_parts *parts)
{
	struct na_buffer with = {0}, without = {0};

	assert_int_equal(na_ecs_encode_parts(ecs, event, parts, &with), 0);
	assert_int_equal(na_ecs_encode(ecs, event, &without), 0);
	assert_int_equal(with.length, without.length);
	assert_memory_equal(with.data, without.data, with.length);
	for (int field = 0; field < NA_FIELD_COUNT; field++) {
		size_t holders = 0;

		for (size_t i = 0; i < parts->count; i++)
			holders += parts->items[i].fields[field / 64] >> field % 64 & 1;
		assert_true(holders <= na_event_has(event, (enum na_field)field));
	}
	na_buffer_done(&with);
	na_buffer_done(&without);
}
