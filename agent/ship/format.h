/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of outputs behind one face. One thread an encoder. */
#ifndef NA_FORMAT_H
#define NA_FORMAT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "event.h"
#include "event_parts.h"
#include "format/line.h"
#include "output_common.h"

struct na_format;

/* Can this build write it? */
bool na_format_known(enum na_output_format format);

/* As in the configuration; it must be known. */
const char *na_format_name(enum na_output_format format);

/*
 * `constants` as in format/ecs.h, rendered here; NULL: none. `line` is of format `line`. NULL: out
 * of memory.
 */
struct na_format *na_format_new(enum na_output_format format, const struct na_event *constants,
				const struct na_line_options *line);
/* What stands above the first event; nothing but for `line`. 0 or -ENOMEM. */
int na_format_heading(enum na_output_format format, const struct na_line_options *line,
		      struct na_buffer *out);

void na_format_free(struct na_format *format);

/*
 * Appends the event without a newline. `parts` as in format/ecs.h; NULL: not known. 0 or -ENOMEM,
 * then the buffer holds what it held before.
 */
int na_format_encode(struct na_format *format, const struct na_event *event,
		     const struct na_event_parts *parts, struct na_buffer *out);

#endif
