/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipping process on its way to where it is configured to send: no event, else what a batch
 * causes would be the next batch; nor is the other end of such a connection, where a receiver runs
 * on this host. All else that it does is one: if it was taken over, that shows. Capture thread
 * only.
 */
#ifndef NA_SHIPPER_H
#define NA_SHIPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct na_shipper_endpoint {
	struct na_address address;
	bool any_address; /* configured by name, which only the shipping process asks for */
	uint16_t port;
};

#define NA_SHIPPER_RECENT 64

/* Where one of its connections comes from. */
struct na_shipper_source {
	struct na_address address;
	uint16_t port; /* 0: none */
};

/* All 0: there is no shipping process. */
struct na_shipper {
	int32_t helper_pid; /* its parent, and nobody else's */
	struct na_shipper_endpoint *endpoints;
	size_t count;
	struct na_shipper_source recent[NA_SHIPPER_RECENT]; /* the latest, in a ring */
	size_t next;
};

/* `host` is a name or an address. 0 or -ENOMEM. */
int na_shipper_add(struct na_shipper *shipper, struct na_text host, uint16_t port);

/* Forgets the endpoints. */
void na_shipper_clear(struct na_shipper *shipper);

/* Also a socket that it made, of which nobody knows yet where it goes. */
bool na_shipper_owns(struct na_shipper *shipper, const struct na_event *event);

#endif
