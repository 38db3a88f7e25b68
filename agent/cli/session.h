/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the agent: from the kernel to a journal, and from there to stdout or to the shipping
 * process; or from a recording to stdout. What `run` and `live` share.
 */
#ifndef NA_SESSION_H
#define NA_SESSION_H

#include <stdbool.h>

struct na_cli_config_options;
struct na_config;
struct na_filter;

struct na_session_options {
	/* Taken over: a reload puts another in its place. */
	struct na_config *config;
	/* Where it came from, for SIGHUP; NULL: SIGHUP is not taken. */
	const struct na_cli_config_options *sources;
	const struct na_filter *filter; /* what is printed; NULL: everything */
	const char *record;             /* file, or NULL */
	const char *replay;             /* file, or NULL: the kernel */
	const char *btf;                /* file or tree of BTF, or NULL: the kernel's own */
	bool json;                      /* else lines for a person */
	bool colour;
	bool strict; /* refuse to run with less than everything */
	bool daemon; /* use the configured journal and outputs; else a private journal and stdout */
};

/*
 * Until SIGINT, SIGTERM, the end of the recording, or nobody reads stdout any more. Blocks the
 * signals it takes. Returns an enum na_exit; what went wrong was said. Main thread, once.
 */
int na_session_run(const struct na_session_options *options);

#endif
