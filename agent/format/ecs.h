/* SPDX-License-Identifier: Apache-2.0 */
/* Events as ECS JSON, one object a line, driven by the rows of fields.def. One thread an encoder.
 */
#ifndef NA_ECS_H
#define NA_ECS_H

#include "base/buffer.h"
#include "event.h"
#include "event_parts.h"

struct na_ecs;

/*
 * `constants` holds the fields that every event has besides its own (agent.*, ecs.*, host.*,
 * labels): rendered here once, so that it need not live on, and put at their places in each line;
 * an event's own value wins. NULL: none. Returns NULL when out of memory.
 */
struct na_ecs *na_ecs_new(const struct na_event *constants);
void na_ecs_free(struct na_ecs *ecs);

/*
 * Appends one line with its newline, fields in the order of fields.def. Bytes that are not UTF-8
 * become U+FFFD, control characters are escaped, so that each line parses whatever a process put
 * into its name. 0 or -ENOMEM, then the buffer holds what it held before.
 */
int na_ecs_encode(struct na_ecs *ecs, const struct na_event *event, struct na_buffer *out);

/* The same in less time: `parts` of the event, all numbered by one and the same; NULL: not known.
 */
int na_ecs_encode_parts(struct na_ecs *ecs, const struct na_event *event,
			const struct na_event_parts *parts, struct na_buffer *out);

#endif
