/* SPDX-License-Identifier: Apache-2.0 */
/* An afternoon of a host: at least one event of each type, the same for every test. */
#ifndef NA_SAMPLES_H
#define NA_SAMPLES_H

#include <stddef.h>

#include "event.h"

struct na_sample {
	const char *name; /* of the golden file: the event's name, "-" and a variant behind it */
	void (*fill)(struct na_event *event);
	enum na_event_type type;
};

extern const struct na_sample na_samples[];
extern const size_t na_sample_count;

/* Its texts live as long as the program. */
struct na_event na_sample_event(size_t i);

/* What every event of this host has. */
struct na_event na_sample_constants(void);

#endif
