/* SPDX-License-Identifier: Apache-2.0 */
/* What happens between fork and exec of a child: for helper.c only. */
#ifndef NA_CHILD_H
#define NA_CHILD_H

#include <sys/types.h>

#include "guard/helper.h"

/* Never returns: the child, or NA_SUPERVISOR_NOT_STARTED after a line in the log. */
__attribute__((noreturn)) void na_child_run(struct na_helper_request *request,
					    const int *descriptors, pid_t parent);

#endif
