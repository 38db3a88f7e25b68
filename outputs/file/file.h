/* SPDX-License-Identifier: Apache-2.0 */
/* Output `file`: a line for each record into a file that is put aside by size and age. */
#ifndef NA_OUTPUT_FILE_H
#define NA_OUTPUT_FILE_H

#include "output.h"

enum na_file_compress { NA_FILE_GZIP, NA_FILE_NO_COMPRESS };
enum na_file_sync { NA_FILE_SYNC_NONE, NA_FILE_SYNC_INTERVAL, NA_FILE_SYNC_ALWAYS };

struct na_file_options {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) na_option_##type id;
#include "file/options.def"
};

extern const struct na_output na_output_file;

#endif
