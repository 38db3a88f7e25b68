/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities as short as a person wants them. */
#include "format/human.h"

#include "base/clock.h"

static uint64_t divide_rounded(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit >= unit - value % unit);
}

/* `value` / `unit`: 1.2, 12, 123. */
static void append_ratio(struct na_buffer *out, uint64_t value, uint64_t unit, const char *name)
{
	uint64_t rest = value % unit;
	uint64_t tenths = value / unit * 10 + (rest * 10 + unit / 2) / unit;

	if (unit > 1 && tenths < 100)
		na_buffer_printf(out, "%u.%u%s", (unsigned int)tenths / 10,
				 (unsigned int)tenths % 10, name);
	else
		na_buffer_printf(out, "%u%s", (unsigned int)divide_rounded(value, unit), name);
}

/* 3m12s: `ns` in units of `small`, `count` of which make a big one. */
static void append_pair(struct na_buffer *out, uint64_t ns, uint64_t small, uint64_t count,
			const char *names)
{
	uint64_t value = ns / small;

	na_buffer_printf(out, "%u%c%02u%c", (unsigned int)(value / count), names[0],
			 (unsigned int)(value % count), names[1]);
}

/* ------------------------------------------------------------------------------------------- */

void na_human_append_bytes(struct na_buffer *out, uint64_t bytes)
{
	static const char *const names[] = {"B", "K", "M", "G", "T", "P", "E"};
	unsigned int unit = 0;
	uint64_t size = 1;

	while (divide_rounded(bytes, size) >= 1000) {
		unit++;
		size *= 1024;
	}
	append_ratio(out, bytes, size, names[unit]);
}

void na_human_append_duration(struct na_buffer *out, uint64_t ns)
{
	const uint64_t minute = 60 * NA_NS_PER_SEC, hour = 60 * minute, day = 24 * hour;

	if (ns < NA_NS_PER_US)
		append_ratio(out, ns, 1, "ns");
	else if (ns < NA_NS_PER_MS - NA_NS_PER_US / 2)
		append_ratio(out, ns, NA_NS_PER_US, "µs");
	else if (ns < NA_NS_PER_SEC - NA_NS_PER_MS / 2)
		append_ratio(out, ns, NA_NS_PER_MS, "ms");
	else if (ns < minute - NA_NS_PER_SEC / 2)
		append_ratio(out, ns, NA_NS_PER_SEC, "s");
	else if (ns < hour - NA_NS_PER_SEC / 2)
		append_pair(out, ns + NA_NS_PER_SEC / 2, NA_NS_PER_SEC, 60, "ms");
	else if (ns < day - minute / 2)
		append_pair(out, ns + minute / 2, minute, 60, "hm");
	else
		append_pair(out, ns, hour, 24, "dh");
}
