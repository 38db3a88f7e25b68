/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to stderr, one write each so that threads do not mix lines. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_SIZE 1024

static enum na_log_level max_level = NA_LOG_INFO;

/* sd-daemon(3): <3> err, <4> warning, <5> notice, <6> info, <7> debug. */
static const char *const prefixes[NA_LOG_COUNT][2] = {
	[NA_LOG_ERROR] = {"<3>", "error: "}, [NA_LOG_WARNING] = {"<4>", "warning: "},
	[NA_LOG_NOTICE] = {"<5>", ""},       [NA_LOG_INFO] = {"<6>", ""},
	[NA_LOG_DEBUG] = {"<7>", "debug: "},
};

void na_log_set_level(enum na_log_level level)
{
	max_level = level;
}

bool na_log_enabled(enum na_log_level level)
{
	return level <= max_level;
}

void na_log(enum na_log_level level, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;
	int length, head;

	if (!na_log_enabled(level))
		return;
	head = snprintf(line, sizeof(line), "%snetaudit: %s",
			isatty(STDERR_FILENO) ? "" : prefixes[level][0], prefixes[level][1]);
	va_start(arguments, format);
	length = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	length += head;
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nobody left to tell */
}
