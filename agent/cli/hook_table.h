/* SPDX-License-Identifier: Apache-2.0 */
/* The security hooks, as `netaudit hooks` shows them. */
#ifndef NA_CLI_HOOK_TABLE_H
#define NA_CLI_HOOK_TABLE_H

#include <jansson.h>

#include "base/buffer.h"
#include "capture/capture.h"

/* Both arrays are whole, by enum na_hook and enum na_program. Lines of at most 80 columns. */
void na_hook_table_append(struct na_buffer *out, const struct na_hook_state *hooks,
			  const struct na_program_state *programs);

/* A new list with an object for each hook. */
json_t *na_hook_table_json(const struct na_hook_state *hooks,
			   const struct na_program_state *programs);

/* Words of `text` in lines of `width` columns, each but the first behind `indent` spaces. */
void na_hook_table_wrap(struct na_buffer *out, const char *text, size_t indent, size_t width);

#endif
