/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a journal to stdout, in a format of the user's choice. Main thread. */
#ifndef NA_QUERY_OUTPUT_H
#define NA_QUERY_OUTPUT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "event.h"
#include "output_common.h"

/* -EINVAL: `why` says which there are, and which is nearest. -ENOMEM. */
int na_query_format_find(const char *name, enum na_output_format *ret_format,
			 struct na_buffer *why);

struct na_query_output;

/* NULL: out of memory. */
struct na_query_output *na_query_output_new(enum na_output_format format, bool colour);
void na_query_output_free(struct na_query_output *output);

/*
 * `constants` is what every event has besides its own until `version` is another one. Buffers. 0,
 * -ENOMEM; -EPIPE: the reader is gone; other negative errno of the write.
 */
int na_query_output_put(struct na_query_output *output, const struct na_event *event,
			const struct na_event *constants, unsigned int version);
int na_query_output_flush(struct na_query_output *output);

#endif
