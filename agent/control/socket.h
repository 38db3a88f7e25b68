/* SPDX-License-Identifier: Apache-2.0 */
/* The socket file of control: for server.c and client.c only. */
#ifndef NA_CONTROL_SOCKET_H
#define NA_CONTROL_SOCKET_H

#include <stdbool.h>

#include "base/buffer.h"

/*
 * A descriptor that does not block, connected to `path`; or a negative errno. -EAGAIN: the server's
 * queue is full; with `waits`: and was for NA_CONTROL_TIMEOUT_NS.
 */
int na_control_socket_connect(const char *path, bool waits);

/* A descriptor that listens at `path`, as na_control_start says; or a negative errno. */
int na_control_socket_listen(const char *path, struct na_buffer *why);

/* Removes the file if it still is the one with that inode. */
void na_control_socket_remove(const char *path, unsigned long inode);

/* The inode of the file, 0: there is none. */
unsigned long na_control_socket_inode(const char *path);

#endif
