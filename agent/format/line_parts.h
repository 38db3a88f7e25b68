/* SPDX-License-Identifier: Apache-2.0 */
/* The words at the end of a line. For line.c only. */
#ifndef NA_LINE_PARTS_H
#define NA_LINE_PARTS_H

#include "base/buffer.h"
#include "event.h"

/* Is the event told in words, and not by addresses? Processes, losses, the agent itself. */
bool na_line_is_story(const struct na_event *event);

/*
 * Appends what there is to say, most important first, in at most `width` columns: a part that does
 * not fit is left out, the first is elided. `scratch` holds one part at a time.
 */
void na_line_append_parts(struct na_buffer *out, const struct na_event *event, size_t width,
			  struct na_buffer *scratch);

#endif
