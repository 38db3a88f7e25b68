/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.id: the journal's UUID, the epoch in hex, 16 hex digits of the sequence number, with dashes
 * between them. The only place that knows its form. Any thread.
 */
#ifndef NA_EVENT_ID_H
#define NA_EVENT_ID_H

#include <stddef.h>
#include <stdint.h>

#define NA_EVENT_ID_INSTANCE_SIZE (36 + 1 + 16 + 1) /* with NUL */
#define NA_EVENT_ID_SIZE (NA_EVENT_ID_INSTANCE_SIZE + 1 + 16)

/* "<uuid>-<epoch>", what all ids of one start have in common. Writes a NUL, returns the length. */
size_t na_event_id_instance(const uint8_t journal[16], uint64_t epoch,
			    char ret_text[NA_EVENT_ID_INSTANCE_SIZE]);

/*
 * Completes the id in `text`, whose first `instance_length` bytes are the instance and which has
 * 17 bytes more. Writes no NUL, returns the length of the id.
 */
size_t na_event_id_finish(char *text, size_t instance_length, uint64_t sequence);

#endif
