/* SPDX-License-Identifier: Apache-2.0 */
/* The document of `netaudit status` for a person. */
#ifndef NA_STATUS_TEXT_H
#define NA_STATUS_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buffer.h"

/*
 * Lines of at most 80 columns; what needs attention in red when `colour`. The document may lack
 * anything: parts of it come from the shipping process and are escaped. Widths as na_glyph_append.
 */
void na_status_print(const json_t *document, bool colour, struct na_buffer *out);

#endif
