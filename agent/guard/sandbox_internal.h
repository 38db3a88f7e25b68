/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of na_sandbox_enter. One thread; 0 or negative errno, then `why` names the step. */
#ifndef NA_SANDBOX_INTERNAL_H
#define NA_SANDBOX_INTERNAL_H

#include "guard/sandbox.h"

/* *ret_version 0: the kernel has no Landlock, nothing was done. */
int na_landlock_enter(const struct na_sandbox_path *paths, size_t count, int *ret_version,
		      struct na_buffer *why);

/* Nothing that is not on the list can be called afterwards. */
int na_seccomp_enter(struct na_buffer *why);

/* Appends "step: message of the errno" and returns `error`. */
int na_sandbox_refused(struct na_buffer *why, const char *step, int error);

#endif
