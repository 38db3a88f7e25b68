/* SPDX-License-Identifier: Apache-2.0 */
/* Events as one aligned line each, for people: `live` and `run` on a terminal. One thread a
 * printer. */
#ifndef NA_LINE_H
#define NA_LINE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "event.h"

struct na_line;

struct na_line_options {
	unsigned int width; /* columns of the terminal; 0: 160. Below 40 counts as 40. */
	bool colour;
};

struct na_line *na_line_new(const struct na_line_options *options);
void na_line_free(struct na_line *line);

/* The heading that names the columns, with its newline. */
int na_line_heading(struct na_line *line, struct na_buffer *out);

/*
 * Appends one line with its newline, never wider than the terminal, at the wall clock of the local
 * time zone. The end on this host is LOCAL; the arrow points to whom the connection was opened to.
 * Bytes of a name or path are shown, never sent: what a terminal would obey is escaped. 0 or
 * -ENOMEM, then the buffer holds what it held before.
 */
int na_line_encode(struct na_line *line, const struct na_event *event, struct na_buffer *out);

/* After SIGWINCH. */
void na_line_resize(struct na_line *line, unsigned int width);

#endif
