/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal followed to stdout by a thread of its own: a terminal that stands still, or a slow
 * reader of the pipe, keeps nobody from capturing. Main thread.
 */
#ifndef NA_TERMINAL_H
#define NA_TERMINAL_H

#include <stdbool.h>

#include "cli/print.h"

struct na_terminal;

struct na_terminal_options {
	const char *path, *tail; /* of the journal */
	bool from_end;           /* only what comes from now on, and nothing after a stop */
	struct na_print_options print;
};

/* An enum na_exit; what is wrong was said. Signals are blocked in the thread. */
int na_terminal_start(const struct na_terminal_options *options, struct na_terminal **ret_terminal);

/* Readable when the thread has ended by itself: stdout cannot be written any more. */
int na_terminal_fd(const struct na_terminal *terminal);

/* The terminal has another size. */
void na_terminal_resize(struct na_terminal *terminal);

/*
 * Prints what the journal still holds (from_end: ends at once), ends, frees; NULL is fine. Call it
 * when the journal is closed, or no longer matters. 0, or the negative errno that ended the output:
 * -EPIPE. From then on SIGINT and SIGTERM end the process.
 */
int na_terminal_stop(struct na_terminal **terminal);

#endif
