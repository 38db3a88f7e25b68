/* SPDX-License-Identifier: Apache-2.0 */
/* shutdown(2) by way of io_uring, so that the self-test sees the program on its completions work.
 */
#ifndef NA_URING_SHUTDOWN_H
#define NA_URING_SHUTDOWN_H

/*
 * 0, or negative errno: of the operation, or that io_uring cannot be had here (-ENOSYS, -EPERM
 * where kernel.io_uring_disabled or a sandbox forbids it, -EINVAL before 5.11). Any thread; waits
 * for the completion, which comes at once.
 */
int na_uring_shutdown(int fd, int how);

#endif
