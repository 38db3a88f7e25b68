/* SPDX-License-Identifier: Apache-2.0 */
/* They are few: the file is opened for each. */
#include "ship/dead.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "format/json.h"

static void done(struct na_buffer *buffer)
{
	na_buffer_done(buffer);
}

#define NA_BUFFER NA_CLEANUP(done)

/* 0 when there is no such file. Negative errno. */
static int64_t count_lines(const char *path)
{
	NA_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[65536];
	int64_t lines = 0;
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((length = read(fd, part, sizeof(part))) > 0)
		for (ssize_t i = 0; i < length; i++)
			lines += part[i] == '\n';
	return length < 0 ? -errno : lines;
}

/* Written beside its place and renamed: the one number or the other is there. */
static int store_count(const char *path, uint64_t count)
{
	NA_BUFFER struct na_buffer name = {0}, temporary = {0};
	NA_CLOSE int fd = -1;
	char text[24];
	int length = snprintf(text, sizeof(text), "%" PRIu64 "\n", count);

	na_buffer_printf(&name, "%s.lost%c", path, '\0');
	na_buffer_printf(&temporary, "%s.lost.tmp%c", path, '\0');
	if (na_buffer_error(&name) || na_buffer_error(&temporary))
		return -ENOMEM;
	fd = open(temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)length) != length)
		return -ENOSPC;
	return rename(temporary.data, name.data) < 0 ? -errno : 0;
}

static int rotate(struct na_dead *dead)
{
	NA_BUFFER struct na_buffer old = {0};
	int64_t lines;
	int error = 0;

	na_buffer_printf(&old, "%s.1%c", dead->path, '\0');
	if (na_buffer_error(&old))
		return -ENOMEM;
	lines = count_lines(old.data);
	if (lines > 0)
		error = store_count(dead->path, dead->thrown_away + (uint64_t)lines);
	if (lines < 0 || error < 0)
		return error < 0 ? error : (int)lines;
	dead->thrown_away += (uint64_t)lines;
	return rename(dead->path, old.data) < 0 ? -errno : 0;
}

/* A crash or a full disk left a part of a line: the next one does not continue it. */
static bool is_torn(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static int append(int fd, const struct na_buffer *line)
{
	struct stat before;
	ssize_t count;

	if (fstat(fd, &before) < 0)
		return -errno;
	if (is_torn(fd, before.st_size) && write(fd, "\n", 1) != 1)
		return -ENOSPC;
	count = write(fd, line->data, line->length);
	if (count == (ssize_t)line->length)
		return 0;
	if (count < 0)
		return -errno;
	/* When this fails too, the line stays torn, and is_torn sees it. */
	return ftruncate(fd, before.st_size) < 0 ? -errno : -ENOSPC;
}

/* ------------------------------------------------------------------------------------------- */

int na_dead_load(struct na_dead *dead)
{
	NA_BUFFER struct na_buffer name = {0};
	char text[24] = "", *end;
	uint64_t count;
	ssize_t length;

	na_buffer_printf(&name, "%s.lost%c", dead->path, '\0');
	if (na_buffer_error(&name))
		return -ENOMEM;
	NA_CLOSE int fd = open(name.data, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	length = read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	count = strtoull(text, &end, 10);
	if (end == text || *end != '\n')
		return -EBADMSG;
	dead->thrown_away = count;
	return 0;
}

int na_dead_write(struct na_dead *dead, const char *reason, struct na_text id, struct na_text body)
{
	NA_BUFFER struct na_buffer line = {0};
	NA_CLOSE int fd = -1;
	struct stat status;
	int error;

	na_buffer_append_string(&line, "{\"reason\":");
	na_json_append_text(&line, na_text_of(reason));
	na_buffer_append_string(&line, ",\"id\":");
	na_json_append_text(&line, id);
	na_buffer_append_string(&line, ",\"body\":");
	na_json_append_text(&line, body);
	na_buffer_append_string(&line, "}\n");
	if (na_buffer_error(&line))
		return -ENOMEM;
	if (stat(dead->path, &status) == 0 && status.st_size > 0 &&
	    (uint64_t)status.st_size + line.length > NA_DEAD_BYTES_MAX) {
		error = rotate(dead);
		if (error < 0)
			return error;
	}
	fd = open(dead->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	return fd < 0 ? -errno : append(fd, &line);
}
