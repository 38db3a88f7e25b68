/* SPDX-License-Identifier: Apache-2.0 */
/*
 * View `connections`: one record for each connection, at its end or failure, and at intervals while
 * it lasts. Keeps no state: `closed` holds the whole connection, and capture tells of open ones by
 * events `connection` of its own, which are thinned by their own times. Flows of datagrams are such
 * records already, and a refusal is the failure that no other event tells: both pass as they are.
 * Any thread.
 */
#ifndef NA_VIEW_H
#define NA_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

/* The agent's own events (event.kind state): no rule leaves one out. */
bool na_view_is_state(enum na_event_type type);

/* Can an event of this type be in view `connections`? */
bool na_view_has_type(enum na_event_type type);

/*
 * Is this one in it? Of an open connection the first record behind each multiple of `interval_ns`
 * since its start; `told_ns` is how often capture tells of it: once for each whole multiple of that
 * age. Where capture was so late that it left the multiple out, that interval has no record.
 */
bool na_view_has(const struct na_event *event, uint64_t interval_ns, uint64_t told_ns);

/* Makes `closed` and `connect_failed` a `connection`; false: it is none of these. Its event.id is
 * the caller's to change. */
bool na_view_convert(struct na_event *event);

#endif
