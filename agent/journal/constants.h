/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of an event with all its texts, in one piece of memory. Any thread. */
#ifndef NA_JOURNAL_CONSTANTS_H
#define NA_JOURNAL_CONSTANTS_H

#include "event.h"

/* free() it. NULL: out of memory. */
struct na_event *na_constants_copy(const struct na_event *event);

#endif
