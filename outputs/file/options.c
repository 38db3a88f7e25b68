/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def, and what they alone cannot check. */
#include "file/options.h"

#include <errno.h>

#include "base/buffer.h"

/* clang-format off */
const struct na_option na_file_option_rows[NA_FILE_OPTION_COUNT] = {
#define NA_OPTION(id, path_, type_, fallback_, min_, max_, allowed_, doc_)                         \
	{.path = path_, .type = NA_OPTION_##type_, .fallback = fallback_, .min = min_,             \
	 .max = max_, .allowed = allowed_, .doc = doc_,                                            \
	 .offset = offsetof(struct na_file_options, id),                                           \
	 .size = sizeof(((struct na_file_options *)NULL)->id)},
#include "file/options.def"
};
/* clang-format on */

int na_file_check(const void *values, struct na_buffer *why)
{
	const struct na_file_options *options = values;

	if (options->path.length && options->path.data[0] == '/' &&
	    options->path.data[options->path.length - 1] != '/')
		return 0;
	na_buffer_append_string(why, "path: the name of a file that begins with / is needed");
	return -EINVAL;
}
