/* SPDX-License-Identifier: Apache-2.0 */
/* Through zlib, a piece at a time. */
#include "file/gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"

#define PIECE 65536
#define GZIP_WINDOW (15 + 16) /* 32 KiB, and a gzip header */
#define MEMORY_LEVEL 8

struct work {
	z_stream stream;
	int from, to;
	uint8_t in[PIECE], out[PIECE];
};

static int write_all(int fd, const uint8_t *data, size_t length)
{
	while (length) {
		ssize_t count = write(fd, data, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		data += count;
		length -= (size_t)count;
	}
	return 0;
}

/* All that the input gives; with Z_FINISH the end too. */
static int squeeze(struct work *work, int flush)
{
	do {
		int error;

		work->stream.next_out = work->out;
		work->stream.avail_out = PIECE;
		if (deflate(&work->stream, flush) == Z_STREAM_ERROR)
			return -EINVAL;
		error = write_all(work->to, work->out, PIECE - work->stream.avail_out);
		if (error < 0)
			return error;
	} while (!work->stream.avail_out);
	return 0;
}

static int compress_all(struct work *work, const atomic_bool *stop)
{
	for (;;) {
		ssize_t count = read(work->from, work->in, PIECE);
		int error;

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (atomic_load_explicit(stop, memory_order_relaxed))
			return -ECANCELED;
		work->stream.next_in = work->in;
		work->stream.avail_in = (uInt)count;
		error = squeeze(work, count ? Z_NO_FLUSH : Z_FINISH);
		if (error < 0 || !count)
			return error;
	}
}

static int compress_open(struct work *work, const atomic_bool *stop)
{
	int error;

	if (deflateInit2(&work->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW,
			 MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	error = compress_all(work, stop);
	deflateEnd(&work->stream);
	if (!error && fsync(work->to) < 0)
		error = -errno;
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_file_gzip(const char *from, const char *to, const atomic_bool *stop)
{
	NA_FREE struct work *work = calloc(1, sizeof(*work));
	NA_CLOSE int source = open(from, O_RDONLY | O_CLOEXEC);
	NA_CLOSE int target = -1;
	struct stat status;
	int error;

	if (!work)
		return -ENOMEM;
	if (source < 0 || fstat(source, &status) < 0)
		return -errno;
	target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, status.st_mode & 0777);
	if (target < 0)
		return -errno;
	work->from = source;
	work->to = target;
	error = compress_open(work, stop);
	if (error < 0)
		unlink(to);
	return error;
}
