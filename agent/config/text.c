/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the configuration: are they UTF-8, and how YAML writes them. */
#include "config/text.h"

#define SURROGATE_FIRST 0xd800
#define SURROGATE_LAST 0xdfff
#define CODE_POINT_LAST 0x10ffff

/* Length of the character that begins `text`, and its number; 0 when it is none. */
static size_t decode(struct na_text text, uint32_t *ret_code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text.data[0];
	size_t length = first < 0x80   ? 1
			: first < 0xc0 ? 0
			: first < 0xe0 ? 2
			: first < 0xf0 ? 3
				       : 4;
	uint32_t code = length == 1 ? first : first & (0x7fU >> length);

	if (!length || length > text.length || first > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text.data[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)text.data[i] & 0x3f);
	}
	if (code < smallest[length] || code > CODE_POINT_LAST ||
	    (code >= SURROGATE_FIRST && code <= SURROGATE_LAST))
		return 0;
	*ret_code = code;
	return length;
}

/* What libyaml reads back as itself inside double quotes. */
static bool is_plain(uint32_t code)
{
	if (code < 0xa0)
		return code >= 0x20 && code < 0x7f && code != '"' && code != '\\';
	return code != 0x2028 && code != 0x2029 && code != 0xfeff && code != 0xfffe &&
	       code != 0xffff;
}

/* ------------------------------------------------------------------------------------------- */

bool na_text_is_utf8(struct na_text text)
{
	while (text.length) {
		uint32_t code;
		size_t length = decode(text, &code);

		if (!length)
			return false;
		text.data += length;
		text.length -= length;
	}
	return true;
}

void na_text_print_yaml(struct na_text text, struct na_buffer *out)
{
	na_buffer_append_char(out, '"');
	while (text.length) {
		uint32_t code = 0xfffd;
		size_t length = decode(text, &code);

		if (is_plain(code))
			na_buffer_append(out, text.data, length);
		else
			na_buffer_printf(out, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
		text.data += length ? length : 1;
		text.length -= length ? length : 1;
	}
	na_buffer_append_char(out, '"');
}
