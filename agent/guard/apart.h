/* SPDX-License-Identifier: Apache-2.0 */
/* A function in a process of its own, with no rights, that ends with it. Any thread. */
#ifndef NA_APART_H
#define NA_APART_H

#include <stdint.h>

#include "base/buffer.h"
#include "guard/sandbox.h"

#define NA_APART_TEXT_MAX (1u << 20)

/* What it appends to `out` reaches the caller. Returns 0 to 125, or a negative errno. */
typedef int na_apart_function(void *context, struct na_buffer *out);

/*
 * Forks; the child becomes `identity` (itself without its capabilities, where this process may not
 * change its user), closes all descriptors but 0, 1 and 2, and calls the function, which may give
 * up more (na_sandbox_enter). Returns what the function returned, `out` appended. -ETIME: it did
 * not end within the time-out and was killed; -ECHILD: something killed it: `out` got a sentence.
 * Other negative errno: it could not be started.
 */
int na_apart_run(const struct na_sandbox_identity *identity, na_apart_function *function,
		 void *context, uint64_t timeout_ns, struct na_buffer *out);

#endif
