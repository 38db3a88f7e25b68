/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was passed on and not given back. A kill may come between any two stores: their order, which
 * the release stores keep, is what makes each state in between a true one.
 */
#include "capture/progress.h"

#include <stdlib.h>
#include <string.h>

#define RING_BITS 5
#define RING_MASK ((UINT64_C(1) << RING_BITS) - 1)

static void store(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

static bool is_released(uint64_t place, const uint64_t *released)
{
	return place >> RING_BITS < released[(place & RING_MASK) - 1];
}

static bool is_place(uint64_t place, size_t rings)
{
	return place & RING_MASK && (place & RING_MASK) <= rings;
}

static int by_value(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* What another process left is not trusted: no more than there is room for, of rings that are. */
static void clean(struct na_progress *progress, size_t rings)
{
	size_t kept = 0;

	for (size_t i = 0; i < progress->count && i < NA_PROGRESS_MAX; i++)
		if (is_place(progress->places[i], rings))
			progress->places[kept++] = progress->places[i];
	progress->count = kept;
	if (!is_place(progress->busy, rings))
		progress->busy = 0;
}

/* ------------------------------------------------------------------------------------------- */

void na_progress_begin(struct na_progress *progress, uint64_t place, uint64_t mark)
{
	store(&progress->mark, mark);
	store(&progress->busy, place);
}

/* In between it is in the list and busy too: the list counts. */
void na_progress_end(struct na_progress *progress)
{
	store(&progress->places[progress->count], progress->busy);
	store(&progress->count, progress->count + 1);
	store(&progress->busy, 0);
}

bool na_progress_is_full(const struct na_progress *progress)
{
	return progress->count >= NA_PROGRESS_MAX;
}

/* What stays moves over what goes; the count falls last, so all that stays is always in the list.
 */
void na_progress_settle(struct na_progress *progress, const uint64_t *released)
{
	size_t kept = 0, first = 0;

	for (size_t i = 0; i < progress->count; i++)
		if (!is_released(progress->places[i], released))
			store(&progress->places[kept++], progress->places[i]);
	if (kept == NA_PROGRESS_MAX) {
		first = NA_PROGRESS_MAX / 2;
		memmove(progress->places, progress->places + first,
			(kept - first) * sizeof(*progress->places));
	}
	store(&progress->count, kept - first);
}

size_t na_progress_resume(struct na_progress *progress, size_t rings, uint64_t kept,
			  uint64_t *ret_places, bool *ret_unsure)
{
	uint64_t busy;
	size_t count;

	clean(progress, rings);
	busy = progress->busy;
	count = progress->count;
	memcpy(ret_places, progress->places, count * sizeof(*ret_places));
	qsort(ret_places, count, sizeof(*ret_places), by_value);
	*ret_unsure =
		busy && kept != progress->mark && !na_progress_is_done(ret_places, count, busy);
	if (*ret_unsure && count < NA_PROGRESS_MAX) {
		na_progress_end(progress);
		ret_places[count++] = busy;
		qsort(ret_places, count, sizeof(*ret_places), by_value);
	}
	store(&progress->busy, 0);
	return count;
}

bool na_progress_is_done(const uint64_t *places, size_t count, uint64_t place)
{
	return bsearch(&place, places, count, sizeof(*places), by_value) != NULL;
}
