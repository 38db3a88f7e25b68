/* SPDX-License-Identifier: Apache-2.0 */
/* The entries that the segment being written has, found by their bytes. One thread. */
#ifndef NA_DICTIONARY_H
#define NA_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

struct na_dictionary;

/* NULL: out of memory. */
struct na_dictionary *na_dictionary_new(void);
void na_dictionary_free(struct na_dictionary *dictionary);

/*
 * The number of the entry with these bytes: one that was there, or the next, which is then added
 * (*ret_number == the count before). 0; -ENOSPC: NA_ENTRIES_MAX are there; -ENOMEM, never for a
 * short first entry.
 */
int na_dictionary_refer(struct na_dictionary *dictionary, const void *data, size_t length,
			uint32_t *ret_number);

/* As above, adds nothing. -ENOENT: it is not there. */
int na_dictionary_find(const struct na_dictionary *dictionary, const void *data, size_t length,
		       uint32_t *ret_number);

uint32_t na_dictionary_count(const struct na_dictionary *dictionary);

/* Forgets entries from `count` on, keeps the memory. */
void na_dictionary_cut(struct na_dictionary *dictionary, uint32_t count);

/* Bytes that it has allocated. */
size_t na_dictionary_memory(const struct na_dictionary *dictionary);

#endif
