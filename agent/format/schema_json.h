/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of what na_ecs_encode writes. For schema.c only. */
#ifndef NA_SCHEMA_JSON_H
#define NA_SCHEMA_JSON_H

#include "base/buffer.h"

/* A failed allocation is the buffer's error. */
void na_schema_append_json(struct na_buffer *out);

#endif
