/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the configuration: are they UTF-8, and how YAML writes them. Any thread. */
#ifndef NA_CONFIG_TEXT_H
#define NA_CONFIG_TEXT_H

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "event.h"

static inline bool na_text_equal(struct na_text a, struct na_text b)
{
	return a.length == b.length && (!a.length || memcmp(a.data, b.data, a.length) == 0);
}

bool na_text_is_utf8(struct na_text text);

/* In double quotes, with escapes for what YAML does not allow or would fold. The text is UTF-8. */
void na_text_print_yaml(struct na_text text, struct na_buffer *out);

/* In a comment: with ? for what would end it, or is no character of YAML. */
void na_text_print_comment(struct na_text text, struct na_buffer *out);

#endif
