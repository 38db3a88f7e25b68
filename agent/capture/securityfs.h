/* SPDX-License-Identifier: Apache-2.0 */
/* Files of securityfs. Any thread. */
#ifndef NA_SECURITYFS_H
#define NA_SECURITYFS_H

#include <stddef.h>

/*
 * The first line of a file, as "lockdown" or "lsm", without its newline. Where securityfs is not
 * mounted (containers) a private mount is looked at. -ENOENT or another errno: not to be had.
 */
int na_securityfs_read(const char *name, char *text, size_t size);

#endif
