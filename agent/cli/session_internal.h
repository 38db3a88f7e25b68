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
#include "config/config.h"
#include "pipeline/host.h"
#include "pipeline/pipeline.h"

#define NA_SESSION_TICK_NS NA_NS_PER_SEC

struct na_session {
	const struct na_session_options *options;
	struct na_host host;
	struct na_pipeline *pipeline;
	struct na_print *print;
	int signal_fd; /* SIGINT, SIGTERM, SIGWINCH */
	bool stop;     /* a signal asked for the end */
	uint64_t next_tick_ns;
};

/* What depends on where the records come from; the rest is filled in by na_session_open_pipeline.
 */
struct na_session_source {
	const uint8_t *boot_id;
	uint64_t wall_offset_ns;
	struct na_filter *const *excluded; /* what nobody has left out yet; borrowed */
	size_t excluded_count;
	bool live; /* the processes of this host may be asked for */
	bool call_results, skipped_known;
};

/* An enum na_exit; what is wrong was said. */
int na_session_open_pipeline(struct na_session *session, const struct na_session_source *source);

void na_session_handle_signals(struct na_session *session);

/* The exit status for how handing on events ended. */
int na_session_result(int error);

/* The two kinds: an enum na_exit. */
int na_session_capture(struct na_session *session);
int na_session_replay(struct na_session *session);

#endif
