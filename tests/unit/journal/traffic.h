/* SPDX-License-Identifier: Apache-2.0 */
/* Events of connections as the agent makes them on a busy host: the same fields, sizes, forms. */
#ifndef NA_TRAFFIC_H
#define NA_TRAFFIC_H

#include "base/address.h"
#include "event.h"

#define NA_TRAFFIC_PROCESSES 200

struct na_traffic {
	uint64_t sequence;
	struct na_event event; /* of the last call; texts lie in what follows */
	char executable[64], line[160], parent_line[64], directory[64], cgroup[160];
	char entity[24], parent_entity[24];
	char addresses[2][NA_ADDRESS_TEXT_SIZE], connection[64], community[32];
	struct na_text arguments[4], related[2], user;
};

/* The next event of a type of connection, with any of the processes. */
const struct na_event *na_traffic_next(struct na_traffic *traffic, enum na_event_type type);

#endif
