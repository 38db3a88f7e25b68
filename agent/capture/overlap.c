/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sets of kernel programs at the same time.
 *
 * With the cut at T and the widest difference W: the old set tells what it stamped before T + W,
 * the new set what it stamped from T - W on. A thing that both stamped, less than W apart, is told
 * by one of them at least, and by both only within T - 2W … T + W of the old and T - W … T + 2W of
 * the new: that is what is copied and compared.
 */
#include "capture/overlap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDENTITY 16 /* bytes behind the header: cookie and inode, or what a process has */

struct copy {
	struct na_record_header *record;
	uint64_t arrival; /* in the order of its own set */
	bool is_old, is_told;
};

struct na_overlap {
	uint64_t cut_ns;
	struct copy *copies;
	size_t count, size;
};

static int keep(struct na_overlap *overlap, const struct na_record_header *record, bool is_old)
{
	struct copy copy = {.arrival = overlap->count, .is_old = is_old};

	if (overlap->count == overlap->size) {
		size_t size = overlap->size ? overlap->size * 2 : 1024;
		struct copy *more = realloc(overlap->copies, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		overlap->copies = more;
		overlap->size = size;
	}
	copy.record = malloc(record->size);
	if (!copy.record)
		return -ENOMEM;
	memcpy(copy.record, record, record->size);
	overlap->copies[overlap->count++] = copy;
	return NA_OVERLAP_KEPT;
}

static int by_time(const void *a, const void *b)
{
	const struct copy *left = a, *right = b;

	if (left->record->time_ns != right->record->time_ns)
		return left->record->time_ns < right->record->time_ns ? -1 : 1;
	return left->arrival < right->arrival ? -1 : left->arrival > right->arrival;
}

/* What several records of one socket and task differ in. */
static uint32_t kind_of(const struct na_record_header *record)
{
	switch (record->type) {
	case NA_RECORD_STATE:
		return ((const struct na_record_state *)record)->now;
	case NA_RECORD_RESULT:
		return ((const struct na_record_result *)record)->operation;
	case NA_RECORD_UNIX:
		return ((const struct na_record_unix *)record)->operation;
	case NA_RECORD_HOOK:
		return ((const struct na_record_hook *)record)->hook;
	default:
		return 0;
	}
}

/* The program may be another one that tells the same; counters of datagrams are each set's own. */
static bool is_same(const struct na_record_header *a, const struct na_record_header *b)
{
	size_t body = a->size - sizeof(*a);

	return a->type == b->type && a->size == b->size && a->pid == b->pid && a->tid == b->tid &&
	       a->error == b->error && a->type != NA_RECORD_FLOW && kind_of(a) == kind_of(b) &&
	       !memcmp(a + 1, b + 1, body < IDENTITY ? body : IDENTITY);
}

/* The first one of the old set that is no other's, from `first` on: that one is near in time. */
static bool find_old(struct na_overlap *overlap, size_t first, const struct copy *new)
{
	for (size_t i = first; i < overlap->count; i++) {
		struct copy *old = &overlap->copies[i];

		if (old->record->time_ns > new->record->time_ns + NA_OVERLAP_NS)
			return false;
		if (old->is_old && !old->is_told && is_same(old->record, new->record))
			return old->is_told = true;
	}
	return false;
}

/* Marks those of the new set that are told already, in the order of time of both. */
static void compare(struct na_overlap *overlap)
{
	size_t first = 0;

	for (size_t i = 0; i < overlap->count; i++) {
		struct copy *copy = &overlap->copies[i];

		while (overlap->copies[first].record->time_ns + NA_OVERLAP_NS <
		       copy->record->time_ns)
			first++;
		if (!copy->is_old)
			copy->is_told = find_old(overlap, first, copy);
	}
}

/* ------------------------------------------------------------------------------------------- */

struct na_overlap *na_overlap_new(uint64_t cut_ns)
{
	struct na_overlap *overlap = calloc(1, sizeof(*overlap));

	if (overlap)
		overlap->cut_ns = cut_ns;
	return overlap;
}

void na_overlap_free(struct na_overlap *overlap)
{
	if (!overlap)
		return;
	for (size_t i = 0; i < overlap->count; i++)
		free(overlap->copies[i].record);
	free(overlap->copies);
	free(overlap);
}

int na_overlap_add_old(struct na_overlap *overlap, const struct na_record_header *record)
{
	if (record->time_ns + 2 * NA_OVERLAP_NS < overlap->cut_ns)
		return NA_OVERLAP_BEFORE;
	if (record->time_ns >= overlap->cut_ns + NA_OVERLAP_NS)
		return NA_OVERLAP_OTHERS;
	return keep(overlap, record, true);
}

int na_overlap_add_new(struct na_overlap *overlap, const struct na_record_header *record)
{
	if (record->time_ns + NA_OVERLAP_NS < overlap->cut_ns)
		return NA_OVERLAP_OTHERS;
	return keep(overlap, record, false);
}

int na_overlap_pass(struct na_overlap *overlap, na_record_take *take, void *context)
{
	int result = 0;

	if (!overlap->count)
		return 0;
	qsort(overlap->copies, overlap->count, sizeof(*overlap->copies), by_time);
	compare(overlap);
	for (size_t i = 0; i < overlap->count && !result; i++)
		if (overlap->copies[i].is_old || !overlap->copies[i].is_told)
			result = take(context, overlap->copies[i].record);
	return result;
}
