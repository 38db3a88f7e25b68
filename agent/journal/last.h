/* SPDX-License-Identifier: Apache-2.0 */
/* When the writer before ended. */
#ifndef NA_JOURNAL_LAST_H
#define NA_JOURNAL_LAST_H

#include <stdint.h>

/*
 * Until when a writer of this boot saw all, in boot time: its last event, or when it began to stop.
 * Before na_journal_open, which begins a new epoch; reads the newest segment. -ENOENT: there was
 * none, or it had no event; other negative errno of the reader. Main thread.
 */
int na_journal_last(const char *path, const char *tail, const uint8_t boot[16],
		    uint64_t *ret_boot_ns);

#endif
