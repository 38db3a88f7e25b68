/* SPDX-License-Identifier: Apache-2.0 */
/* Events as ECS JSON: na_object under another name. */
#include "format/ecs.h"

#include "format/object.h"

struct na_ecs *na_ecs_new(const struct na_event *constants)
{
	return (struct na_ecs *)na_object_new(constants, false);
}

void na_ecs_free(struct na_ecs *ecs)
{
	na_object_free((struct na_object *)ecs);
}

int na_ecs_encode(struct na_ecs *ecs, const struct na_event *event, struct na_buffer *out)
{
	return na_ecs_encode_parts(ecs, event, NULL, out);
}

int na_ecs_encode_parts(struct na_ecs *ecs, const struct na_event *event,
			const struct na_event_parts *parts, struct na_buffer *out)
{
	return na_object_encode((struct na_object *)ecs, event, parts, out);
}
