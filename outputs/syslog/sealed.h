/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams above the socket's limit, as journald takes them: a sealed file in memory. Any thread.
 */
#ifndef NA_SYSLOG_SEALED_H
#define NA_SYSLOG_SEALED_H

#include <stddef.h>

/* Sends an empty datagram with the file's descriptor. 0 or negative errno. */
int na_syslog_send_sealed(int fd, const char *data, size_t length);

#endif
