/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier agent of this boot knew: the newest part of the journal, from which the pipeline
 * goes on. What lies further back is found by the snapshot like anything else that was there.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/family.h"
#include "base/log.h"
#include "cli/session_capture.h"
#include "journal/reader.h"

/* A second or two: restore_bench. */
#define RESTORE_BYTES (UINT64_C(512) << 20)

struct restore {
	struct na_source *source;
	struct na_reader *reader;
	unsigned int version; /* of the constants that were looked at */
	bool other_boot;      /* they are of another boot */
	uint64_t events;
};

static bool is_wanted(void *context, enum na_event_type type, const struct na_frame_event *event)
{
	const struct restore *restore = context;

	(void)event;
	if (restore->other_boot && restore->version == na_reader_constants_version(restore->reader))
		return false;
	return na_pipeline_restores(restore->source->session->pipeline, type);
}

static bool is_of_this_boot(struct restore *restore, const struct na_reader_item *item)
{
	const struct na_event *constants = item->constants;
	const char *boot = restore->source->session->host.boot;
	struct na_text theirs = constants->f_HOST_BOOT_ID;

	restore->version = na_reader_constants_version(restore->reader);
	restore->other_boot = !na_event_has(constants, NA_FIELD_HOST_BOOT_ID) ||
			      theirs.length != strlen(boot) ||
			      memcmp(theirs.data, boot, theirs.length) != 0;
	return !restore->other_boot;
}

/* Of a family that this configuration watches: the snapshot finds no others. */
static bool is_watched(uint64_t families, const struct na_event *event)
{
	unsigned int family;

	return !na_event_has(event, NA_FIELD_NA_SOCKET_FAMILY) ||
	       na_family_find(event->f_NA_SOCKET_FAMILY, &family) < 0 || families >> family & 1;
}

/* Where the part begins: segments are understood from their beginning, so a little before it. */
static int seek(struct na_reader *reader)
{
	int error = na_reader_seek_end(reader);
	uint64_t end = na_reader_position(reader);

	if (error)
		return error;
	return end > RESTORE_BYTES ? na_reader_seek_position(reader, end - RESTORE_BYTES)
				   : na_reader_seek_first(reader);
}

static int take_all(struct restore *restore)
{
	uint64_t families = na_config_families(restore->source->session->config);
	struct na_reader_item item;
	int step;

	na_reader_set_wanted(restore->reader, is_wanted, restore);
	while ((step = na_reader_next(restore->reader, &item)) > 0) {
		/* What cannot be read is as what is further back. */
		if (step != NA_READER_EVENT || !is_of_this_boot(restore, &item) ||
		    !is_watched(families, &item.event))
			continue;
		na_pipeline_restore(restore->source->session->pipeline, &item.event);
		restore->events++;
	}
	return step;
}

/* ------------------------------------------------------------------------------------------- */

void na_source_restore(struct na_source *source)
{
	struct na_reader_options options = {.path = source->journal.path,
					    .tail = source->journal.tail};
	bool looks = na_capture_programs(source->capture)[NA_PROGRAM_SNAPSHOT].attached;
	NA_CLEANUP(na_reader_close) struct na_reader *reader = NULL;
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct restore restore = {.source = source};
	uint64_t began_ns = na_clock_boot_ns();
	int error;

	/* Only the snapshot tells what of it is still there. */
	if (source->journal.is_private || !source->session->config->capture_snapshot || !looks)
		return;
	error = na_reader_open(&options, &reader, &why);
	restore.reader = reader;
	if (!error)
		error = seek(reader);
	if (!error)
		error = take_all(&restore);
	source->restored = restore.events > 0;
	if (error < 0)
		na_log_warning("%s cannot be read, so open connections are reported as new: %s",
			       source->journal.path, strerrordesc_np(-error));
	else if (restore.events)
		na_log_info("%llu events of this boot read in %llu ms: connections that the agent "
			    "before knew go on",
			    (unsigned long long)restore.events,
			    (unsigned long long)((na_clock_boot_ns() - began_ns) / NA_NS_PER_MS));
}
