/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fastest level: it makes a seventh of our JSON, the default one a ninth in twice the time, and
 * events are many.
 */
#include "http/gzip.h"

#include <assert.h>
#include <errno.h>

#define GZIP_WINDOW (15 + 16) /* 16: a gzip header, no zlib one */

int na_http_gzip_init(z_stream *stream)
{
	*stream = (z_stream){0};
	return deflateInit2(stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) ==
			       Z_OK
		       ? 0
		       : -ENOMEM;
}

int na_http_gzip(z_stream *stream, const struct na_buffer *in, struct na_buffer *out)
{
	uLong room = deflateBound(stream, in->length);
	int result;

	if (na_buffer_reserve(out, room) < 0)
		return -ENOMEM;
	stream->next_in = (Bytef *)in->data;
	stream->avail_in = (uInt)in->length; /* far below 4 GiB: batch_bytes, or one record */
	stream->next_out = (Bytef *)out->data + out->length;
	stream->avail_out = (uInt)room;
	result = deflate(stream, Z_FINISH);
	assert(result == Z_STREAM_END); /* deflateBound says that it fits */
	out->length += room - stream->avail_out;
	deflateReset(stream);
	return 0;
}
