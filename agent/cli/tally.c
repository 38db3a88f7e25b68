/* SPDX-License-Identifier: Apache-2.0 */
/* Counts by name: rows in order of their coming, and a table with linear probing over them. */
#include "cli/tally.h"

#include <stdlib.h>

#include "base/crc32c.h"

#define FIRST_SIZE 256

static uint32_t *find(struct na_tally *tally, struct na_text name)
{
	size_t mask = 2 * tally->size - 1;
	size_t place = na_crc32c(0, name.data, name.length) & mask;

	for (; tally->table[place]; place = (place + 1) & mask) {
		struct na_text other = tally->rows[tally->table[place] - 1].name;

		if (other.length == name.length &&
		    (!name.length || memcmp(other.data, name.data, name.length) == 0))
			break;
	}
	return &tally->table[place];
}

static bool grow(struct na_tally *tally)
{
	size_t size = tally->size ? 2 * tally->size : FIRST_SIZE;
	struct na_tally_row *rows = realloc(tally->rows, size * sizeof(*rows));
	uint32_t *table;

	if (!rows)
		return false;
	tally->rows = rows;
	table = calloc(2 * size, sizeof(*table));
	if (!table)
		return false;
	free(tally->table);
	tally->table = table;
	tally->size = size;
	for (size_t i = 0; i < tally->count; i++)
		*find(tally, tally->rows[i].name) = (uint32_t)i + 1;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct na_tally_row *x = a, *y = b;
	size_t length = x->name.length < y->name.length ? x->name.length : y->name.length;
	int order;

	if (x->events != y->events)
		return x->events < y->events ? 1 : -1;
	order = length ? memcmp(x->name.data, y->name.data, length) : 0;
	return order ? order
		     : (x->name.length > y->name.length) - (x->name.length < y->name.length);
}

/* ------------------------------------------------------------------------------------------- */

void na_tally_done(struct na_tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		free((char *)tally->rows[i].name.data);
	free(tally->rows);
	free(tally->table);
	*tally = (struct na_tally){0};
}

struct na_tally_row *na_tally_get(struct na_tally *tally, struct na_text name)
{
	uint32_t *place;
	char *copy;

	if (tally->count == tally->size && tally->count < NA_TALLY_MAX && !grow(tally))
		return NULL;
	place = find(tally, name);
	if (*place)
		return &tally->rows[*place - 1];
	if (tally->count >= NA_TALLY_MAX)
		return &tally->others;
	copy = malloc(name.length + 1);
	if (!copy)
		return NULL;
	if (name.length)
		memcpy(copy, name.data, name.length);
	tally->rows[tally->count] = (struct na_tally_row){.name = {copy, name.length}};
	*place = (uint32_t)++tally->count;
	return &tally->rows[tally->count - 1];
}

void na_tally_sort(struct na_tally *tally)
{
	if (tally->count)
		qsort(tally->rows, tally->count, sizeof(*tally->rows), compare);
}
