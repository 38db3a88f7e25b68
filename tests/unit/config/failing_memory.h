/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the n-th allocation of this thread fail, in the code under test. Link with ld --wrap of
 * each.
 */
#ifndef NA_FAILING_MEMORY_H
#define NA_FAILING_MEMORY_H

#include <stdbool.h>

/* The n-th allocation from now on (from 1) fails, once; 0: none does. */
void na_memory_fail_at(unsigned long n);

/* Did it come to that? */
bool na_memory_has_failed(void);

#endif
