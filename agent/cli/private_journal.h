/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a run that nobody configured: a folder of its own in /run (memory), removed at the
 * end. What a killed run left is removed by the next. Main thread.
 */
#ifndef NA_PRIVATE_JOURNAL_H
#define NA_PRIVATE_JOURNAL_H

#include "base/buffer.h"

#define NA_PRIVATE_JOURNAL_SIZE (64u << 20) /* of all that it holds */

/* Makes the folder. 0, then *ret_path is the caller's; negative errno: `why` names the place. */
int na_private_journal_make(char **ret_path, struct na_buffer *why);

/* Removes the folder with all files in it. */
void na_private_journal_remove(const char *path);

#endif
