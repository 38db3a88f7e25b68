/* SPDX-License-Identifier: Apache-2.0 */
/* What a record or /proc tells about one execution, before it is prepared for events. */
#ifndef NA_PROCESS_FACTS_H
#define NA_PROCESS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

#define NA_ID_UNSET UINT32_MAX /* login_uid and session before anybody logged in */

/*
 * Texts are borrowed from what they were read of, until that is used again. An empty text, a zero
 * id of a namespace or cgroup: not known. A path without a leading slash is the end of one that was
 * cut.
 */
struct na_facts {
	struct na_text executable, directory, cgroup_path, comm;
	struct na_text arguments; /* each ended by NUL, also the last: data[length - 1] */
	bool arguments_known;     /* there may be none, but that is certain */
	bool arguments_cut;
	bool ids_known; /* uid, euid, gid */
	bool capabilities_known;
	uint64_t start_ns, parent_start_ns;
	uint64_t cgroup, capabilities;
	uint32_t parent_pid, namespace_pid;
	uint32_t uid, euid, gid, login_uid, session;
	uint32_t pid_namespace, net_namespace, mount_namespace, user_namespace;
};

/* Where decoders put texts: holds the largest record, and the most that is read of one /proc/PID.
 */
#define NA_ARENA_SIZE 32768

struct na_arena {
	size_t used;
	char bytes[NA_ARENA_SIZE];
};

static inline void na_arena_clear(struct na_arena *arena)
{
	arena->used = 0;
}

#endif
