/* SPDX-License-Identifier: Apache-2.0 */
/* Whether bytes from a ring or a file are a record, all of whose lengths may then be trusted. */
#ifndef NA_RECORD_CHECK_H
#define NA_RECORD_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "record.h"

/*
 * `record` is aligned to 8 and followed by `available` bytes in all, of which fewer than a header
 * may be. True: type and program are known (not NONE), size is at most `available` and
 * NA_RECORD_SIZE_MAX and exactly the type's (EXEC: at least, with its texts within), and the
 * length of a UNIX path is within its array. Values besides are not looked at. Any thread.
 */
bool na_record_valid(const struct na_record_header *record, size_t available);

#endif
