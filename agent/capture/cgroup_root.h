/* SPDX-License-Identifier: Apache-2.0 */
/* The root of the cgroup2 hierarchy, where cgroup programs see every process. Any thread. */
#ifndef NA_CGROUP_ROOT_H
#define NA_CGROUP_ROOT_H

/*
 * Opens the root; mounts a private cgroup2 when none is mounted (it is unmounted at once, the
 * descriptor keeps it). Returns a descriptor that the caller closes, or a negative errno.
 */
int na_cgroup_root_open(void);

#endif
