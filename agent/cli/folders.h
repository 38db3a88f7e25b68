/* SPDX-License-Identifier: Apache-2.0 */
/* The folders that configured files are in. Main thread. */
#ifndef NA_FOLDERS_H
#define NA_FOLDERS_H

/* Makes those above `path` that are not there: others may pass through them. Negative errno. */
int na_folders_make_above(const char *path);

#endif
