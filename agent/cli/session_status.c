/* SPDX-License-Identifier: Apache-2.0 */
/* A session's numbers, for the control socket. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/session_capture.h"

/* ------------------------------------------------------------------------------------------- */

void na_source_update_status(struct na_source *source, uint64_t now_ns)
{
	const struct na_config *config = source->session->config;
	struct na_status status = {
		.pid = getpid(),
		.started_wall_ns = source->started_wall_ns,
		.uptime_ns = now_ns - source->started_ns,
		.tier = na_tier_name(na_capture_tier(source->capture)),
		.capabilities = source->kept,
		.has_journal = true,
		.journal_path = source->journal.path,
		.tail_path = source->journal.tail,
		.sync = (enum na_journal_sync)config->journal_sync,
		.ship_status_path = source->ship_status,
	};

	if (!source->control)
		return;
	if (na_capture_has_counted(source->capture) || !source->told_programs) {
		status.programs = na_capture_programs(source->capture) + NA_PROGRAM_NONE + 1;
		status.program_count = NA_PROGRAM_COUNT - NA_PROGRAM_NONE - 1;
		source->told_programs = true;
	}
	na_pipeline_counters(source->session->pipeline, &status.counters);
	na_journal_status(source->journal.journal, &status.journal);
	na_delivery_status(&source->delivery, &status);
	na_session_control_update(source->control, &status, now_ns);
}
