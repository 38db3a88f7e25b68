/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the n-th allocation fail. The program is linked with --wrap for malloc, calloc, realloc. */
#ifndef NA_FAILING_ALLOC_H
#define NA_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th allocation (from 1) of this thread, and it alone, fails; 0: none. */
void na_failing_alloc_arm(size_t n);

/* Disarms. True when an allocation failed since it was armed. */
bool na_failing_alloc_disarm(void);

#endif
