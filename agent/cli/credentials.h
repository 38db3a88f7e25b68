/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd hands credentials to the user of the unit, which is root: the shipping process, which
 * needs them, gets copies that its group can read, in memory and for as long as the agent runs.
 * Main thread.
 */
#ifndef NA_CREDENTIALS_H
#define NA_CREDENTIALS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"

/*
 * Copies the files of $CREDENTIALS_DIRECTORY to `folder`, which is made. 0: `folder` holds them, or
 * (*ret_any false) there are none. Negative errno: `why` names the file, and nothing is left
 * behind.
 */
int na_credentials_copy(const char *folder, gid_t group, bool *ret_any, struct na_buffer *why);

/* Removes the folder and what is in it; one that is not there is fine. */
void na_credentials_remove(const char *folder);

#endif
