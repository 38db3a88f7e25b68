/* SPDX-License-Identifier: Apache-2.0 */
/* The segment that is being written. Writer thread. */
#ifndef NA_JOURNAL_SEGMENT_FILE_H
#define NA_JOURNAL_SEGMENT_FILE_H

#include "journal/store.h"

/* Makes the file of the segment whose HEAD is in the tail at `position`, and its item. */
int na_segment_file_begin(struct na_store *store, uint64_t position);

/*
 * A new file with the same bytes instead of one that a failed write or sync has condemned, or that
 * somebody deleted. When the old bytes cannot be read the segment is given up (`skipping`), and 0
 * is returned.
 */
int na_segment_file_remake(struct na_store *store);

#endif
