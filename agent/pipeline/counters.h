/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of stats.def. Capture thread only. */
#ifndef NA_COUNTERS_H
#define NA_COUNTERS_H

#include <stdint.h>

enum na_stat {
#define NA_STAT(id, name, unit, doc) NA_STAT_##id,
#include "stats.def"
	NA_STAT_COUNT
};

struct na_counters {
	uint64_t values[NA_STAT_COUNT];
};

#endif
