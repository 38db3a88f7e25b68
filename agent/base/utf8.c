/* SPDX-License-Identifier: Apache-2.0 */
/* Reads UTF-8 from bytes that need not be any. */
#include "base/utf8.h"

/* Bytes of the character that begins with this one; 0: none does. */
static size_t character_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* The second byte's limits keep out what is overlong, a surrogate, or above U+10FFFF. */
static bool continues(const unsigned char *bytes, size_t i)
{
	unsigned char least = 0x80, most = 0xbf;

	if (i == 1) {
		if (bytes[0] == 0xe0)
			least = 0xa0;
		else if (bytes[0] == 0xed)
			most = 0x9f;
		else if (bytes[0] == 0xf0)
			least = 0x90;
		else if (bytes[0] == 0xf4)
			most = 0x8f;
	}
	return bytes[i] >= least && bytes[i] <= most;
}

/* ------------------------------------------------------------------------------------------- */

struct na_utf8 na_utf8_read(const char *data, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)data;
	size_t size = character_length(bytes[0]);
	uint32_t code = size <= 1 ? bytes[0] : bytes[0] & (0x7fU >> size);

	if (!size)
		return (struct na_utf8){NA_UTF8_REPLACEMENT, 1, false};
	for (size_t i = 1; i < size; i++) {
		if (i == length || !continues(bytes, i))
			return (struct na_utf8){NA_UTF8_REPLACEMENT, (uint8_t)i, false};
		code = code << 6 | (bytes[i] & 0x3f);
	}
	return (struct na_utf8){code, (uint8_t)size, true};
}
