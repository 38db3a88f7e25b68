/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named points at which a test ends the process, so that it is known to be safe there. A test that
 * wants them defines na_journal_fault; nothing else does, and then they cost a test for NULL.
 */
#ifndef NA_JOURNAL_FAULT_H
#define NA_JOURNAL_FAULT_H

#include <stddef.h>

/*
 * `point` is about to be passed. Of "append.copy" the value is how many bytes are copied before
 * "append.torn"; of all others it is ignored.
 */
extern size_t na_journal_fault(const char *point) __attribute__((weak));

static inline size_t na_fault(const char *point)
{
	return na_journal_fault ? na_journal_fault(point) : 0;
}

#endif
