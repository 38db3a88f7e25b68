/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a journal and prints what is asked for: `query` and `journal export`. Main thread. */
#ifndef NA_QUERY_RUN_H
#define NA_QUERY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/query_output.h"
#include "config/filter.h"

struct na_query {
	const char *command; /* for messages */
	const char *path;    /* the folder */
	const char *tail;    /* NULL: none */
	const struct na_filter *filter;
	uint64_t since_ns, until_ns; /* wall time: from the one up to, not with, the other */
	enum na_output_format format;
	bool colour;
	bool follow;
	bool summary, summary_json;
};

/* The words of a filter; what is wrong was said, then another code than NA_EXIT_DONE. */
int na_query_filter(const char *command, int argc, char **argv, struct na_filter **ret_filter);

/* Until the end, or with `follow` until SIGINT or SIGTERM. Gaps are told on stderr. */
int na_query_run(const struct na_query *query);

#endif
