/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON objects, driven by the rows of fields.def: what ECS and flat JSON are made with.
 * One thread an encoder.
 */
#ifndef NA_OBJECT_H
#define NA_OBJECT_H

#include "base/buffer.h"
#include "event.h"
#include "event_parts.h"

struct na_object;

/*
 * `dotted`: one object of dotted names, else objects in objects. Otherwise as na_ecs_new,
 * na_ecs_free and na_ecs_encode_parts.
 */
struct na_object *na_object_new(const struct na_event *constants, bool dotted);
void na_object_free(struct na_object *object);
int na_object_encode(struct na_object *object, const struct na_event *event,
		     const struct na_event_parts *parts, struct na_buffer *out);

#endif
