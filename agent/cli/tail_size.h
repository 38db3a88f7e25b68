/* SPDX-License-Identifier: Apache-2.0 */
/* How large the journal's tail can be. Main thread. */
#ifndef NA_TAIL_SIZE_H
#define NA_TAIL_SIZE_H

#include <stdint.h>

/*
 * `size`, or what half of the free room at `path` holds, in whole MiB and never none: then the log
 * says so. A tail that is there already takes none of the room. Bytes.
 */
uint64_t na_tail_fitting(const char *path, uint64_t size);

#endif
