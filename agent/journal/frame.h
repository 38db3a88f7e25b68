/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's layout on disk and in its tail: see LAYOUT.md beside this file. Plain data, little
 * endian.
 *
 * The journal is one stream of frames. A position is the number of bytes in front of a frame since
 * the journal began; positions only grow and are never used twice. A segment is a stretch of the
 * stream that begins with a HEAD and can be read alone; its file holds exactly these bytes, the
 * tail holds the newest bytes of the same stream.
 */
#ifndef NA_FRAME_H
#define NA_FRAME_H

#include <stdint.h>

#define NA_JOURNAL_LAYOUT 1
#define NA_JOURNAL_MAGIC "netaudit"

/* A whole frame, header included. An event with all its texts has less; more is refused. */
#define NA_FRAME_MAX 131072u
#define NA_FRAME_ALIGN 8u

enum na_frame_kind {
	NA_FRAME_NONE,
	NA_FRAME_HEAD, /* a segment begins: struct na_frame_head, and nothing of before is needed */
	NA_FRAME_NAMES, /* the names that numbers in this segment stand for */
	NA_FRAME_ENTRY, /* one more entry of the segment's dictionary */
	NA_FRAME_LATE,  /* what became known of an entry later */
	NA_FRAME_EVENT, /* struct na_frame_event, then references and fields */
	NA_FRAME_SEAL,  /* a segment ends in order: struct na_frame_seal */
	NA_FRAME_KIND_COUNT
};

struct na_frame {
	uint32_t crc;    /* CRC-32C of all that follows in the frame, padding included */
	uint32_t size;   /* of the frame, this header included: a multiple of NA_FRAME_ALIGN */
	uint8_t kind;    /* enum na_frame_kind; a reader skips kinds that it does not know */
	uint8_t padding; /* bytes of 0 at the end that are not payload */
	uint16_t type;   /* of EVENT: the event's type, by NAMES */
	uint32_t zero;
};

/* Late facts may come of this segment's entries, in it and in the next one. */
#define NA_HEAD_LATE 1u

struct na_frame_head {
	struct na_frame frame;
	char magic[8];       /* NA_JOURNAL_MAGIC without its NUL */
	uint32_t layout;     /* NA_JOURNAL_LAYOUT */
	uint32_t flags;      /* NA_HEAD_… */
	uint8_t journal[16]; /* UUID of the journal: begins event ids */
	uint8_t machine[16]; /* the machine id, all 0 when there is none */
	uint8_t boot[16];
	uint64_t epoch;            /* each start of a writer has a new one; second in event ids */
	uint64_t position;         /* of this frame */
	uint64_t first_sequence;   /* of the next event */
	uint64_t wall_ns, boot_ns; /* when the segment was begun */
};

/* At fixed places, so that a search looks at time and type without reading fields. */
struct na_frame_event {
	struct na_frame frame;
	uint64_t sequence;
	uint64_t wall_ns; /* @timestamp */
	uint64_t boot_ns;
};

/*
 * At fixed places, so that a reader of the segment in front sees whether it is for that: then
 * `first_sequence` is below that of this segment, and entry, field numbers and dates are of it.
 */
struct na_frame_late {
	struct na_frame frame;
	uint64_t first_sequence; /* of the first event that it may belong to */
	uint64_t wall_ns;
};

struct na_frame_seal {
	struct na_frame frame;
	uint64_t last_sequence; /* below first_sequence when the segment holds no event */
	uint64_t events;
	uint64_t wall_ns; /* newest @timestamp */
};

#endif
