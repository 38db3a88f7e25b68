/* SPDX-License-Identifier: Apache-2.0 */
/* The event reference, printed from the rows of events.def and fields.def. */
#ifndef NA_SCHEMA_H
#define NA_SCHEMA_H

#include "base/buffer.h"

/* Names of the formats, for messages: ended by NULL. */
extern const char *const na_schema_formats[];

/* "markdown" or "json-schema"; -ENOENT: no such format (nothing appended); -ENOMEM. */
int na_schema_print(const char *format, struct na_buffer *out);

#endif
