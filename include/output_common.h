/* SPDX-License-Identifier: Apache-2.0 */
/* What every output is configured with, beside the options of its type: output_options.def. */
#ifndef NA_OUTPUT_COMMON_H
#define NA_OUTPUT_COMMON_H

#include "option_row.h"

enum na_output_format { NA_OUTPUT_ECS, NA_OUTPUT_FLAT, NA_OUTPUT_LINE };
enum na_output_view { NA_OUTPUT_LIFECYCLE, NA_OUTPUT_CONNECTIONS };
enum na_output_start { NA_OUTPUT_OLDEST, NA_OUTPUT_NEWEST };

struct na_output_common {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) na_option_##type id;
#include "output_options.def"
};

#endif
