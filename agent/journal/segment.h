/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments as files of the journal's folder, and the list of those that are there. Writer thread,
 * and the main thread before it is started.
 */
#ifndef NA_JOURNAL_SEGMENT_H
#define NA_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "journal/frame.h"

#define NA_SEGMENT_NAME_SIZE 25 /* 16 digits, ".segment" and NUL */

struct na_segment {
	uint64_t position;       /* of its HEAD: its name */
	uint64_t first_sequence; /* by its HEAD */
	uint64_t last_sequence;  /* of the events written by this process; 0: none */
	uint64_t events;         /* the same */
	uint64_t bytes;
	uint64_t epoch;
	uint8_t journal[16];
	bool damaged; /* is left alone */
};

/* In order of position. */
struct na_segments {
	struct na_segment *items;
	size_t count, size;
	uint64_t seen;    /* the highest position that any name, damaged or not, says */
	uint64_t foreign; /* files named like segments that are none of ours, or damaged */
	char foreign_name[NA_SEGMENT_NAME_SIZE]; /* one of them */
};

/* What a look at all frames of a segment found. */
struct na_segment_scan {
	uint64_t valid;                         /* bytes of whole frames */
	uint64_t events;                        /* behind `from` */
	uint64_t first_sequence, last_sequence; /* of these; 0: none */
	bool ended;                             /* the file ends where the frames do */
};

void na_segment_name(uint64_t position, char name[NA_SEGMENT_NAME_SIZE]);

/* Mode and group of what readers may see; what is not permitted is left out. */
void na_segment_share(int fd, unsigned int mode, int group);

/*
 * Blocks for what is about to be written there, where the file system can: ext4 then takes a third
 * less time for the write than when it finds a block for each page. The file's size stays.
 */
void na_segment_allocate(int fd, uint64_t offset, uint64_t size);

/* All of it, however the kernel cuts it. 0 or negative errno. */
int na_segment_write(int fd, uint64_t offset, const void *data, size_t size);
/* All of it: -EIO also when the file ends before. */
int na_segment_read(int fd, uint64_t offset, void *data, size_t size);

/* -EBADMSG: it does not begin with a HEAD of that position. */
int na_segment_head(int fd, uint64_t position, struct na_frame_head *ret_head);

/* Follows the frames from the begin; events in front of offset `from` are not counted. */
int na_segment_scan(int fd, uint64_t from, struct na_segment_scan *ret_scan);

/*
 * The segments of a folder; reads heads only. `is_ours` decides by the journal's UUID. 0, -ENOMEM,
 * or the folder's errno.
 */
int na_segments_load(int folder, bool (*is_ours)(void *context, const uint8_t journal[16]),
		     void *context, struct na_segments *ret_segments);
void na_segments_done(struct na_segments *segments);

/* Behind the others. The item, or NULL: out of memory. */
struct na_segment *na_segments_add(struct na_segments *segments);
void na_segments_remove(struct na_segments *segments, size_t index);

#endif
