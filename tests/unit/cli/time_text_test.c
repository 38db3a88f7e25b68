/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as people type them, in a time zone that has summer time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/time_text.h"

#define NOW_S INT64_C(1795860000) /* 2026-11-28T10:00:00Z, 11:00 in Berlin */
#define HOUR 3600

static void known_moments(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds, ns;
	} cases[] = {
		{"now", NOW_S, 0},
		{"today", NOW_S - 11 * HOUR, 0},
		{"yesterday", NOW_S - 35 * HOUR, 0},
		{"-15m", NOW_S - 900, 0},
		{"15m", NOW_S - 900, 0},
		{"2h ago", NOW_S - 2 * HOUR, 0},
		{"1d12h", NOW_S - 36 * HOUR, 0},
		{"1w", NOW_S - 168 * HOUR, 0},
		{"0s", NOW_S, 0},
		{"3000w", 0, 0}, /* before 1970 */
		{"2026-11-28T10:00:00Z", NOW_S, 0},
		{"2026-11-28t10:00:00z", NOW_S, 0},
		{"2026-11-28T10:00:00.5Z", NOW_S, 500000000},
		{"2026-11-28T10:00:00.123456789Z", NOW_S, 123456789},
		{"2026-11-28T12:00:00+02:00", NOW_S, 0},
		{"2026-11-28T04:30:00-05:30", NOW_S, 0},
		{"2026-11-28 11:00:00", NOW_S, 0},
		{"2026-11-28 11:00", NOW_S, 0},
		{"2026-11-28T11:00", NOW_S, 0},
		{"2026-11-28", NOW_S - 11 * HOUR, 0},
		{"2026-07-01 12:00", 1782900000, 0}, /* in summer time */
		{"1970-01-01T00:00:00Z", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t got = 1;

		if (na_time_text_parse(cases[i].text, (uint64_t)NOW_S * NA_NS_PER_SEC, &got) < 0)
			fail_msg("%s", cases[i].text);
		if (got != (uint64_t)cases[i].seconds * NA_NS_PER_SEC + (uint64_t)cases[i].ns)
			fail_msg("%s is %llu", cases[i].text, (unsigned long long)got);
	}
}

static void no_moments(void **state)
{
	static const char *const cases[] = {
		"",
		"-",
		"x",
		"15",
		"15x",
		"m",
		"-15m ",
		"15m agox",
		"15m  ago",
		"--15m",
		"-1-5m",
		"99999999999999999999s",
		"9999999999999w",
		"2026-11-28T",
		"2026-11-28 1:00",
		"2026-1-28",
		"2026-13-01",
		"2026-02-30",
		"2026-11-28T25:00:00Z",
		"2026-11-28x",
		"2026-11-28T10:00:00.Z",
		"2026-11-28T10:00:00.1234567890Z",
		"2026-11-28T10:00:00+2:00",
		"2026-11-28T10:00:00+0200",
		"2026-11-28T10:00:00+aa:00",
		"1969-12-31T23:59:59Z",
		"2026-11-28T10:00:00 Z",
		" 2026-11-28",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t got = 77;

		if (na_time_text_parse(cases[i], (uint64_t)NOW_S * NA_NS_PER_SEC, &got) != -EINVAL)
			fail_msg("\"%s\" is %llu", cases[i], (unsigned long long)got);
		assert_int_equal(got, 77);
	}
}

/* The day that has 25 hours: its start, not 24 hours before. */
static void days_are_the_calendars(void **state)
{
	const uint64_t noon = UINT64_C(1792926000); /* 2026-10-25 12:00 in Berlin */
	uint64_t got;

	(void)state;
	assert_int_equal(na_time_text_parse("today", noon * NA_NS_PER_SEC, &got), 0);
	assert_int_equal(got / NA_NS_PER_SEC, noon - 13 * HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_moments),
		cmocka_unit_test(no_moments),
		cmocka_unit_test(days_are_the_calendars),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
