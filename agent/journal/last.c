/* SPDX-License-Identifier: Apache-2.0 */
/* When the writer before ended: its tail says whether it was of this boot, the stream when. */
#include "journal/last.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "journal/reader.h"
#include "journal/tail.h"

/*
 * The end of a stream is decoded by nobody: only the frames' times are looked at. One that stopped
 * in order says since when it did not see all, whatever came after that.
 */
static bool note(void *context, enum na_event_type type, const struct na_frame_event *event)
{
	uint64_t *last_ns = context;

	if (type == NA_EVENT_AGENT_STOPPING || event->boot_ns > *last_ns)
		*last_ns = event->boot_ns;
	return false;
}

/* Where the writer of this boot began; -ENOENT: there was none. */
static int find_first(const char *path, const uint8_t boot[16], uint64_t *ret_first)
{
	struct na_tail tail;
	int error = na_tail_open(path, &tail);

	if (error < 0)
		return error;
	if (memcmp(tail.head->boot, boot, sizeof(tail.head->boot)) != 0)
		error = -ENOENT;
	*ret_first = tail.head->first;
	na_tail_close(&tail);
	return error;
}

static int read_times(struct na_reader *reader, uint64_t first, uint64_t *ret_last_ns)
{
	struct na_reader_item item;
	int step = na_reader_seek_time(reader, UINT64_MAX);

	if (step < 0)
		return step;
	if (na_reader_position(reader) < first)
		step = na_reader_seek_position(reader, first);
	na_reader_set_wanted(reader, note, ret_last_ns);
	while (step >= 0 && (step = na_reader_next(reader, &item)) != NA_READER_END)
		;
	return step;
}

/* ------------------------------------------------------------------------------------------- */

int na_journal_last(const char *path, const char *tail, const uint8_t boot[16],
		    uint64_t *ret_boot_ns)
{
	struct na_reader_options options = {.path = path, .tail = tail};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_reader *reader = NULL;
	uint64_t first, last_ns = 0;
	int error = find_first(tail, boot, &first);

	if (!error)
		error = na_reader_open(&options, &reader, &why);
	if (error < 0)
		return error;
	error = read_times(reader, first, &last_ns);
	na_reader_close(&reader);
	if (error < 0 || !last_ns)
		return error < 0 ? error : -ENOENT;
	*ret_boot_ns = last_ns;
	return 0;
}
