/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the journal of a running agent, from now on. Main thread. */
#ifndef NA_FOLLOW_H
#define NA_FOLLOW_H

#include "cli/print.h"

/* Until SIGINT, SIGTERM, or nobody reads stdout any more. An enum na_exit; what was wrong is said.
 */
int na_follow_run(const char *path, const char *tail, const struct na_print_options *print);

#endif
