/* SPDX-License-Identifier: Apache-2.0 */
/* Journals as a writer would leave them, made with the encoder: segments in a folder, and a tail.
 */
#ifndef NA_MADE_H
#define NA_MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "event.h"
#include "journal/encoder.h"
#include "journal/tail.h"

#define MADE_WALL_NS UINT64_C(1795860000000000000) /* 2026-11-28T10:00:00Z */

struct made {
	char folder[64], tail_path[80];
	struct na_encoder *encoder;
	struct na_buffer segment; /* the bytes of the one that is being made */
	uint64_t position;        /* of its HEAD */
	uint64_t sequence;        /* of the next event */
	uint64_t epoch;
	uint64_t events; /* in it */
	uint64_t wall_ns;
	uint8_t journal[16];
	const struct na_event *constants;
	struct na_tail tail; /* written; head is NULL: there is none */
	size_t shown;        /* bytes of `segment` that are in the tail */
};

/* An empty folder. */
void made_init(struct made *made);
void made_done(struct made *made);

void made_begin(struct made *made);

/* One more event, a second later than the one before; `fill` may add fields. */
void made_event(struct made *made, enum na_event_type type);
void made_events(struct made *made, size_t count);
void made_seal(struct made *made);

/* Writes the segment's bytes to its file. */
void made_write(struct made *made);

/* Another segment behind this one, with `count` events, sealed and written. */
void made_segment(struct made *made, size_t count);

/* Makes the tail, empty, at the current position. */
void made_tail(struct made *made, uint64_t size);

/* Puts what is new of the segment into the tail; wakes readers. */
void made_show(struct made *made);

void made_path(const struct made *made, uint64_t position, char ret_path[128]);

/* Turns the bits of a byte of a segment's file around. */
void made_flip(const struct made *made, uint64_t position, uint64_t offset);

uint64_t made_size(const struct made *made, uint64_t position);

#endif
