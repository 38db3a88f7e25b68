/* SPDX-License-Identifier: Apache-2.0 */
/* The options of output `file` as rows. Any thread. */
#ifndef NA_FILE_OPTIONS_H
#define NA_FILE_OPTIONS_H

#include "file/file.h"

enum {
	NA_FILE_OPTION_COUNT = 0
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) +1
#include "file/options.def"
};

extern const struct na_option na_file_option_rows[NA_FILE_OPTION_COUNT];

na_output_check na_file_check;

#endif
