/* SPDX-License-Identifier: Apache-2.0 */
/* The options of output `http` as rows, and what they tell others before it is opened. Any thread.
 */
#ifndef NA_HTTP_OPTIONS_H
#define NA_HTTP_OPTIONS_H

#include "http/http.h"

enum {
	NA_HTTP_OPTION_COUNT = 0
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) +1
#include "http/options.def"
};

extern const struct na_option na_http_option_rows[NA_HTTP_OPTION_COUNT];

na_output_check na_http_check;
na_output_paths na_http_paths;
na_output_endpoints na_http_endpoints;
na_output_fields na_http_fields;

#endif
