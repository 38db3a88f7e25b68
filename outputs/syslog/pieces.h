/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that no write took yet: heads in memory of its own, bodies where the host has them while
 * it offers them; what is left then is copied. A batch that is written whole, then begun anew. One
 * thread.
 */
#ifndef NA_SYSLOG_PIECES_H
#define NA_SYSLOG_PIECES_H

#include <stdbool.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "syslog/message.h"

#define NA_SYSLOG_PIECES_MAX 1024u        /* UIO_MAXIOV: what one sendmsg(2) takes */
#define NA_SYSLOG_PIECES_BYTES (1u << 20) /* with so many it is full: what is copied is bounded */

/* All 0 is an empty one. */
struct na_syslog_pieces {
	struct iovec list[NA_SYSLOG_PIECES_MAX];
	size_t next, count; /* of the list: the first that is not written, and the end */
	size_t bytes;       /* of all that are not written */
	bool borrows;       /* some bodies are the host's */
	struct na_buffer own;
};

void na_syslog_pieces_done(struct na_syslog_pieces *pieces);
void na_syslog_pieces_forget(struct na_syslog_pieces *pieces);

/* Room for this one. 0; -EAGAIN: not until all that is there was written; -ENOMEM. */
int na_syslog_pieces_reserve(struct na_syslog_pieces *pieces, const struct na_syslog_parts *parts);

/* Adds the one that has room. */
void na_syslog_pieces_add(struct na_syslog_pieces *pieces, const struct na_syslog_parts *parts);

/* What was not written lies in memory of its own from now on. 0 or -ENOMEM. */
int na_syslog_pieces_keep(struct na_syslog_pieces *pieces);

/* So many bytes were written. */
void na_syslog_pieces_advance(struct na_syslog_pieces *pieces, size_t bytes);

#endif
