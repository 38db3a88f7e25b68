/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a journal's folder: which there are, and the frames of one. Read-only; what is in a
 * file is untrusted. One thread an object.
 */
#ifndef NA_SEGMENTS_H
#define NA_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "journal/frame.h"

/* "%016llx.segment" and NUL. */
#define NA_SEGMENT_FILE_NAME_SIZE 25

/* More files are no journal that an agent makes. */
#define NA_SEGMENT_LIST_MAX (1u << 20)

/* Their start positions, ascending. */
struct na_segment_list {
	uint64_t *starts;
	size_t count;
};

/* Replaces the list. Negative errno: as it was; -E2BIG: more than NA_SEGMENT_LIST_MAX; -ENOMEM. */
int na_segment_list_read(const char *folder, struct na_segment_list *segments);
void na_segment_list_done(struct na_segment_list *segments);

/* How many start at or in front of `position`. */
size_t na_segment_list_until(const struct na_segment_list *segments, uint64_t position);

void na_segment_file_name(uint64_t start, char ret_name[NA_SEGMENT_FILE_NAME_SIZE]);

/* Frames of one file by their offset, read in large pieces. */
struct na_segment_file {
	int fd;
	uint64_t start;
	char *window; /* aligned to NA_FRAME_ALIGN; kept when the file is closed */
	uint64_t window_offset;
	size_t window_length;
};

void na_segment_file_init(struct na_segment_file *file);
void na_segment_file_done(struct na_segment_file *file);

/* Never follows a link, -ELOOP when it is no regular file. -ENOMEM; other errno of open. */
int na_segment_file_open(struct na_segment_file *file, const char *folder, uint64_t start);
void na_segment_file_close(struct na_segment_file *file);

/*
 * The frame at `offset` with a right checksum; valid until the next call. -EAGAIN: the file ends
 * before it does (it may grow); -EBADMSG: damaged; other negative errno of the read.
 */
int na_segment_file_frame(struct na_segment_file *file, uint64_t offset,
			  const struct na_frame **ret_frame);

/*
 * Behind a damaged frame at `offset`: where the next whole one begins. -ENOENT: there is none, or
 * none within NA_SEGMENT_SEARCH_MAX bytes; other negative errno of the read.
 */
#define NA_SEGMENT_SEARCH_MAX (UINT64_C(64) << 20)
int na_segment_file_search(struct na_segment_file *file, uint64_t offset, uint64_t *ret_offset);

/* Bytes in the file now. Negative errno. */
int na_segment_file_size(const struct na_segment_file *file, uint64_t *ret_size);

/* Why a file that begins so is not read: a segment of this version begins with a HEAD. */
enum na_segment_kind {
	NA_SEGMENT_OURS,
	NA_SEGMENT_EMPTY,   /* it ends in front of its HEAD's end */
	NA_SEGMENT_DAMAGED, /* a segment, but its HEAD is not whole */
	NA_SEGMENT_NEWER,   /* of a layout that this version does not know */
	NA_SEGMENT_FOREIGN, /* something else */
	NA_SEGMENT_MOVED    /* a HEAD that does not belong to the file's name */
};

/*
 * What the file is; OURS and NEWER: *ret_head is set. Negative errno of the read. `why` gets a
 * sentence for what cannot be read.
 */
int na_segment_file_kind(struct na_segment_file *file, struct na_frame_head *ret_head,
			 struct na_buffer *why);

#endif
