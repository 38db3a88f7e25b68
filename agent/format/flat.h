/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as flat JSON: the fields of ECS JSON in one object of dotted names a line, for receivers
 * that have columns. One thread an encoder.
 */
#ifndef NA_FLAT_H
#define NA_FLAT_H

#include "base/buffer.h"
#include "event.h"
#include "event_parts.h"

struct na_flat;

/*
 * As their likes in ecs.h. Values that are objects themselves
 * (labels, counters) become a name for each member; lists stay lists.
 */
struct na_flat *na_flat_new(const struct na_event *constants);
void na_flat_free(struct na_flat *flat);
int na_flat_encode(struct na_flat *flat, const struct na_event *event, struct na_buffer *out);
int na_flat_encode_parts(struct na_flat *flat, const struct na_event *event,
			 const struct na_event_parts *parts, struct na_buffer *out);

#endif
