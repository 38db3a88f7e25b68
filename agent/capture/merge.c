/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of several rings in the order of their time.
 *
 * Per ring two circular arrays of the same size: the pending records sorted by time, filled at the
 * tail by insertion (inversions inside a ring are tiny, so hardly ever more than one step), and the
 * positions in the order they were added, which tell what may be given back. Across rings the
 * earliest head is found by looking at all of them: for up to 16 that is two cache lines and
 * cheaper than keeping a heap.
 */
#include "capture/merge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define FIRST_ENTRIES UINT64_C(512) /* a power of two */
#define NOTHING UINT64_MAX          /* head of an empty queue */
#define TAKEN UINT64_MAX            /* position of a record that was taken */

struct pending {
	uint64_t time_ns;
	const struct na_record_header *record;
	uint64_t arrival;
};

/* Indexes only grow and are masked on use. Positions outlive their records: see na_merge_take. */
struct queue {
	struct pending *pending; /* [first, last), by time */
	uint64_t *positions;     /* [oldest, next), by arrival */
	uint64_t first, last;
	uint64_t oldest, next;
	uint64_t mask;
};

struct na_merge {
	size_t ring_count;
	size_t pending;
	uint64_t *heads; /* time of each queue's first record, side by side for the search */
	struct queue queues[];
};

/* The first bytes are the size: two records of different length differ before the shorter ends. */
static bool content_less(const struct na_record_header *a, const struct na_record_header *b)
{
	return memcmp(a, b, a->size < b->size ? a->size : b->size) < 0;
}

static bool is_before(const struct pending *a, const struct pending *b)
{
	return a->time_ns < b->time_ns ||
	       (a->time_ns == b->time_ns && content_less(a->record, b->record));
}

static int allocate(struct queue *queue, uint64_t size)
{
	NA_FREE struct pending *pending = malloc(size * sizeof(*pending));
	NA_FREE uint64_t *positions = malloc(size * sizeof(*positions));

	if (!pending || !positions)
		return -ENOMEM;
	queue->pending = NA_TAKE_POINTER(pending);
	queue->positions = NA_TAKE_POINTER(positions);
	queue->mask = size - 1;
	return 0;
}

static int grow(struct queue *queue)
{
	struct queue more = *queue;
	int error = allocate(&more, (queue->mask + 1) * 2);

	if (error < 0)
		return error;
	for (uint64_t i = queue->first; i < queue->last; i++)
		more.pending[i & more.mask] = queue->pending[i & queue->mask];
	for (uint64_t i = queue->oldest; i < queue->next; i++)
		more.positions[i & more.mask] = queue->positions[i & queue->mask];
	free(queue->pending);
	free(queue->positions);
	*queue = more;
	return 0;
}

static void insert(struct queue *queue, const struct pending *new)
{
	uint64_t at = queue->last++;

	for (; at > queue->first; at--) {
		const struct pending *before = &queue->pending[(at - 1) & queue->mask];

		if (!is_before(new, before))
			break;
		queue->pending[at & queue->mask] = *before;
	}
	queue->pending[at & queue->mask] = *new;
}

static const struct pending *first_of(const struct queue *queue)
{
	return &queue->pending[queue->first & queue->mask];
}

static void update_head(struct na_merge *merge, size_t ring)
{
	const struct queue *queue = &merge->queues[ring];

	merge->heads[ring] = queue->first == queue->last ? NOTHING : first_of(queue)->time_ns;
}

/* Any ring when nothing is pending. */
static size_t earliest_ring(const struct na_merge *merge)
{
	size_t best = 0;

	for (size_t ring = 1; ring < merge->ring_count; ring++) {
		if (merge->heads[ring] > merge->heads[best] || merge->heads[ring] == NOTHING)
			continue;
		if (merge->heads[ring] < merge->heads[best] ||
		    is_before(first_of(&merge->queues[ring]), first_of(&merge->queues[best])))
			best = ring;
	}
	return best;
}

static void forget_position(struct queue *queue, uint64_t arrival)
{
	queue->positions[arrival & queue->mask] = TAKEN;
	while (queue->oldest < queue->next &&
	       queue->positions[queue->oldest & queue->mask] == TAKEN)
		queue->oldest++;
}

/* ------------------------------------------------------------------------------------------- */

struct na_merge *na_merge_new(size_t rings)
{
	struct na_merge *merge = calloc(1, sizeof(*merge) + rings * sizeof(*merge->queues));
	int error = 0;

	assert(rings > 0);
	if (!merge)
		return NULL;
	merge->ring_count = rings;
	merge->heads = malloc(rings * sizeof(*merge->heads));
	for (size_t ring = 0; ring < rings && !error; ring++)
		error = allocate(&merge->queues[ring], FIRST_ENTRIES);
	if (error < 0 || !merge->heads) {
		na_merge_free(merge);
		return NULL;
	}
	for (size_t ring = 0; ring < rings; ring++)
		merge->heads[ring] = NOTHING;
	return merge;
}

void na_merge_free(struct na_merge *merge)
{
	if (!merge)
		return;
	for (size_t ring = 0; ring < merge->ring_count; ring++) {
		free(merge->queues[ring].pending);
		free(merge->queues[ring].positions);
	}
	free(merge->heads);
	free(merge);
}

int na_merge_add(struct na_merge *merge, size_t ring, const struct na_merge_entry *entry)
{
	struct queue *queue = &merge->queues[ring];
	struct pending new = {entry->record->time_ns, entry->record, queue->next};

	assert(ring < merge->ring_count && entry->position != TAKEN);
	if (queue->next - queue->oldest > queue->mask) {
		int error = grow(queue);

		if (error < 0)
			return error;
	}
	if (new.time_ns == NOTHING)
		new.time_ns--;
	queue->positions[queue->next++ & queue->mask] = entry->position;
	insert(queue, &new);
	update_head(merge, ring);
	merge->pending++;
	return 0;
}

bool na_merge_take(struct na_merge *merge, uint64_t until_ns, size_t *ret_ring,
		   const struct na_record_header **ret_record)
{
	size_t ring = earliest_ring(merge);
	struct queue *queue = &merge->queues[ring];

	if (merge->heads[ring] > until_ns || merge->heads[ring] == NOTHING)
		return false;
	*ret_ring = ring;
	*ret_record = first_of(queue)->record;
	forget_position(queue, first_of(queue)->arrival);
	queue->first++;
	update_head(merge, ring);
	merge->pending--;
	return true;
}

uint64_t na_merge_released(const struct na_merge *merge, size_t ring, uint64_t added)
{
	const struct queue *queue = &merge->queues[ring];

	return queue->oldest == queue->next ? added : queue->positions[queue->oldest & queue->mask];
}

size_t na_merge_pending(const struct na_merge *merge)
{
	return merge->pending;
}

uint64_t na_merge_earliest_ns(const struct na_merge *merge)
{
	return merge->heads[earliest_ring(merge)];
}
