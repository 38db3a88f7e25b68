/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests, compressed. One thread for each stream. */
#ifndef NA_HTTP_GZIP_H
#define NA_HTTP_GZIP_H

#include <zlib.h>

#include "base/buffer.h"

/* 0 or -ENOMEM. */
int na_http_gzip_init(z_stream *stream);

/* Appends `in` as a gzip file of its own. 0 or -ENOMEM. */
int na_http_gzip(z_stream *stream, const struct na_buffer *in, struct na_buffer *out);

#endif
