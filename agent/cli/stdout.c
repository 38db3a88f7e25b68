/* SPDX-License-Identifier: Apache-2.0 */
/* stdout. */
#include "cli/stdout.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool na_cli_wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

unsigned int na_cli_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int na_cli_write(struct na_buffer *out)
{
	size_t written = 0;
	int error = 0;

	while (!error && written < out->length) {
		ssize_t count = write(STDOUT_FILENO, out->data + written, out->length - written);

		if (count >= 0)
			written += (size_t)count;
		else if (errno != EINTR)
			error = -errno;
	}
	na_buffer_clear(out);
	return error;
}
