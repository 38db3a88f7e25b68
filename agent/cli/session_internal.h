/* SPDX-License-Identifier: Apache-2.0 */
/* What the two kinds of session share: from the kernel, from a recording. Main thread. */
#ifndef NA_SESSION_INTERNAL_H
#define NA_SESSION_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "config/config.h"
#include "pipeline/host.h"
#include "pipeline/pipeline.h"

#define NA_SESSION_TICK_NS NA_NS_PER_SEC

struct na_session {
	const struct na_session_options *options;
	struct na_config *config; /* in effect; owned */
	struct na_host host;
	struct na_pipeline *pipeline;
	struct na_signals signals;
	uint64_t next_tick_ns;
};

/* What depends on where the records come from; the rest is filled in by na_session_open_pipeline.
 */
struct na_session_source {
	const uint8_t *boot_id;
	uint64_t wall_offset_ns;
	struct na_filter *const *excluded; /* what nobody has left out yet; borrowed */
	size_t excluded_count;
	struct na_shipper *shipper; /* NULL: there is none; borrowed */
	bool live;                  /* the processes of this host may be asked for */
	bool call_results, skipped_known;
	uint64_t connection_interval_ns; /* 0: open connections are not reported */
	const char *instance;            /* of event ids: journal/event_id.h */
	uint64_t first_sequence;
	struct na_sink *sink;
};

/* An enum na_exit; what is wrong was said. */
int na_session_open_pipeline(struct na_session *session, const struct na_session_source *source);

/* The exit status for how writing to stdout ended. */
int na_session_result(int error);

/* What stdout gets. */
struct na_print_options na_session_print_options(const struct na_session *session);

/* The two kinds: an enum na_exit. */
int na_session_capture(struct na_session *session);
int na_session_replay(struct na_session *session);

#endif
