/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to stderr, for the operator: with a journald priority prefix when stderr is not a
 * terminal. Any thread. Library-like code returns errors; who decides what follows logs, once.
 */
#ifndef NA_LOG_H
#define NA_LOG_H

#include <stdbool.h>

enum na_log_level {
	NA_LOG_ERROR,
	NA_LOG_WARNING,
	NA_LOG_NOTICE,
	NA_LOG_INFO,
	NA_LOG_DEBUG,
	NA_LOG_COUNT
};

/* Messages above this level are dropped. NA_LOG_INFO at start. */
void na_log_set_level(enum na_log_level level);
bool na_log_enabled(enum na_log_level level);

void na_log(enum na_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define na_log_error(...) na_log(NA_LOG_ERROR, __VA_ARGS__)
#define na_log_warning(...) na_log(NA_LOG_WARNING, __VA_ARGS__)
#define na_log_notice(...) na_log(NA_LOG_NOTICE, __VA_ARGS__)
#define na_log_info(...) na_log(NA_LOG_INFO, __VA_ARGS__)
#define na_log_debug(...) na_log(NA_LOG_DEBUG, __VA_ARGS__)

#endif
