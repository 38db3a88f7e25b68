/* SPDX-License-Identifier: Apache-2.0 */
/* stdout: what it is, and text to it. */
#ifndef NA_CLI_STDOUT_H
#define NA_CLI_STDOUT_H

#include <stdbool.h>

#include "base/buffer.h"

/* It is a terminal and NO_COLOR (no-color.org) is not set. */
bool na_cli_wants_colour(void);

/* Columns of the terminal; 0: it is none. */
unsigned int na_cli_width(void);

/* Writes all of it; `out` is empty afterwards. -EPIPE: the reader is gone; other errno of write. */
int na_cli_write(struct na_buffer *out);

#endif
