/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as people type them. Any thread that does not change TZ. */
#ifndef NA_TIME_TEXT_H
#define NA_TIME_TEXT_H

#include <stdint.h>

/* For --help of every command that takes one. */
#define NA_TIME_TEXT_HELP                                                                          \
	"T is RFC 3339 (2026-11-28T10:00:00Z), local time (2026-11-28, \"2026-11-28 10:00\"),\n"   \
	"a time that passed since (15m, 2h, 1d12h, \"2h ago\"), now, today or yesterday."

/*
 * Wall time in nanoseconds; times that passed are seen from `now_ns`. Without an offset it is local
 * time. -EINVAL: none of these.
 */
int na_time_text_parse(const char *text, uint64_t now_ns, uint64_t *ret_wall_ns);

#endif
