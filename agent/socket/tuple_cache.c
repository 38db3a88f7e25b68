/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of tuples: each tuple has one place, and the last one that asked is there. */
#include "socket/tuple_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/community_id.h"

/* A power of two. Bounds how many connections may lie between two events of one. */
#define PLACES 512

/* Compared as numbers: no padding. */
struct key {
	uint64_t source[2], destination[2];
	uint64_t rest; /* ports and protocol; never 0 in a place that is used: bit 63 */
};

struct place {
	struct key key;
	uint8_t source_length, destination_length, id_length;
	char source[NA_ADDRESS_TEXT_SIZE], destination[NA_ADDRESS_TEXT_SIZE];
	char id[NA_COMMUNITY_ID_SIZE];
};

struct na_tuple_cache {
	struct place places[PLACES];
};

static struct key key_of(const struct na_address *source, uint16_t source_port,
			 const struct na_address *destination, uint16_t destination_port,
			 uint8_t protocol)
{
	struct key key = {.rest = UINT64_C(1) << 63 | (uint64_t)protocol << 32 |
				  (uint64_t)source_port << 16 | destination_port};

	memcpy(key.source, source->bytes, sizeof(key.source));
	memcpy(key.destination, destination->bytes, sizeof(key.destination));
	return key;
}

static bool is_equal(const struct key *a, const struct key *b)
{
	return a->rest == b->rest && a->source[1] == b->source[1] &&
	       a->destination[1] == b->destination[1] && a->source[0] == b->source[0] &&
	       a->destination[0] == b->destination[0];
}

static size_t hash(const struct key *key)
{
	uint64_t mixed = (key->source[0] ^ key->destination[1]) * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ key->source[1] ^ key->rest) * UINT64_C(0xc2b2ae3d27d4eb4f);
	mixed = (mixed ^ key->destination[0]) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(mixed >> 32) & (PLACES - 1);
}

/* ------------------------------------------------------------------------------------------- */

struct na_tuple_cache *na_tuple_cache_new(void)
{
	return calloc(1, sizeof(struct na_tuple_cache));
}

void na_tuple_cache_free(struct na_tuple_cache *cache)
{
	free(cache);
}

struct na_tuple_texts na_tuple_cache_get(struct na_tuple_cache *cache,
					 const struct na_address *source, uint16_t source_port,
					 const struct na_address *destination,
					 uint16_t destination_port, uint8_t protocol)
{
	struct key key = key_of(source, source_port, destination, destination_port, protocol);
	struct place *place = &cache->places[hash(&key)];

	if (!is_equal(&place->key, &key)) {
		place->key = key;
		place->source_length = (uint8_t)na_address_format(source, place->source);
		place->destination_length =
			(uint8_t)na_address_format(destination, place->destination);
		place->id_length = (uint8_t)na_community_id(source, source_port, destination,
							    destination_port, protocol, place->id);
	}
	return (struct na_tuple_texts){{place->source, place->source_length},
				       {place->destination, place->destination_length},
				       {place->id, place->id_length}};
}
