/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shipping process may not do. In two steps: between fork and exec it loses its user, its
 * rights and its limits, and when it has read what it needs it takes system calls and paths from
 * itself. Both want a process with one thread.
 */
#ifndef NA_SANDBOX_H
#define NA_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define NA_SANDBOX_GROUPS_MAX 32

/* When the user does not exist: nobody and nogroup, as the kernel's overflow ids. */
#define NA_SANDBOX_NOBODY 65534

struct na_sandbox_identity {
	uint32_t uid, gid;
	uint32_t groups[NA_SANDBOX_GROUPS_MAX]; /* with gid */
	uint32_t group_count;
};

/*
 * The ids of a user by name, with its groups (the first 32). False: there is no such user, and it
 * is nobody: the caller warns. Asks the name service. Main thread.
 */
bool na_sandbox_find(const char *user, struct na_sandbox_identity *ret_identity);

/* The ids this process has; for runs without root. */
void na_sandbox_self(struct na_sandbox_identity *ret_identity);

/*
 * Between fork and exec: ids, no capability in any set, no_new_privs, no core dumps, at most 4096
 * descriptors, umask 027. A process that has not CAP_SETUID can only stay who it is: -EPERM else.
 * On failure `why` names the step and the process must end.
 */
int na_sandbox_shed(const struct na_sandbox_identity *identity, struct na_buffer *why);

enum na_sandbox_access {
	NA_SANDBOX_READ, /* the file, or all below the folder */
	NA_SANDBOX_WRITE /* read, write, make and remove files and folders below it */
};

struct na_sandbox_path {
	const char *path;
	enum na_sandbox_access access;
};

/*
 * After exec, when configuration and descriptors are there: cannot be dumped or traced; paths by
 * Landlock, where the kernel has it: the given ones, and read what TLS and name services need
 * (/etc, /usr, …); system calls by seccomp: what is not on the list kills the process with SIGSYS.
 * Threads that are started later have the same limits.
 *
 * A path that is not there counts for the folder above it that is. What is mounted onto a path
 * later cannot be reached. *ret_landlock: the version of Landlock, 0: this kernel has none, and
 * only users and modes protect files: worth a line in the log. On failure `why` names the step and
 * the process must end.
 */
int na_sandbox_enter(const struct na_sandbox_path *paths, size_t count, int *ret_landlock,
		     struct na_buffer *why);

#endif
