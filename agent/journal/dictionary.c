/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries lie one behind the other; a table with linear probing has their numbers. Any process
 * chooses bytes of entries, so the hash has keys of our own: nobody can make entries that collide.
 * A CRC would be free of such keys, and anyone can compute its collisions.
 */
#include "journal/dictionary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buffer.h"
#include "journal/wire.h"

#define FIRST_BYTES 65536
#define FIRST_ENTRIES 1024u /* a power of two; the table has twice as many places */

struct entry {
	uint64_t hash;
	size_t offset;
	size_t length;
};

struct na_dictionary {
	uint64_t keys[2];
	struct na_buffer bytes;
	struct entry *entries;
	uint32_t count, room;
	uint32_t *table; /* 2 * room; number + 1, 0: free */
};

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const uint64_t keys[2], const uint8_t *data, size_t length)
{
	uint64_t hash = keys[0] ^ length, words[2];

	for (; length > sizeof(words); data += sizeof(words), length -= sizeof(words)) {
		memcpy(words, data, sizeof(words));
		hash = fold(words[0] ^ keys[1], words[1] ^ hash);
	}
	memset(words, 0, sizeof(words));
	memcpy(words, data, length);
	hash = fold(words[0] ^ keys[1], words[1] ^ hash);
	return fold(hash, keys[1]);
}

/* The place that has the entry, or the free one where it would be. */
static uint32_t find_place(const struct na_dictionary *dictionary, uint64_t hash, const void *data,
			   size_t length)
{
	uint32_t mask = 2 * dictionary->room - 1;
	uint32_t place = (uint32_t)hash & mask;

	for (; dictionary->table[place]; place = (place + 1) & mask) {
		const struct entry *entry = &dictionary->entries[dictionary->table[place] - 1];

		if (entry->hash == hash && entry->length == length &&
		    memcmp(dictionary->bytes.data + entry->offset, data, length) == 0)
			break;
	}
	return place;
}

static void put_again(uint32_t *table, uint32_t mask, const struct entry *entry, uint32_t number)
{
	uint32_t place = (uint32_t)entry->hash & mask;

	while (table[place])
		place = (place + 1) & mask;
	table[place] = number + 1;
}

/* Numbers go in again in their order, so that cutting off the last ones breaks no chain. */
static int grow(struct na_dictionary *dictionary)
{
	uint32_t room = dictionary->room ? 2 * dictionary->room : FIRST_ENTRIES;
	struct entry *entries;
	uint32_t *table;

	if (room > NA_ENTRIES_MAX)
		return -ENOSPC;
	table = calloc(2 * (size_t)room, sizeof(*table));
	entries = table ? realloc(dictionary->entries, room * sizeof(*entries)) : NULL;
	if (!entries) {
		free(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < dictionary->count; i++)
		put_again(table, 2 * room - 1, &entries[i], i);
	free(dictionary->table);
	dictionary->entries = entries;
	dictionary->table = table;
	dictionary->room = room;
	return 0;
}

static int add(struct na_dictionary *dictionary, uint64_t hash, const void *data, size_t length)
{
	size_t offset = dictionary->bytes.length;
	int error = dictionary->count < dictionary->room ? 0 : grow(dictionary);

	if (error)
		return error;
	na_buffer_append(&dictionary->bytes, data, length);
	if (na_buffer_error(&dictionary->bytes)) {
		dictionary->bytes.error = 0; /* it may be there again for the next */
		return -ENOMEM;
	}
	dictionary->entries[dictionary->count] = (struct entry){hash, offset, length};
	put_again(dictionary->table, 2 * dictionary->room - 1,
		  &dictionary->entries[dictionary->count], dictionary->count);
	dictionary->count++;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

struct na_dictionary *na_dictionary_new(void)
{
	struct na_dictionary *dictionary = calloc(1, sizeof(*dictionary));

	if (!dictionary)
		return NULL;
	/* Early at boot there may be none yet; then a flood of collisions is possible, no more. */
	if (getrandom(dictionary->keys, sizeof(dictionary->keys), GRND_NONBLOCK) < 0)
		memset(dictionary->keys, 0x5a, sizeof(dictionary->keys));
	if (grow(dictionary) < 0 || na_buffer_reserve(&dictionary->bytes, FIRST_BYTES) < 0) {
		na_dictionary_free(dictionary);
		return NULL;
	}
	return dictionary;
}

void na_dictionary_free(struct na_dictionary *dictionary)
{
	if (!dictionary)
		return;
	na_buffer_done(&dictionary->bytes);
	free(dictionary->entries);
	free(dictionary->table);
	free(dictionary);
}

int na_dictionary_find(const struct na_dictionary *dictionary, const void *data, size_t length,
		       uint32_t *ret_number)
{
	uint64_t hash = hash_of(dictionary->keys, data, length);
	uint32_t found = dictionary->table[find_place(dictionary, hash, data, length)];

	if (!found)
		return -ENOENT;
	*ret_number = found - 1;
	return 0;
}

int na_dictionary_refer(struct na_dictionary *dictionary, const void *data, size_t length,
			uint32_t *ret_number)
{
	uint64_t hash = hash_of(dictionary->keys, data, length);
	uint32_t found = dictionary->table[find_place(dictionary, hash, data, length)];
	int error = found ? 0 : add(dictionary, hash, data, length);

	if (!error)
		*ret_number = found ? found - 1 : dictionary->count - 1;
	return error;
}

uint32_t na_dictionary_count(const struct na_dictionary *dictionary)
{
	return dictionary->count;
}

void na_dictionary_cut(struct na_dictionary *dictionary, uint32_t count)
{
	if (!count && dictionary->count > dictionary->room / 8)
		memset(dictionary->table, 0, 2 * (size_t)dictionary->room * sizeof(uint32_t));
	else
		while (dictionary->count > count) {
			const struct entry *entry = &dictionary->entries[--dictionary->count];
			uint32_t mask = 2 * dictionary->room - 1;
			uint32_t place = (uint32_t)entry->hash & mask;

			while (dictionary->table[place] != dictionary->count + 1)
				place = (place + 1) & mask;
			dictionary->table[place] = 0;
		}
	dictionary->count = count;
	dictionary->bytes.length = count ? dictionary->entries[count - 1].offset +
						   dictionary->entries[count - 1].length
					 : 0;
}

size_t na_dictionary_memory(const struct na_dictionary *dictionary)
{
	return sizeof(*dictionary) + dictionary->bytes.size +
	       dictionary->room * (sizeof(struct entry) + 2 * sizeof(uint32_t));
}
