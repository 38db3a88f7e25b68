/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords and tokens, from files. Any thread. */
#ifndef NA_SECRET_H
#define NA_SECRET_H

#include "base/buffer.h"

/*
 * Where `name` is read from: a name with a / is a path, any other one a credential that systemd
 * handed over, a file in $CREDENTIALS_DIRECTORY. With a NUL behind. 0, -ENOMEM, or -ENOENT: there
 * are no credentials.
 */
int na_secret_path(const char *name, struct na_buffer *out);

/*
 * Appends what the file holds, without the line's end behind it, and a NUL that does not count. An
 * empty one, one above 64 KiB or with a NUL in it is none: -EINVAL. Other negative errno: it cannot
 * be read. `why` gets a sentence that names the file and never what is in it.
 */
int na_secret_read(const char *name, struct na_buffer *out, struct na_buffer *why);

/* As na_buffer_done; what the buffer held is overwritten before. */
void na_secret_done(struct na_buffer *secret);

#endif
