/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a session. */
#include "cli/session_journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/folders.h"
#include "cli/private_journal.h"
#include "cli/tail_size.h"
#include "config/config.h"
#include "journal/cursor.h"
#include "pipeline/host.h"
#include "pipeline/pipeline.h"

#define PRIVATE_TAIL (16u << 20)
#define PRIVATE_SEGMENT (4u << 20)
#define CLOSE_NS (10 * NA_NS_PER_SEC) /* a disk that stands still is not waited for longer */

static int put(struct na_sink *sink, const struct na_event *event)
{
	struct na_session_journal *journal = (struct na_session_journal *)sink;

	na_journal_append(journal->journal, event); /* -ENOMEM is a loss, and told as one */
	return 0;
}

static void set_private(struct na_journal_options *options)
{
	options->max_size = NA_PRIVATE_JOURNAL_SIZE - PRIVATE_TAIL;
	options->tail_size = PRIVATE_TAIL;
	options->segment_size = PRIVATE_SEGMENT;
	options->sync = NA_JOURNAL_SYNC_NONE; /* it is in memory, and ends with us */
}

static int make_private(struct na_session_journal *journal)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_private_journal_make(&journal->path, &why);

	if (error) {
		na_log_error("%.*s", (int)why.length, why.length ? why.data : "");
		return na_command_exit(error);
	}
	if (asprintf(&journal->tail, "%s/tail", journal->path) >= 0)
		return NA_EXIT_DONE;
	journal->tail = NULL;
	return na_command_out_of_memory();
}

static uint64_t lost_events(struct na_session_journal *journal)
{
	struct na_journal_status status;

	na_journal_status(journal->journal, &status);
	return status.events_lost;
}

static int set_configured(struct na_session_journal *journal, const struct na_config *config,
			  struct na_journal_options *options)
{
	journal->path = strdup(config->journal_path.data);
	journal->tail = strdup(config->journal_tail.data);
	if (!journal->path || !journal->tail)
		return na_command_out_of_memory();
	/* Where that fails, journal and tail say why. */
	na_folders_make_above(journal->path);
	na_folders_make_above(journal->tail);
	options->max_size = config->journal_max_size;
	options->min_free = config->journal_min_free.bytes;
	options->min_free_percent = config->journal_min_free.percent;
	options->tail_size = na_tail_fitting(journal->tail, config->journal_tail_size);
	options->sync = (enum na_journal_sync)config->journal_sync;
	options->sync_interval_ns = config->journal_sync_interval;
	options->when_full = (enum na_journal_full)config->journal_when_full;
	if (config->outputs.count) {
		options->needed = na_cursor_lowest;
		options->cursors = config->ship_path.data;
	}
	return NA_EXIT_DONE;
}

static int prepare(struct na_session_journal *journal, const struct na_config *config,
		   struct na_journal_options *options)
{
	int result = journal->is_private ? make_private(journal)
					 : set_configured(journal, config, options);

	if (result)
		return result;
	if (journal->is_private)
		set_private(options);
	options->path = journal->path;
	options->tail = journal->tail;
	return NA_EXIT_DONE;
}

/* ------------------------------------------------------------------------------------------- */

int na_session_journal_open(struct na_session_journal *journal, const struct na_config *config,
			    const struct na_host *host, int group, bool is_private)
{
	struct na_journal_options options = {
		.group = group, .constants = &host->constants, .deferred = true};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int result, error;

	*journal = (struct na_session_journal){.sink.put = put, .is_private = is_private};
	result = prepare(journal, config, &options);
	if (result)
		return result;
	memcpy(options.boot, host->boot_id, sizeof(options.boot));
	memcpy(options.machine, host->machine_id, sizeof(options.machine));
	error = na_journal_open(&options, &journal->journal, &why);
	if (!error)
		return NA_EXIT_DONE;
	na_log_error("%.*s", (int)why.length, why.length ? why.data : "");
	return na_command_exit(error);
}

int na_session_journal_start(struct na_session_journal *journal)
{
	int error = na_journal_start(journal->journal);

	if (error)
		na_log_error("the journal's thread cannot be started: %s", strerrordesc_np(-error));
	return error ? NA_EXIT_TRY_AGAIN : NA_EXIT_DONE;
}

int na_session_journal_tell(struct na_session_journal *journal, struct na_pipeline *pipeline,
			    uint64_t now_ns)
{
	static const char *const reasons[NA_JOURNAL_REASON_COUNT] = {
		[NA_JOURNAL_TAIL_FULL] = "tail_full", [NA_JOURNAL_CRASH] = "crash",
		[NA_JOURNAL_DROPPED] = "dropped",     [NA_JOURNAL_DAMAGED] = "damaged",
		[NA_JOURNAL_TOO_LARGE] = "too_large",
	};
	uint64_t lost = lost_events(journal);
	struct na_journal_loss loss;
	int error = 0;

	/* What found no room is offered again: later. */
	while (!error && lost_events(journal) == lost &&
	       na_journal_take_loss(journal->journal, &loss)) {
		struct na_pipeline_loss told = {
			.reason = reasons[loss.reason],
			.first_sequence = loss.first_sequence,
			.last_sequence = loss.last_sequence,
			.count = loss.count,
		};

		error = na_pipeline_lost(pipeline, now_ns, &told);
	}
	return error;
}

void na_session_journal_close(struct na_session_journal *journal)
{
	na_journal_close(&journal->journal, na_clock_boot_ns() + CLOSE_NS);
}

void na_session_journal_done(struct na_session_journal *journal)
{
	na_session_journal_close(journal);
	if (journal->is_private && journal->path)
		na_private_journal_remove(journal->path);
	free(journal->path);
	free(journal->tail);
	*journal = (struct na_session_journal){0};
}
