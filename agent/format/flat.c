/* SPDX-License-Identifier: Apache-2.0 */
/* Events as flat JSON: na_object under another name. */
#include "format/flat.h"

#include "format/object.h"

struct na_flat *na_flat_new(const struct na_event *constants)
{
	return (struct na_flat *)na_object_new(constants, true);
}

void na_flat_free(struct na_flat *flat)
{
	na_object_free((struct na_object *)flat);
}

int na_flat_encode(struct na_flat *flat, const struct na_event *event, struct na_buffer *out)
{
	return na_flat_encode_parts(flat, event, NULL, out);
}

int na_flat_encode_parts(struct na_flat *flat, const struct na_event *event,
			 const struct na_event_parts *parts, struct na_buffer *out)
{
	return na_object_encode((struct na_object *)flat, event, parts, out);
}
