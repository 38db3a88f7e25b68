/* SPDX-License-Identifier: Apache-2.0 */
/* The options of output `syslog` as rows. Any thread. */
#ifndef NA_SYSLOG_OPTIONS_H
#define NA_SYSLOG_OPTIONS_H

#include "syslog/syslog.h"

enum {
	NA_SYSLOG_OPTION_COUNT = 0
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) +1
#include "syslog/options.def"
};

extern const struct na_option na_syslog_option_rows[NA_SYSLOG_OPTION_COUNT];

na_output_check na_syslog_check;

#endif
