/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the reader share: see reader.c. */
#ifndef NA_READER_INTERNAL_H
#define NA_READER_INTERNAL_H

#include <sys/stat.h>

#include "journal/decoder.h"
#include "journal/reader.h"
#include "journal/segments.h"
#include "journal/tail.h"

/* So many files that cannot be read are named once; after more the first may be named again. */
#define NA_READER_REFUSED_MAX 64

#define NA_READER_NOWHERE UINT64_MAX

/* Events that are missing, until it is known up to which. */
struct na_reader_hole {
	bool open;
	bool interrupted; /* the stream was: all up to the next event are missing */
	bool at_end;      /* at the end of a segment, where a crash of its writer may have cut it */
	bool named;       /* worth telling when no event is missing, too */
	uint64_t first;   /* 0: not known */
	uint64_t last;    /* where not interrupted */
	char reason[sizeof(((struct na_reader_gap *)0)->reason)];
};

/* Late facts in front of the reader: see reader_late.c. */
struct na_reader_ahead {
	struct na_segment_file file;
	char *frame;       /* of the tail, NA_FRAME_MAX bytes; NULL: not needed yet */
	uint64_t position; /* so far it was looked at: all in front of it that is of the segment was
			      learned */
	uint64_t segment;  /* where the one at `position` begins */
	uint64_t next;     /* the first sequence number of the next segment; 0: not reached */
	bool ended;        /* nothing behind `position` is about events of the segment */
	bool dry;          /* no file has more: not asked again before the reader is at the end */
	bool holding;      /* an event waits, */
	uint64_t held;     /* with this sequence number */
};

struct na_reader {
	char *path, *tail_path;
	struct na_decoder *decoder;
	struct na_tail tail; /* its fd is -1: there is none */
	struct na_segment_list segments;
	struct na_segment_file file; /* holds `position`, or the tail does */
	char *frame;                 /* of the tail, NA_FRAME_MAX bytes */

	uint64_t position;
	uint64_t skip_to; /* events in front of it were not asked for */
	uint64_t segment; /* whose dictionary the decoder has; or NA_READER_NOWHERE */
	bool sealed;      /* all of it was read */
	bool blind;       /* the segment's dictionary cannot be had: until the next HEAD */
	bool anywhere;    /* the first event that there is, at whatever position */
	bool recheck;     /* look for another journal at the end */
	uint64_t looked_ns;
	struct stat folder; /* at the last look for another journal; its inode 0: not known */

	bool known; /* what follows is of the HEAD that was read last */
	uint8_t journal[16];
	uint64_t epoch;
	uint64_t expected; /* the next sequence number, 0: not known */

	struct na_reader_hole hole;
	char notice[sizeof(
		((struct na_reader_gap *)0)->reason)]; /* to be told: no event is missing */
	unsigned int notices;                          /* 0: there is none */
	uint64_t damaged_at, damaged_size;             /* there is no whole frame behind this */
	uint64_t refused[NA_READER_REFUSED_MAX];       /* files that are not to be read */
	size_t refused_count;

	bool settled; /* as in the options */
	struct na_reader_ahead ahead;

	/* Of the waiting thread and whoever wakes it. */
	_Atomic uint32_t waiting, woken; /* woken: a futex where there is no tail */

	na_reader_wanted *wanted;
	void *context;
	unsigned int version;
	struct na_buffer why;

	struct na_segment_file last_file; /* of na_reader_last_sequence, when there is no tail */
	uint64_t last_offset, last_sequence;
};

/* What na_reader_frame says besides 0 and a negative errno: the position moved, ask again. */
#define NA_READER_MOVED 1

/*
 * The whole frame at reader->position, from a file or the tail; valid until the next call. -EAGAIN:
 * nothing is there yet; NA_READER_MOVED; other negative errno: it cannot be read now.
 */
int na_reader_frame(struct na_reader *reader, const struct na_frame **ret_frame);

/* Opens the tail when there is another than before; a new journal: moves to its beginning. */
int na_reader_look_again(struct na_reader *reader);

/*
 * Learns the late facts of the event at reader->position. 1: those that are there; 0: more may
 * come, it is to wait; negative errno.
 */
int na_reader_look_ahead(struct na_reader *reader, uint64_t sequence);

/* Another segment, or another place: what is ahead is not known. */
void na_reader_ahead_forget(struct na_reader_ahead *ahead);

/* May na_reader_look_ahead say something else now of the event that waits? */
bool na_reader_ahead_moved(const struct na_reader *reader);

/* Begins a hole, if there is none, behind the last event that was read. */
struct na_reader_hole *na_reader_open_hole(struct na_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
