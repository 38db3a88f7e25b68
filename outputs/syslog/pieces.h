/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that no write took yet: heads in memory of its own, bodies where the host keeps them until
 * they are acknowledged. A batch that is written whole, then begun anew. One thread.
 */
#ifndef NA_SYSLOG_PIECES_H
#define NA_SYSLOG_PIECES_H

#include <sys/uio.h>

#include "base/buffer.h"
#include "syslog/message.h"

#define NA_SYSLOG_PIECES_MAX 1024u /* UIO_MAXIOV: what one sendmsg(2) takes */

/* All 0 is an empty one. */
struct na_syslog_pieces {
	struct iovec list[NA_SYSLOG_PIECES_MAX];
	size_t next, count; /* of the list: the first that is not written, and the end */
	size_t bytes;       /* of all that are not written */
	struct na_buffer own;
};

void na_syslog_pieces_done(struct na_syslog_pieces *pieces);
void na_syslog_pieces_forget(struct na_syslog_pieces *pieces);

/* Room for this one. 0; -EAGAIN: not until all that is there was written; -ENOMEM. */
int na_syslog_pieces_reserve(struct na_syslog_pieces *pieces, const struct na_syslog_parts *parts);

/* Adds the one that has room. */
void na_syslog_pieces_add(struct na_syslog_pieces *pieces, const struct na_syslog_parts *parts);

/* So many bytes were written. */
void na_syslog_pieces_advance(struct na_syslog_pieces *pieces, size_t bytes);

#endif
