/* SPDX-License-Identifier: Apache-2.0 */
/* The helper process, and what capture asks of it: for supervisor.c only. */
#ifndef NA_HELPER_H
#define NA_HELPER_H

#include <sys/types.h>

#include "guard/supervisor.h"

enum na_helper_ask {
	NA_HELPER_START,
	NA_HELPER_STOP,
	NA_HELPER_QUIT, /* STOP, and the helper ends when the child has */
	NA_HELPER_SIGNAL,
	NA_HELPER_ASK_COUNT
};

/*
 * One message of the socketpair, with the descriptors of START beside it. Both ends are one
 * program, so there is no version; a message of another size is refused. Back come struct
 * na_supervisor_event.
 */
struct na_helper_request {
	uint32_t ask;
	int32_t signal;
	uint64_t timeout_ns; /* between SIGTERM and SIGKILL */
	struct na_sandbox_identity identity;
	uint32_t argument_count, environment_count, descriptor_count;
	uint32_t text_length;
	char text[NA_SUPERVISOR_TEXT_MAX]; /* arguments, then environment, NUL after each */
};

/* Never returns. In a fresh fork of `parent`; `socket` is its end. */
__attribute__((noreturn)) void na_helper_run(int socket, pid_t parent);

#endif
