/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own sockets and child of the self-test: which records are theirs, and what fed them.
 */
#ifndef NA_OWN_H
#define NA_OWN_H

#include <stdbool.h>
#include <stddef.h>

#include "record.h"

#define NA_OWN_SOCKETS_MAX 32

/* Each is tested for itself. */
enum na_own_version { NA_OWN_V4, NA_OWN_V6, NA_OWN_OTHER, NA_OWN_VERSION_COUNT };

/* What a program may have to show several of; most have only NA_OWN_ANY. */
enum na_own_kind {
	NA_OWN_ANY,
	NA_OWN_LISTENING = NA_OWN_ANY,
	NA_OWN_ESTABLISHED,
	NA_OWN_ENDED,
	NA_OWN_ACCEPTED = NA_OWN_ANY,
	NA_OWN_SHUTDOWN,
	NA_OWN_NOT_NEEDED = 7
};

struct na_own {
	struct {
		__u64 cookie, inode;
		enum na_own_version version;
	} sockets[NA_OWN_SOCKETS_MAX];
	size_t count;
	/* By program, a bit for each kind of each version. */
	__u32 needed[NA_PROGRAM_COUNT], seen[NA_PROGRAM_COUNT];
	__u32 agent_pid; /* as the kernel's first namespace counts */
	__u32 child_pid; /* 0: not known yet */
	__u64 until_ns;  /* what is later is not of the test: inodes are given again */
};

/* Adds the socket, which must be open; more than NA_OWN_SOCKETS_MAX are a mistake of the caller. */
int na_own_add(struct na_own *own, enum na_own_version version, int fd);

void na_own_need(struct na_own *own, enum na_program program, enum na_own_version version,
		 enum na_own_kind kind);

/* True when the record is of the test, and then notes which programs it shows to work. */
bool na_own_takes(struct na_own *own, const struct na_record_header *record);

static inline bool na_own_fed(const struct na_own *own, enum na_program program)
{
	return own->needed[program] && !(own->needed[program] & ~own->seen[program]);
}

#endif
