/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal in memory, with readers and cursors as journal/reader.h and cursor.h have them. Cursors
 * live as long as the program, so that a new host on the same folder finds them. Any thread.
 */
#ifndef NA_FAKE_JOURNAL_H
#define NA_FAKE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "journal/cursor.h"

#define FAKE_EVENTS_MAX 20000
#define FAKE_START_NS UINT64_C(1795000000000000000)

/* Empty, of the journal whose UUID is 16 times `uuid`; cursors are forgotten. */
void fake_journal_reset(uint8_t uuid);
/* The same folder holds another journal now. */
void fake_journal_replace(uint8_t uuid);

/*
 * Appends a copy; texts are not copied. event.id, event.sequence and, where it has none, @timestamp
 * (FAKE_START_NS and a millisecond for each) are set. Its sequence number.
 */
uint64_t fake_journal_append(const struct na_event *event);

/* A `established` of curl to 192.0.2.<host>:443. */
struct na_event fake_event(enum na_event_type type, uint8_t host);

/* Events up to this number are gone: a reader that wants them gets a GAP. */
void fake_journal_drop(uint64_t sequence);
/* The next `count` steps of any reader fail with `error`. */
void fake_journal_fail(int error, unsigned int count);
/* Cursors cannot be stored, with this error; 0: they can. */
void fake_cursor_fail(int error);
/* na_cursor_load gives this error once. */
void fake_cursor_damage(int error);
/* What is stored; false: nothing. */
bool fake_cursor(struct na_cursor *ret_cursor);

/* Constants that every event has from now on. */
void fake_journal_set_host(const char *name);

#endif
