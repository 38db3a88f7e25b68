/* SPDX-License-Identifier: Apache-2.0 */
/* Events compared field by field. */
#ifndef NA_SAME_EVENT_H
#define NA_SAME_EVENT_H

#include "event.h"

/* NULL, or the path of the first field that differs; event.id is not compared. */
const char *na_events_differ(const struct na_event *got, const struct na_event *expected);

#endif
