/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment goes in four steps: what nobody has read of it becomes a loss, the state on disk says
 * that it is to go, with that loss, then the file is unlinked, and only then the loss may be told.
 * A kill before the unlink leaves a file that the next start deletes, and a loss that it tells.
 */
#include "journal/retention.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "journal/fault.h"

static uint64_t needed(const struct na_store *store)
{
	const struct na_journal_options *options = &store->options;

	return options->needed ? options->needed(options->cursors, store->state.journal)
			       : UINT64_MAX;
}

static uint64_t total_bytes(const struct na_store *store)
{
	uint64_t total = 0;

	for (size_t i = 0; i < store->segments.count; i++)
		total += store->segments.items[i].bytes;
	return total;
}

static bool may_delete(const struct na_store *store)
{
	size_t count = store->segments.count;

	return count > 1 || (count == 1 && store->fd < 0);
}

/* Bytes that are missing from what shall stay free; an error of statvfs is no reason to delete. */
static uint64_t missing_free(const struct na_store *store, uint64_t more)
{
	const struct na_journal_options *options = &store->options;
	struct statvfs status;
	uint64_t wanted, there;

	if ((!options->min_free && !options->min_free_percent) ||
	    fstatvfs(store->folder, &status) < 0)
		return 0;
	wanted = options->min_free;
	if (options->min_free_percent)
		wanted = status.f_blocks / 100 * status.f_frsize * options->min_free_percent;
	there = status.f_bavail * status.f_frsize;
	return there < wanted + more ? wanted + more - there : 0;
}

static bool is_needed(const struct na_store *store)
{
	const struct na_segment *oldest = &store->segments.items[0];

	return needed(store) < oldest->position + oldest->bytes;
}

static bool is_behind(const struct na_store *store, uint64_t position)
{
	return store->segments.count && store->segments.items[0].position < position;
}

static int unlink_oldest(struct na_store *store)
{
	char name[NA_SEGMENT_NAME_SIZE];

	na_segment_name(store->segments.items[0].position, name);
	na_fault("unlink");
	if (unlinkat(store->folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	na_fault("unlink.done");
	na_segments_remove(&store->segments, 0);
	if (is_behind(store, store->state.first_position))
		return 0;
	na_losses_add(&store->losses, NA_JOURNAL_DROPPED, &store->state.held);
	store->state.held = (struct na_state_loss){0};
	store->state_behind = true;
	return 0;
}

static int delete_oldest(struct na_store *store)
{
	const struct na_segment oldest = store->segments.items[0];
	int error;

	if (store->options.when_full == NA_JOURNAL_DROP_NEWEST && is_needed(store))
		return -ENOSPC;
	/* Marked first: a state that could not be stored must not count the loss again. */
	if (store->state.first_position <= oldest.position) {
		na_store_lose(store, 0, NA_JOURNAL_DROPPED);
		store->state.first_position = oldest.position + oldest.bytes;
	}
	error = na_store_state(store);
	return error < 0 ? error : unlink_oldest(store);
}

/* ------------------------------------------------------------------------------------------- */

int na_retention_make_room(struct na_store *store, uint64_t more)
{
	uint64_t missing = missing_free(store, more);
	int error = 0;

	while (!error && may_delete(store) && total_bytes(store) + more > store->options.max_size) {
		uint64_t freed = store->segments.items[0].bytes;

		error = delete_oldest(store);
		missing -= freed < missing ? freed : missing;
	}
	while (!error && missing && may_delete(store)) {
		uint64_t freed = store->segments.items[0].bytes;

		error = delete_oldest(store);
		missing -= freed < missing ? freed : missing;
	}
	return error;
}

int na_retention_free_one(struct na_store *store)
{
	return may_delete(store) ? delete_oldest(store) : -ENOSPC;
}

void na_retention_finish(struct na_store *store)
{
	while (is_behind(store, store->gone) && unlink_oldest(store) == 0)
		;
}
