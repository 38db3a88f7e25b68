/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of records, the oldest first. */
#include "ship/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define SIZE_MIN 64u

static struct na_window_entry *entry_of(const struct na_window *window, uint64_t number)
{
	return &window->entries[number & (window->size - 1)];
}

static bool is_under_way(const struct na_window *window, uint64_t number)
{
	return number >= window->first && number < window->next;
}

static void clear(struct na_window_entry *entry)
{
	free(NA_TAKE_POINTER(entry->hold));
	free(NA_TAKE_POINTER(entry->reason));
}

static int grow(struct na_window *window)
{
	struct na_window old = *window;
	size_t size = old.size ? old.size * 2 : SIZE_MIN;
	struct na_window_entry *entries = calloc(size, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	window->entries = entries;
	window->size = size;
	for (uint64_t number = old.first; number < old.next; number++)
		*entry_of(window, number) = *entry_of(&old, number);
	free(old.entries);
	return 0;
}

static void fold(struct na_window *window)
{
	while (na_window_count(window)) {
		struct na_window_entry *entry = entry_of(window, window->first);

		if (entry->state != NA_WINDOW_DONE)
			return;
		window->mark = entry->mark;
		clear(entry);
		window->first++;
	}
}

/* ------------------------------------------------------------------------------------------- */

void na_window_init(struct na_window *window, const struct na_mark *mark)
{
	*window = (struct na_window){.first = 1, .next = 1, .mark = *mark};
}

void na_window_forget(struct na_window *window, const struct na_mark *mark, bool renumber)
{
	while (na_window_count(window))
		clear(entry_of(window, window->first++));
	if (renumber)
		window->first = window->next = 1;
	window->rejected = 0;
	window->mark = *mark;
}

void na_window_done(struct na_window *window)
{
	na_window_forget(window, &window->mark, false);
	free(window->entries);
	*window = (struct na_window){0};
}

int na_window_add(struct na_window *window, const struct na_mark *mark, const struct na_mark *hold,
		  struct na_text id, struct na_text body)
{
	struct na_window_entry entry = {.mark = *mark, .id = id, .body = body};

	if (na_window_count(window) == NA_WINDOW_MAX)
		return -ENOBUFS;
	if (na_window_count(window) == window->size && grow(window) < 0)
		return -ENOMEM;
	if (hold) {
		entry.hold = malloc(sizeof(*hold));
		if (!entry.hold)
			return -ENOMEM;
		*entry.hold = *hold;
	}
	*entry_of(window, window->next++) = entry;
	return 0;
}

void na_window_pass(struct na_window *window, const struct na_mark *mark)
{
	if (na_window_count(window))
		entry_of(window, window->next - 1)->mark = *mark;
	else
		window->mark = *mark;
}

size_t na_window_acknowledge(struct na_window *window, uint64_t first, uint64_t last)
{
	uint64_t end = window->next;
	size_t fresh = 0;

	first = first < window->first ? window->first : first;
	for (uint64_t number = first; number <= last && number < end; number++) {
		struct na_window_entry *entry = entry_of(window, number);

		if (entry->state == NA_WINDOW_DONE)
			continue;
		if (entry->state == NA_WINDOW_REJECTED)
			window->rejected--;
		entry->state = NA_WINDOW_DONE;
		fresh++;
	}
	fold(window);
	return fresh;
}

bool na_window_reject(struct na_window *window, uint64_t number, const char *reason)
{
	struct na_window_entry *entry;

	if (!is_under_way(window, number))
		return false;
	entry = entry_of(window, number);
	if (entry->state != NA_WINDOW_PENDING)
		return false;
	entry->state = NA_WINDOW_REJECTED;
	entry->reason = strdup(reason); /* without memory a dead letter without a reason */
	window->rejected++;
	return true;
}

const struct na_window_entry *na_window_rejected(const struct na_window *window,
						 uint64_t *ret_number)
{
	if (!window->rejected)
		return NULL;
	for (uint64_t number = window->first; number < window->next; number++)
		if (entry_of(window, number)->state == NA_WINDOW_REJECTED) {
			*ret_number = number;
			return entry_of(window, number);
		}
	return NULL;
}

struct na_mark na_window_mark(const struct na_window *window)
{
	const struct na_mark *earliest = &window->mark;

	for (uint64_t number = window->first; number < window->next; number++) {
		const struct na_window_entry *entry = entry_of(window, number);

		if (entry->hold && entry->state != NA_WINDOW_DONE)
			earliest = na_mark_earlier(entry->hold, earliest);
	}
	return *earliest;
}
