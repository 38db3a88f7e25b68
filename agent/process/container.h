/* SPDX-License-Identifier: Apache-2.0 */
/* The container that a cgroup's path names. Any thread. */
#ifndef NA_PROCESS_CONTAINER_H
#define NA_PROCESS_CONTAINER_H

#include "event.h"

/* The full id, a part of `cgroup_path`; empty when the path names no container. */
struct na_text na_container_id(struct na_text cgroup_path);

#endif
