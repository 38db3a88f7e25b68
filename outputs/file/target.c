/* SPDX-License-Identifier: Apache-2.0 */
/* The file itself. */
#include "file/target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define LINE_MAX_BYTES (4u << 20) /* a longer last line is no torn one of ours */
#define PIECE 4096

/* Where the last whole line ends; negative errno; -ENOENT: no line ends in the last 4 MiB. */
static off_t end_of_lines(int fd, off_t size)
{
	char piece[PIECE];
	off_t at = size;

	while (at > 0 && size - at < LINE_MAX_BYTES) {
		size_t want = at < PIECE ? (size_t)at : PIECE;
		ssize_t count = pread(fd, piece, want, at - (off_t)want);
		const char *newline;

		if (count != (ssize_t)want)
			return count < 0 ? -errno : -EIO;
		newline = memrchr(piece, '\n', want);
		at -= (off_t)want;
		if (newline)
			return at + (newline - piece) + 1;
	}
	return at ? -ENOENT : 0;
}

/* A crash left a part of a line: its event was not acknowledged and comes again. */
static int cut_torn(struct na_file_target *target, off_t size)
{
	off_t end = size ? end_of_lines(target->fd, size) : 0;

	if (end == -ENOENT) {
		if (write(target->fd, "\n", 1) != 1)
			return -ENOSPC;
		end = size + 1;
	} else if (end < 0) {
		return (int)end;
	} else if (end < size && ftruncate(target->fd, end) < 0) {
		return -errno;
	}
	target->size = (uint64_t)end;
	target->torn = false;
	return 0;
}

/* When it was made; some file systems do not know. */
static uint64_t birth_ns(int fd)
{
	struct statx status;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) < 0 ||
	    !(status.stx_mask & STATX_BTIME))
		return na_clock_wall_ns();
	return (uint64_t)status.stx_btime.tv_sec * NA_NS_PER_SEC + status.stx_btime.tv_nsec;
}

static int take_on(struct na_file_target *target)
{
	struct stat status;

	if (fstat(target->fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	target->device = status.st_dev;
	target->inode = status.st_ino;
	target->made = status.st_size == 0;
	target->begun_wall_ns = status.st_size ? birth_ns(target->fd) : na_clock_wall_ns();
	return cut_torn(target, status.st_size);
}

/* Somebody may have cut it (copytruncate); what we left torn goes. */
static int look_at_size(struct na_file_target *target)
{
	struct stat status;

	if (fstat(target->fd, &status) < 0)
		return -errno;
	if (target->torn && (uint64_t)status.st_size > target->size) {
		if (ftruncate(target->fd, (off_t)target->size) < 0)
			return -errno;
		status.st_size = (off_t)target->size;
	}
	target->torn = false;
	target->size = (uint64_t)status.st_size;
	return 0;
}

static int sync_folder(const char *path)
{
	struct na_buffer folder = {0};
	NA_CLOSE int fd = -1;

	na_buffer_append(&folder, path, (size_t)(strrchr(path, '/') - path) + 1);
	na_buffer_append_char(&folder, '\0');
	if (na_buffer_error(&folder))
		return -ENOMEM;
	fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	na_buffer_done(&folder);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_file_target_open(struct na_file_target *target)
{
	int error;

	/* Not blocked by a pipe that nobody reads; files do not care. */
	target->fd = open(target->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	if (target->fd < 0)
		return -errno;
	error = take_on(target);
	if (error < 0)
		na_file_target_close(target);
	return error;
}

void na_file_target_close(struct na_file_target *target)
{
	na_cleanup_fd(&target->fd);
	target->fd = -1;
}

int na_file_target_write(struct na_file_target *target, const char *data, size_t length,
			 size_t *ret_written)
{
	int error = look_at_size(target);

	*ret_written = 0;
	while (!error && length) {
		ssize_t count = write(target->fd, data, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			error = -errno;
			break;
		}
		data += count;
		length -= (size_t)count;
		*ret_written += (size_t)count;
	}
	if (!error)
		target->size += *ret_written;
	return error;
}

void na_file_target_mend(struct na_file_target *target, size_t whole, size_t written)
{
	target->size += whole;
	if (written > whole)
		target->torn = ftruncate(target->fd, (off_t)target->size) < 0;
}

int na_file_target_sync(struct na_file_target *target)
{
	int error = 0;

	if (fdatasync(target->fd) < 0)
		return -errno;
	if (target->made)
		error = sync_folder(target->path);
	target->made = target->made && error;
	return error;
}

bool na_file_target_is_there(const struct na_file_target *target)
{
	struct stat status;

	return stat(target->path, &status) == 0 && status.st_dev == target->device &&
	       status.st_ino == target->inode;
}
