/* SPDX-License-Identifier: Apache-2.0 */
/* Text that is a JSON object, as members with dotted names. Any thread. */
#ifndef NA_FLATTEN_H
#define NA_FLATTEN_H

#include "base/buffer.h"
#include "event.h"

/*
 * Appends `"path.name":value` for each member of the object, with commas between, also of objects
 * in it; nothing for an empty one. What is no such object becomes one member, the text itself.
 */
void na_flatten_append(struct na_buffer *out, const char *path, struct na_text object);

#endif
