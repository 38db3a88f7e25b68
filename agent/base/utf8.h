/* SPDX-License-Identifier: Apache-2.0 */
/* Reads UTF-8 from bytes that need not be any. Any thread. */
#ifndef NA_UTF8_H
#define NA_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NA_UTF8_REPLACEMENT 0xfffd

struct na_utf8 {
	uint32_t code;
	uint8_t length; /* bytes read: 1 to 4, never more than there were */
	bool valid;
};

/*
 * The character that `data` begins with; `length` is not 0. When it is none, `code` is U+FFFD and
 * `length` covers what began like one: every decoder that follows Unicode's recommendation puts as
 * many U+FFFD as calls of this do.
 */
struct na_utf8 na_utf8_read(const char *data, size_t length);

#endif
