/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the n-th allocation of the code under test fail. Link with NA_WRAP_MEMORY (CMakeLists.txt).
 */
#ifndef NA_FAILING_MEMORY_H
#define NA_FAILING_MEMORY_H

#include <stdbool.h>

/* The n-th allocation from now on (from 1) fails, once; 0: none does. */
void na_memory_fail_at(unsigned long n);

/* Did it come to that? */
bool na_memory_has_failed(void);

#endif
