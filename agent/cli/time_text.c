/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as people type them. */
#include "cli/time_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define FRACTION_DIGITS_MAX 9

/* Durations are at most this, so that sums of a few fit. */
#define DURATION_MAX_NS (UINT64_MAX / 8)

static uint64_t start_of_day(uint64_t now_ns, int days_ago)
{
	time_t seconds = (time_t)(now_ns / NA_NS_PER_SEC);
	struct tm day;

	localtime_r(&seconds, &day);
	day.tm_mday -= days_ago;
	day.tm_hour = day.tm_min = day.tm_sec = 0;
	day.tm_isdst = -1; /* that day's own: it may have had other clocks */
	return (uint64_t)mktime(&day) * NA_NS_PER_SEC;
}

static uint64_t unit_ns(char unit)
{
	switch (unit) {
	case 's':
		return NA_NS_PER_SEC;
	case 'm':
		return 60 * NA_NS_PER_SEC;
	case 'h':
		return 3600 * NA_NS_PER_SEC;
	case 'd':
		return 86400 * NA_NS_PER_SEC;
	case 'w':
		return 7 * 86400 * NA_NS_PER_SEC;
	default:
		return 0;
	}
}

/* "-2h", "1d12h", "2h ago". */
static int parse_passed(const char *text, uint64_t now_ns, uint64_t *ret_wall_ns)
{
	uint64_t total = 0;

	if (*text == '-')
		text++;
	do {
		uint64_t number, unit;
		char *end;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		errno = 0;
		number = strtoull(text, &end, 10);
		unit = unit_ns(*end);
		if (errno || !unit || number > DURATION_MAX_NS / unit)
			return -EINVAL;
		total += number * unit;
		if (total > DURATION_MAX_NS)
			return -EINVAL;
		text = end + 1;
	} while (*text && *text != ' ');
	if (*text && strcmp(text, " ago") != 0)
		return -EINVAL;
	*ret_wall_ns = total < now_ns ? now_ns - total : 0;
	return 0;
}

/* Behind a point; NULL: not one digit, or more than nanoseconds have. */
static const char *parse_fraction(const char *text, uint64_t *ret_ns)
{
	uint64_t ns = 0;
	int digits = 0;

	for (; *text >= '0' && *text <= '9'; text++, digits++)
		if (digits < FRACTION_DIGITS_MAX)
			ns = ns * 10 + (uint64_t)(*text - '0');
	if (!digits || digits > FRACTION_DIGITS_MAX)
		return NULL;
	while (digits++ < FRACTION_DIGITS_MAX)
		ns *= 10;
	*ret_ns = ns;
	return text;
}

/* "Z", "+01:00"; false: neither. Nothing: local time. */
static bool parse_offset(const char *text, bool *ret_local, long *ret_seconds)
{
	long sign = *text == '-' ? -1 : 1;

	*ret_local = !*text;
	*ret_seconds = 0;
	if (!*text || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) != 6 || text[3] != ':')
		return false;
	for (int i = 1; i < 6; i++)
		if (i != 3 && (text[i] < '0' || text[i] > '9'))
			return false;
	*ret_seconds = sign * (((text[1] - '0') * 10 + text[2] - '0') * 3600 +
			       ((text[4] - '0') * 10 + text[5] - '0') * 60);
	return true;
}

/* strptime takes fewer digits, and spaces, where a date has its places. */
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape; shape++, text++)
		if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
			return false;
	return true;
}

/* The time of day behind a date; NULL: none. */
static const char *parse_time(const char *text, struct tm *moment, uint64_t *ret_ns)
{
	if (*text != ' ' && *text != 'T' && *text != 't')
		return *text ? NULL : text;
	text++;
	if (has_shape(text, "00:00:00")) {
		text = strptime(text, "%H:%M:%S", moment);
		return text && *text == '.' ? parse_fraction(text + 1, ret_ns) : text;
	}
	return has_shape(text, "00:00") ? strptime(text, "%H:%M", moment) : NULL;
}

static int parse_date(const char *text, uint64_t *ret_wall_ns)
{
	struct tm moment = {.tm_isdst = -1};
	uint64_t ns = 0;
	time_t seconds;
	long offset;
	bool local;
	int day;

	if (!has_shape(text, "0000-00-00"))
		return -EINVAL;
	text = strptime(text, "%Y-%m-%d", &moment);
	if (text)
		text = parse_time(text, &moment, &ns);
	if (!text || !parse_offset(text, &local, &offset))
		return -EINVAL;
	day = moment.tm_mday;
	seconds = local ? mktime(&moment) : timegm(&moment) - offset;
	if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / NA_NS_PER_SEC - 1 ||
	    moment.tm_mday != day) /* the 31st of a month that has none */
		return -EINVAL;
	*ret_wall_ns = (uint64_t)seconds * NA_NS_PER_SEC + ns;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_time_text_parse(const char *text, uint64_t now_ns, uint64_t *ret_wall_ns)
{
	if (strcmp(text, "now") == 0)
		*ret_wall_ns = now_ns;
	else if (strcmp(text, "today") == 0)
		*ret_wall_ns = start_of_day(now_ns, 0);
	else if (strcmp(text, "yesterday") == 0)
		*ret_wall_ns = start_of_day(now_ns, 1);
	else if (parse_passed(text, now_ns, ret_wall_ns) < 0)
		return parse_date(text, ret_wall_ns);
	return 0;
}
