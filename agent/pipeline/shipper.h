/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipping process on its way to where it is configured to send: no event, else what a batch
 * causes would be the next batch; nor is the other end of such a connection, where a receiver runs
 * on this host. All else that it does is one: if it was taken over, that shows.
 *
 * What is configured by name only the shipping process looks up, and it is not believed: its first
 * connection to each address is told as anybody's is, those after it are not; nor is what the first
 * one moves (flows, hooks), which would have no end. Capture thread only.
 */
#ifndef NA_SHIPPER_H
#define NA_SHIPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct na_shipper_endpoint {
	struct na_address address;
	bool is_name; /* any address, which is told once */
	uint16_t port;
};

/* An address that a name stood for. */
struct na_shipper_place {
	struct na_address address;
	uint16_t port; /* 0: none */
	bool datagram;
	uint64_t first; /* cookie of the socket that is told of */
};

/* Of more addresses than that the oldest are told of again. */
#define NA_SHIPPER_PLACES 256
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
	struct na_shipper_place places[NA_SHIPPER_PLACES]; /* the latest, in a ring */
	size_t next_place;
};

/* `host` is a name or an address. 0 or -ENOMEM. */
int na_shipper_add(struct na_shipper *shipper, struct na_text host, uint16_t port);

/* Forgets the endpoints. */
void na_shipper_clear(struct na_shipper *shipper);

/* Also a socket that it made, of which nobody knows yet where it goes. */
bool na_shipper_owns(struct na_shipper *shipper, const struct na_event *event);

#endif
