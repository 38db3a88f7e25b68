/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the far end: a stream, with or without TLS, that counts the bytes of its
 * socket, or a datagram socket. One thread. What breaks it is told in `why`; then only close helps.
 */
#ifndef NA_SYSLOG_LINK_H
#define NA_SYSLOG_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "syslog/address.h"
#include "syslog/syslog.h"

struct na_syslog_link;

/*
 * Connects and shakes hands, within 5 s or `timeout`; before that the resolver has its own times.
 * 0; -EKEYREJECTED: certificates are to be put right by a person; other negative errno.
 */
int na_syslog_link_open(const struct na_syslog_options *options,
			const struct na_syslog_address *address, struct na_syslog_link **ret_link,
			struct na_buffer *why);
void na_syslog_link_close(struct na_syslog_link *link); /* NULL is fine */

int na_syslog_link_fd(const struct na_syslog_link *link);
bool na_syslog_link_is_stream(const struct na_syslog_link *link);
bool na_syslog_link_is_tls(const struct na_syslog_link *link);

/*
 * Streams. How many bytes of the pieces, at most 1024 of them, were taken; after -EAGAIN the same
 * bytes are offered again, with more behind them or not. The pieces stay as they are. Other
 * negative errno: broken; -EKEYREJECTED as above.
 */
ssize_t na_syslog_link_write(struct na_syslog_link *link, struct iovec *pieces, size_t count,
			     struct na_buffer *why);

/*
 * Whether the stream still stands: reads what the far end says and forgets it. 0; -EPIPE: the far
 * end closed; other negative errno: broken.
 */
int na_syslog_link_look(struct na_syslog_link *link, struct na_buffer *why);

/* Bytes that the socket took, and how many of them the peer's kernel has; of a unix socket, its
 * reader. Valid only while the stream stands. */
uint64_t na_syslog_link_written(const struct na_syslog_link *link);
uint64_t na_syslog_link_arrived(const struct na_syslog_link *link);

/* Says that nothing more comes; the far end's answer is -EPIPE of look. */
void na_syslog_link_end(struct na_syslog_link *link);

#endif
