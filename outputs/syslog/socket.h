/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that are connected, and waiting for them with a deadline (boot time). Any thread. */
#ifndef NA_SYSLOG_SOCKET_H
#define NA_SYSLOG_SOCKET_H

#include <stdint.h>

#include "base/buffer.h"
#include "syslog/address.h"

/*
 * A connected, non-blocking socket. Of a unix socket, *ret_type says which kind it turned out to
 * be: a datagram socket is tried first. A name is asked for anew each time; the system's resolver
 * knows no deadline but its own time-outs (resolv.conf). Negative errno, `why` says why.
 */
int na_syslog_socket_connect(const struct na_syslog_address *address, uint64_t deadline_ns,
			     int *ret_fd, int *ret_type, struct na_buffer *why);

/* Until poll(2) has one of the events for it. 0; -ETIMEDOUT; another negative errno. */
int na_syslog_socket_await(int fd, short events, uint64_t deadline_ns);

#endif
