/* SPDX-License-Identifier: Apache-2.0 */
/* Untrusted bytes on a terminal. */
#include "format/glyph.h"

#include <stdbool.h>
#include <wchar.h>

#include "base/utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* "\U000e0001" */
#define GLYPH_SIZE 10

struct glyph {
	char bytes[GLYPH_SIZE];
	uint8_t length;
	uint8_t width;
	uint8_t read; /* bytes of the text */
};

/* Characters that the C library calls printable, and that show nothing or move others about. */
static bool is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00ad, 0x00ad}, {0x034f, 0x034f},   {0x061c, 0x061c}, {0x115f, 0x1160},
		{0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e}, {0x2060, 0x206f},
		{0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
		{0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

static void escape(struct glyph *glyph, uint32_t code)
{
	unsigned int digits = code < 0x100 ? 2 : code < 0x10000 ? 4 : 8;

	glyph->bytes[0] = '\\';
	glyph->bytes[1] = digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
	for (unsigned int i = digits + 1; i > 1; i--, code /= 16)
		glyph->bytes[i] = "0123456789abcdef"[code % 16];
	glyph->length = glyph->width = (uint8_t)(digits + 2);
}

static struct glyph next_glyph(const char *data, size_t length)
{
	struct na_utf8 next = na_utf8_read(data, length);
	struct glyph glyph = {.read = next.length, .length = next.length, .width = 1};
	int width;

	if (!next.valid) {
		glyph.length = 3;
		memcpy(glyph.bytes, "\xef\xbf\xbd", 3);
		return glyph;
	}
	width = is_hidden(next.code) ? -1 : wcwidth((wchar_t)next.code);
	if (width < 0 || !next.code) {
		escape(&glyph, next.code);
		return glyph;
	}
	memcpy(glyph.bytes, data, next.length);
	glyph.width = (uint8_t)width;
	return glyph;
}

static size_t width_of(struct na_text text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.length;) {
		struct glyph glyph = next_glyph(text.data + i, text.length - i);

		width += glyph.width;
		i += glyph.read;
	}
	return width;
}

/* Appends what fits into `width` columns, from byte `start` on. */
static size_t append_from(struct na_buffer *out, struct na_text text, size_t start, size_t width)
{
	size_t used = 0;

	for (size_t i = start; i < text.length;) {
		struct glyph glyph = next_glyph(text.data + i, text.length - i);

		if (used + glyph.width > width)
			break;
		na_buffer_append(out, glyph.bytes, glyph.length);
		used += glyph.width;
		i += glyph.read;
	}
	return used;
}

/* The first byte behind which `columns` are left, or fewer; `total` of the whole text. */
static size_t find_tail(struct na_text text, size_t total, size_t columns)
{
	size_t i = 0;

	while (i < text.length && total > columns) {
		struct glyph glyph = next_glyph(text.data + i, text.length - i);

		total -= glyph.width;
		i += glyph.read;
	}
	return i;
}

/* At most `head` columns of a text that is too long stand before the ellipsis. */
static size_t append_cut(struct na_buffer *out, struct na_text text, size_t width, size_t head)
{
	size_t total = width_of(text), used, tail;

	if (total <= width)
		return append_from(out, text, 0, width);
	if (!width)
		return 0;
	used = append_from(out, text, 0, head);
	na_buffer_append_string(out, ELLIPSIS);
	tail = width - used - 1;
	return used + 1 + append_from(out, text, find_tail(text, total, tail), tail);
}

/* ------------------------------------------------------------------------------------------- */

size_t na_glyph_width(struct na_text text)
{
	return width_of(text);
}

size_t na_glyph_append(struct na_buffer *out, struct na_text text, size_t width)
{
	return append_cut(out, text, width, width / 2);
}

size_t na_glyph_append_start(struct na_buffer *out, struct na_text text, size_t width)
{
	return append_cut(out, text, width, width - !!width);
}
