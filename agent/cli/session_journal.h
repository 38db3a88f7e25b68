/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a session: the configured one, or a private one where nothing is configured. Main
 * thread, which is the capture thread.
 */
#ifndef NA_SESSION_JOURNAL_H
#define NA_SESSION_JOURNAL_H

#include <stdbool.h>

#include "event.h"
#include "journal/journal.h"

struct na_config;
struct na_host;
struct na_pipeline;

struct na_session_journal {
	struct na_sink sink; /* first, for the cast */
	struct na_journal *journal;
	char *path, *tail; /* owned */
	bool is_private;
};

/* Opens, readable for `group` (-1: nobody). An enum na_exit, what is wrong was said. */
int na_session_journal_open(struct na_session_journal *journal, const struct na_config *config,
			    const struct na_host *host, int group, bool is_private);

/* The writer thread. As na_session_journal_open. */
int na_session_journal_start(struct na_session_journal *journal);

/* Losses that can be told become events. About once a second. 0 or the sink's error. */
int na_session_journal_tell(struct na_session_journal *journal, struct na_pipeline *pipeline,
			    uint64_t now_ns);

/* Everything to the segments; then readers may go on without a writer. */
void na_session_journal_close(struct na_session_journal *journal);

/* Frees; a private journal is removed. Readers have ended. */
void na_session_journal_done(struct na_session_journal *journal);

#endif
