/* SPDX-License-Identifier: Apache-2.0 */
/* A list for sendmsg(2). What is copied never moves: room is made only while nothing points at it,
 * or for all of it. */
#include "syslog/pieces.h"

#include <errno.h>

#define PIECES_OF_ONE 3u
#define OWN_SIZE (256u << 10) /* heads of a full list, with some to spare */

static size_t copied_of(const struct na_syslog_parts *parts)
{
	return parts->head.length + (parts->is_own ? parts->body.length : 0);
}

static void add(struct na_syslog_pieces *pieces, const char *data, size_t length)
{
	if (!length)
		return;
	pieces->list[pieces->count++] = (struct iovec){(char *)data, length};
	pieces->bytes += length;
}

static void add_copy(struct na_syslog_pieces *pieces, struct na_text text)
{
	const char *copy = pieces->own.data + pieces->own.length;

	na_buffer_append(&pieces->own, text.data, text.length);
	add(pieces, copy, text.length);
}

/* ------------------------------------------------------------------------------------------- */

void na_syslog_pieces_done(struct na_syslog_pieces *pieces)
{
	na_buffer_done(&pieces->own);
	na_syslog_pieces_forget(pieces);
}

void na_syslog_pieces_forget(struct na_syslog_pieces *pieces)
{
	pieces->next = pieces->count = 0;
	pieces->bytes = 0;
	pieces->borrows = false;
	na_buffer_clear(&pieces->own);
}

int na_syslog_pieces_reserve(struct na_syslog_pieces *pieces, const struct na_syslog_parts *parts)
{
	size_t copied = copied_of(parts);

	if (!pieces->count)
		return na_buffer_reserve(&pieces->own, copied > OWN_SIZE ? copied : OWN_SIZE);
	return NA_SYSLOG_PIECES_MAX - pieces->count < PIECES_OF_ONE ||
			       pieces->bytes >= NA_SYSLOG_PIECES_BYTES ||
			       pieces->own.size - pieces->own.length < copied
		       ? -EAGAIN
		       : 0;
}

void na_syslog_pieces_add(struct na_syslog_pieces *pieces, const struct na_syslog_parts *parts)
{
	add_copy(pieces, parts->head);
	if (parts->is_own)
		add_copy(pieces, parts->body);
	else
		add(pieces, parts->body.data, parts->body.length);
	pieces->borrows = pieces->borrows || !parts->is_own;
	add(pieces, parts->tail.data, parts->tail.length);
}

int na_syslog_pieces_keep(struct na_syslog_pieces *pieces)
{
	struct na_buffer kept = {0};
	size_t bytes = pieces->bytes;

	if (!pieces->borrows)
		return 0;
	if (na_buffer_reserve(&kept, bytes + OWN_SIZE) < 0)
		return -ENOMEM;
	for (size_t i = pieces->next; i < pieces->count; i++)
		na_buffer_append(&kept, pieces->list[i].iov_base, pieces->list[i].iov_len);
	na_buffer_done(&pieces->own);
	na_syslog_pieces_forget(pieces);
	pieces->own = kept;
	add(pieces, pieces->own.data, bytes);
	return 0;
}

void na_syslog_pieces_advance(struct na_syslog_pieces *pieces, size_t bytes)
{
	pieces->bytes -= bytes;
	if (!pieces->bytes) {
		na_syslog_pieces_forget(pieces);
		return;
	}
	while (bytes >= pieces->list[pieces->next].iov_len)
		bytes -= pieces->list[pieces->next++].iov_len;
	pieces->list[pieces->next].iov_base = (char *)pieces->list[pieces->next].iov_base + bytes;
	pieces->list[pieces->next].iov_len -= bytes;
}
