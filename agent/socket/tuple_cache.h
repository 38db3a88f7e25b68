/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of tuples that were asked for lately: all events of a connection have the same, and so
 * have both of its ends on one host. The community id is a SHA-1. Capture thread only.
 */
#ifndef NA_TUPLE_CACHE_H
#define NA_TUPLE_CACHE_H

#include <stdint.h>

#include "event.h"

struct na_tuple_cache;

struct na_tuple_texts {
	struct na_text source, destination;
	struct na_text community_id; /* empty: the protocol has none */
};

/* NULL: out of memory. */
struct na_tuple_cache *na_tuple_cache_new(void);
void na_tuple_cache_free(struct na_tuple_cache *cache);

/* As na_address_format and na_community_id. Valid until the next call. */
struct na_tuple_texts na_tuple_cache_get(struct na_tuple_cache *cache,
					 const struct na_address *source, uint16_t source_port,
					 const struct na_address *destination,
					 uint16_t destination_port, uint8_t protocol);

#endif
