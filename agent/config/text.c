/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the configuration: are they UTF-8, and how YAML writes them. */
#include "config/text.h"

#include "base/utf8.h"

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
	for (size_t i = 0; i < text.length;) {
		struct na_utf8 next = na_utf8_read(text.data + i, text.length - i);

		if (!next.valid)
			return false;
		i += next.length;
	}
	return true;
}

void na_text_print_yaml(struct na_text text, struct na_buffer *out)
{
	na_buffer_append_char(out, '"');
	for (size_t i = 0; i < text.length;) {
		struct na_utf8 next = na_utf8_read(text.data + i, text.length - i);

		if (is_plain(next.code))
			na_buffer_append(out, text.data + i, next.length);
		else
			na_buffer_printf(out, next.code > 0xffff ? "\\U%08x" : "\\u%04x",
					 next.code);
		i += next.length;
	}
	na_buffer_append_char(out, '"');
}

void na_text_print_comment(struct na_text text, struct na_buffer *out)
{
	for (size_t i = 0; i < text.length;) {
		struct na_utf8 next = na_utf8_read(text.data + i, text.length - i);

		if (next.valid && (is_plain(next.code) || next.code == '"' || next.code == '\\'))
			na_buffer_append(out, text.data + i, next.length);
		else
			na_buffer_append_char(out, '?');
		i += next.length;
	}
}
