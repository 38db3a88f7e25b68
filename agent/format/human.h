/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities as short as a person wants them. Any thread. */
#ifndef NA_HUMAN_H
#define NA_HUMAN_H

#include "base/buffer.h"

/* At most 4 columns: 999B, 1.2K, 45K, 1.0G; the units are powers of 1024. */
void na_human_append_bytes(struct na_buffer *out, uint64_t bytes);

/* At most 5 columns below 100 days: 999ns, 1.2ms, 45s, 3m12s, 2h03m, 5d04h. */
void na_human_append_duration(struct na_buffer *out, uint64_t ns);

#endif
