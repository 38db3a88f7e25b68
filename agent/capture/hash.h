/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a, for telling apart what only root can make: not against anybody. */
#ifndef NA_HASH_H
#define NA_HASH_H

#include <stddef.h>
#include <stdint.h>

#define NA_HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t na_hash_add(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
