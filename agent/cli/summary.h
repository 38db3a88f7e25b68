/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, in numbers: by event, process, destination and error. One thread an object. */
#ifndef NA_SUMMARY_H
#define NA_SUMMARY_H

#include "base/buffer.h"
#include "event.h"

struct na_summary;

/* NULL: out of memory. */
struct na_summary *na_summary_new(void);
void na_summary_free(struct na_summary *summary);

/* 0 or -ENOMEM. */
int na_summary_add(struct na_summary *summary, const struct na_event *event);

/* Events that could not be read: so many more than were counted. */
void na_summary_add_missing(struct na_summary *summary, uint64_t count);

/* For a person, in 80 columns; and as one JSON object. What was added is final then. -ENOMEM. */
int na_summary_print(struct na_summary *summary, struct na_buffer *out);
int na_summary_json(struct na_summary *summary, struct na_buffer *out);

#endif
