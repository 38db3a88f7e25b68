/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of records, the oldest first. */
#include "syslog/window.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_MIN 1024u

static struct na_syslog_entry *entry_of(const struct na_syslog_window *window, uint64_t place)
{
	return &window->entries[place & (window->size - 1)];
}

static int grow(struct na_syslog_window *window)
{
	struct na_syslog_window old = *window;
	size_t size = old.size ? old.size * 2 : SIZE_MIN;
	struct na_syslog_entry *entries = malloc(size * sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	window->entries = entries;
	window->size = size;
	for (uint64_t place = old.released; place < old.taken; place++)
		*entry_of(window, place) = *entry_of(&old, place);
	free(old.entries);
	return 0;
}

/* May the oldest that arrived be acknowledged? */
static bool is_due(const struct na_syslog_window *window, uint64_t overlap_ns, uint64_t now_ns)
{
	const struct na_syslog_entry *oldest = entry_of(window, window->released);
	const struct na_syslog_entry *newest = entry_of(window, window->arrived - 1);

	return now_ns - oldest->arrived_ns >= overlap_ns ||
	       newest->end - oldest->end >= NA_SYSLOG_OVERLAP_BYTES ||
	       window->arrived - window->released > NA_SYSLOG_OVERLAP_RECORDS;
}

/* ------------------------------------------------------------------------------------------- */

void na_syslog_window_done(struct na_syslog_window *window)
{
	free(window->entries);
	*window = (struct na_syslog_window){0};
}

void na_syslog_window_forget(struct na_syslog_window *window)
{
	window->released = window->arrived = window->written = window->taken;
}

int na_syslog_window_take(struct na_syslog_window *window, uint64_t number, uint64_t end)
{
	if (window->taken - window->released == window->size && grow(window) < 0)
		return -ENOMEM;
	*entry_of(window, window->taken++) = (struct na_syslog_entry){.number = number, .end = end};
	return 0;
}

void na_syslog_window_write(struct na_syslog_window *window, uint64_t sent, uint64_t wire,
			    bool exact)
{
	while (window->written < window->taken) {
		struct na_syslog_entry *entry = entry_of(window, window->written);

		if (entry->end > sent)
			return;
		entry->wire_end = exact ? wire - (sent - entry->end) : wire;
		window->written++;
	}
}

void na_syslog_window_arrive(struct na_syslog_window *window, uint64_t wire, uint64_t now_ns)
{
	while (window->arrived < window->written) {
		struct na_syslog_entry *entry = entry_of(window, window->arrived);

		if (entry->wire_end > wire)
			return;
		entry->arrived_ns = now_ns;
		window->arrived++;
	}
}

void na_syslog_window_release(struct na_syslog_window *window, struct na_output_host *host,
			      uint64_t overlap_ns, uint64_t now_ns, bool all)
{
	uint64_t first = 0, last = 0;

	while (window->released < window->arrived && (all || is_due(window, overlap_ns, now_ns))) {
		uint64_t number = entry_of(window, window->released++)->number;

		/* Numbers have holes where a record was rejected. */
		if (first && number != last + 1) {
			host->acknowledge(host, first, last);
			first = 0;
		}
		first = first ? first : number;
		last = number;
	}
	if (first)
		host->acknowledge(host, first, last);
}
