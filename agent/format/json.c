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

_Static_assert(2 + NA_ADDRESS_TEXT_SIZE <= NA_JSON_PUT_MAX, "in quotes");

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

/* Two digits at a time: a division is most of what a digit costs. */
static char *put_pair(char *to, uint32_t value)
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";

	memcpy(to, pairs + 2 * value, 2);
	return to + 2;
}

static unsigned int count_digits(uint64_t value)
{
	unsigned int count = 1;

	for (; value >= 10000; value /= 10000)
		count += 4;
	return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* From the last digit on, at their place: read back from elsewhere at once they would be waited
 * for. */
static char *put_number(char *to, uint64_t value)
{
	char *end = to + count_digits(value), *at = end;

	for (; value >= 100; value /= 100)
		put_pair(at -= 2, (uint32_t)(value % 100));
	if (value >= 10)
		put_pair(at - 2, (uint32_t)value);
	else
		at[-1] = (char)('0' + value);
	return end;
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

static void set_second(struct na_json_second *second, uint64_t seconds)
{
	uint32_t of_day = (uint32_t)(seconds % 86400);
	char *to = second->text;

	second->seconds = seconds;
	*to++ = '"';
	to = put_day(to, (uint32_t)(seconds / 86400));
	*to++ = 'T';
	to = put_pair(to, of_day / 3600);
	*to++ = ':';
	to = put_pair(to, of_day / 60 % 60);
	*to++ = ':';
	to = put_pair(to, of_day % 60);
	*to = '.';
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

void na_json_append_date(struct na_buffer *out, uint64_t wall_ns)
{
	struct na_json_second second = {.text = ""};

	if (na_buffer_reserve(out, NA_JSON_PUT_MAX) < 0)
		return;
	out->length =
		(size_t)(na_json_put_date(out->data + out->length, wall_ns, &second) - out->data);
}

char *na_json_put_long(char *to, int64_t value)
{
	if (value >= 0)
		return put_number(to, (uint64_t)value);
	*to = '-';
	return put_number(to + 1, -(uint64_t)value);
}

char *na_json_put_id(char *to, uint64_t value)
{
	*to = '"';
	to = put_number(to + 1, value);
	*to = '"';
	return to + 1;
}

char *na_json_put_address(char *to, const struct na_address *address)
{
	*to = '"';
	to += 1 + na_address_format(address, to + 1);
	*to = '"';
	return to + 1;
}

char *na_json_put_date(char *to, uint64_t wall_ns, struct na_json_second *second)
{
	uint32_t ns = (uint32_t)(wall_ns % NA_NS_PER_SEC);

	if (second->seconds != wall_ns / NA_NS_PER_SEC || !second->text[0])
		set_second(second, wall_ns / NA_NS_PER_SEC);
	memcpy(to, second->text, sizeof(second->text));
	to += sizeof(second->text);
	*to++ = (char)('0' + ns / 100000000);
	to = put_pair(to, ns / 1000000 % 100);
	to = put_pair(to, ns / 10000 % 100);
	to = put_pair(to, ns / 100 % 100);
	to = put_pair(to, ns % 100);
	memcpy(to, "Z\"", 2);
	return to + 2;
}

char *na_json_put_boolean(char *to, bool value)
{
	memcpy(to, value ? "true " : "false", 5);
	return to + (value ? 4 : 5);
}
