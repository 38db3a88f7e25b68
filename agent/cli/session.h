/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the agent, from the kernel or a recording to stdout: what `run` and `live` share. */
#ifndef NA_SESSION_H
#define NA_SESSION_H

#include <stdbool.h>

struct na_config;
struct na_filter;

struct na_session_options {
	const struct na_config *config;
	const struct na_filter *filter; /* what is printed; NULL: everything */
	const char *record;             /* file, or NULL */
	const char *replay;             /* file, or NULL: the kernel */
	bool json;                      /* else lines for a person */
	bool colour;
	bool strict; /* refuse to run with less than everything */
};

/*
 * Until SIGINT, SIGTERM, the end of the recording, or nobody reads stdout any more. Blocks the
 * signals it takes. Returns an enum na_exit; what went wrong was said. Main thread, once.
 */
int na_session_run(const struct na_session_options *options);

#endif
