/* SPDX-License-Identifier: Apache-2.0 */
/* They are few: the file is opened for each. */
#include "ship/dead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "format/json.h"

static void done(struct na_buffer *buffer)
{
	na_buffer_done(buffer);
}

#define NA_BUFFER NA_CLEANUP(done)

static int rotate(const char *path)
{
	NA_BUFFER struct na_buffer old = {0};

	na_buffer_printf(&old, "%s.1", path);
	if (na_buffer_error(&old))
		return -ENOMEM;
	return rename(path, old.data) < 0 ? -errno : 0;
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

int na_dead_write(const char *path, const char *reason, struct na_text id, struct na_text body)
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
	if (stat(path, &status) == 0 && status.st_size > 0 &&
	    (uint64_t)status.st_size + line.length > NA_DEAD_BYTES_MAX) {
		error = rotate(path);
		if (error < 0)
			return error;
	}
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	return fd < 0 ? -errno : append(fd, &line);
}
