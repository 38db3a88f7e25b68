/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON text. */
#include "format/json.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH (ONES * 0x80)
#define DEL 0x7f

/* \u and four digits, for one byte. */
#define ESCAPE_LENGTH_MAX 6

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < DEL && c != '"' && c != '\\';
}

/* Is one of the eight bytes not plain? Each test leaves the highest bit of such a byte set. */
static bool has_special(uint64_t bytes)
{
	return (bytes | (bytes + ONES) | (bytes - ONES * ' ') | ((bytes ^ ONES * '"') - ONES) |
		((bytes ^ ONES * '\\') - ONES)) &
	       HIGH;
}

static uint64_t load_8(const char *data)
{
	uint64_t bytes;

	memcpy(&bytes, data, sizeof(bytes));
	return bytes;
}

static uint64_t load_4(const char *data)
{
	uint32_t bytes;

	memcpy(&bytes, data, sizeof(bytes));
	return bytes;
}

/* How many bytes from the first on stand for themselves; many at a time, the last ones twice. */
static size_t plain_length(const char *data, size_t length)
{
	size_t i = 0;

	while (length - i >= 8 && !has_special(load_8(data + i)))
		i += 8;
	if (i && length - i < 8 && !has_special(load_8(data + length - 8)))
		return length;
	if (length >= 4 && length < 8 &&
	    !has_special(load_4(data) << 32 | load_4(data + length - 4)))
		return length;
	while (i < length && is_plain((unsigned char)data[i]))
		i++;
	return i;
}

static char *put_escape(char *to, unsigned int code)
{
	static const char brief[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
				     ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
	static const char digits[] = "0123456789abcdef";

	*to++ = '\\';
	if (code < sizeof(brief) && brief[code]) {
		*to++ = brief[code];
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = digits[code >> 4];
	to[4] = digits[code & 0xf];
	return to + 5;
}

/* One character that is not plain; its length in ret_read. */
static char *put_special(char *to, const char *data, size_t length, size_t *ret_read)
{
	struct na_utf8 next = na_utf8_read(data, length);

	*ret_read = next.length;
	if (!next.valid) {
		memcpy(to, "\xef\xbf\xbd", 3);
		return to + 3;
	}
	if (next.code < 0xa0)
		return put_escape(to, next.code);
	memcpy(to, data, next.length);
	return to + next.length;
}

static void append_escaped(struct na_buffer *out, const char *data, size_t length)
{
	char *to;

	if (na_buffer_reserve(out, ESCAPE_LENGTH_MAX * length) < 0)
		return;
	to = out->data + out->length;
	while (length) {
		size_t read = plain_length(data, length);

		if (read) {
			memcpy(to, data, read);
			to += read;
		} else {
			to = put_special(to, data, length, &read);
		}
		data += read;
		length -= read;
	}
	out->length = (size_t)(to - out->data);
}

static char *put_pair(char *to, uint32_t value)
{
	to[0] = (char)('0' + value / 10);
	to[1] = (char)('0' + value % 10);
	return to + 2;
}

/* Days since 1970 → year, month, day. Years begin in March here, so that leap days come last. */
static char *put_day(char *to, uint32_t days)
{
	uint32_t shifted = days + 719468; /* since 1 March of the year 0 */
	uint32_t era = shifted / 146097;  /* 400 years each */
	uint32_t day = shifted % 146097;
	uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint32_t day_of_year = day - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * day_of_year + 2) / 153; /* 0 is March */

	year += era * 400 + (month >= 10);
	to = put_pair(to, year / 100);
	to = put_pair(to, year % 100);
	*to++ = '-';
	to = put_pair(to, month < 10 ? month + 3 : month - 9);
	*to++ = '-';
	return put_pair(to, day_of_year - (153 * month + 2) / 5 + 1);
}

static char *put_time(char *to, uint32_t seconds, uint32_t ns)
{
	to = put_pair(to, seconds / 3600);
	*to++ = ':';
	to = put_pair(to, seconds / 60 % 60);
	*to++ = ':';
	to = put_pair(to, seconds % 60);
	*to++ = '.';
	*to++ = (char)('0' + ns / 100000000);
	to = put_pair(to, ns / 1000000 % 100);
	to = put_pair(to, ns / 10000 % 100);
	to = put_pair(to, ns / 100 % 100);
	return put_pair(to, ns % 100);
}

/* ------------------------------------------------------------------------------------------- */

void na_json_append_text(struct na_buffer *out, struct na_text text)
{
	size_t plain = plain_length(text.data, text.length);
	char *to;

	if (na_buffer_reserve(out, plain + 2) < 0)
		return;
	to = out->data + out->length;
	*to = '"';
	if (plain)
		memcpy(to + 1, text.data, plain);
	out->length += plain + 1;
	if (plain == text.length) {
		to[plain + 1] = '"';
		out->length++;
		return;
	}
	append_escaped(out, text.data + plain, text.length - plain);
	na_buffer_append_char(out, '"');
}

void na_json_append_texts(struct na_buffer *out, const struct na_texts *texts)
{
	na_buffer_append_char(out, '[');
	for (size_t i = 0; i < texts->count; i++) {
		if (i)
			na_buffer_append_char(out, ',');
		na_json_append_text(out, texts->items[i]);
	}
	na_buffer_append_char(out, ']');
}

void na_json_append_id(struct na_buffer *out, uint64_t value)
{
	na_buffer_append_char(out, '"');
	na_buffer_append_u64(out, value);
	na_buffer_append_char(out, '"');
}

void na_json_append_address(struct na_buffer *out, const struct na_address *address)
{
	char text[NA_ADDRESS_TEXT_SIZE + 1];
	size_t length = na_address_format(address, text + 1);

	text[0] = text[length + 1] = '"';
	na_buffer_append(out, text, length + 2);
}

void na_json_append_date(struct na_buffer *out, uint64_t wall_ns)
{
	static const size_t length = sizeof("\"1970-01-01T00:00:00.000000000Z\"") - 1;
	uint64_t seconds = wall_ns / NA_NS_PER_SEC;
	char *to;

	if (na_buffer_reserve(out, length) < 0)
		return;
	to = out->data + out->length;
	*to++ = '"';
	to = put_day(to, (uint32_t)(seconds / 86400));
	*to++ = 'T';
	to = put_time(to, (uint32_t)(seconds % 86400), (uint32_t)(wall_ns % NA_NS_PER_SEC));
	memcpy(to, "Z\"", 2);
	out->length += length;
}

void na_json_append_boolean(struct na_buffer *out, bool value)
{
	na_buffer_append_string(out, value ? "true" : "false");
}
