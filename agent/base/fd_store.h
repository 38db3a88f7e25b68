/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that the service manager keeps for the next start of its service, also after a crash:
 * systemd's file descriptor store (FileDescriptorStoreMax= in the unit), by the protocol of
 * sd_notify(3) and sd_listen_fds(3). Main thread.
 *
 * The manager keeps copies: what the service closes stays open there, until it is removed.
 */
#ifndef NA_FD_STORE_H
#define NA_FD_STORE_H

#include <stddef.h>

#define NA_FD_STORE_NAME_MAX 255 /* bytes of a name: printable ASCII without colons */
#define NA_FD_STORE_MAX 4096     /* descriptors that are taken over */

struct na_fd_store;

/*
 * Takes what the manager handed over, and its variables out of the environment: before a child is
 * made. -ENOENT: there is no manager; -EBADF: it handed over less than it says; -ENOMEM.
 */
int na_fd_store_open(struct na_fd_store **ret_store);
/* The manager keeps its copies. */
void na_fd_store_close(struct na_fd_store **store);

/* Of what was handed over. Borrowed; -ENOENT: there is none of that name. */
int na_fd_store_get(const struct na_fd_store *store, const char *name);

/*
 * Of what was handed over, closes all whose names do not begin so, here and there; NULL: all. How
 * many they were.
 */
size_t na_fd_store_drop(struct na_fd_store *store, const char *but_prefix);

/*
 * Sends a descriptor; whether it is kept na_fd_store_settle says. 0 or negative errno, -EAGAIN: the
 * manager does not read for seconds.
 */
int na_fd_store_put(const struct na_fd_store *store, const char *name, int fd);
/* Those of the name that were put or handed over. As na_fd_store_put. */
int na_fd_store_remove(const struct na_fd_store *store, const char *name);

/*
 * Waits until all that was sent is done. -ENOSPC: the manager has no room for one more, so maybe
 * for some of these; -ETIMEDOUT after seconds; others: it cannot be asked.
 */
int na_fd_store_settle(const struct na_fd_store *store);

#endif
