/* SPDX-License-Identifier: Apache-2.0 */
/* Events of any type, with any fields, and texts as hostile as processes can make them. */
#ifndef NA_RANDOM_EVENT_H
#define NA_RANDOM_EVENT_H

#include "event.h"

struct na_random_event {
	struct na_event event; /* its texts are in what follows */
	size_t bytes_used, items_used;
	char bytes[1 << 15];
	struct na_text items[1 << 10];
};

/* Repeatable: `state` is any number but 0, and carries on from call to call. */
uint64_t na_random(uint64_t *state);

/* Required fields are all there, of the others about `percent`. */
void na_random_event_make(struct na_random_event *random, unsigned int percent, uint64_t *state);

#endif
