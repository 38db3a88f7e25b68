/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets from files. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SECRET_MAX 65536u

static int wrong(struct na_buffer *why, const char *path, const char *what, int error)
{
	na_buffer_printf(why, "%s %s", path, what);
	return error;
}

static int cannot_read(struct na_buffer *why, const char *path, int error)
{
	na_buffer_printf(why, "%s cannot be read: %s", path, strerrordesc_np(-error));
	return error;
}

/* Up to a byte more than a secret may have. Negative errno, or how many. */
static ssize_t read_file(const char *path, char *data)
{
	NA_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t length = 0;
	ssize_t count;

	if (fd < 0)
		return -errno;
	do {
		count = read(fd, data + length, SECRET_MAX + 1 - length);
		if (count < 0)
			return -errno;
		length += (size_t)count;
	} while (count && length <= SECRET_MAX);
	return (ssize_t)length;
}

/* ------------------------------------------------------------------------------------------- */

int na_secret_path(const char *name, struct na_buffer *out)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	if (strchr(name, '/'))
		na_buffer_printf(out, "%s%c", name, '\0');
	else if (folder)
		na_buffer_printf(out, "%s/%s%c", folder, name, '\0');
	else
		return -ENOENT;
	return na_buffer_error(out);
}

int na_secret_read(const char *name, struct na_buffer *out, struct na_buffer *why)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};
	NA_CLEANUP(na_secret_done) struct na_buffer read = {0};
	int error = na_secret_path(name, &path);
	ssize_t count;

	if (error == -ENOENT)
		return wrong(why, name, "is no path, and systemd handed over no credentials",
			     error);
	if (error || na_buffer_reserve(&read, SECRET_MAX + 1) < 0)
		return -ENOMEM;
	count = read_file(path.data, read.data);
	if (count < 0)
		return cannot_read(why, path.data, (int)count);
	read.length = (size_t)count;
	if (read.length && read.data[read.length - 1] == '\n')
		read.length--;
	if (!read.length || read.length > SECRET_MAX || memchr(read.data, '\0', read.length))
		return wrong(why, path.data, "holds no secret: one line of text is wanted",
			     -EINVAL);
	na_buffer_append(out, read.data, read.length);
	na_buffer_append_char(out, '\0');
	if (na_buffer_error(out))
		return -ENOMEM;
	out->length--;
	return 0;
}

void na_secret_done(struct na_buffer *secret)
{
	if (secret->data)
		explicit_bzero(secret->data, secret->size);
	na_buffer_done(secret);
}
