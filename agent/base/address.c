/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text. */
#include "base/address.h"

#define GROUPS 8

static char *put_decimal(char *to, unsigned int value)
{
	if (value >= 100)
		*to++ = (char)('0' + value / 100);
	if (value >= 10)
		*to++ = (char)('0' + value / 10 % 10);
	*to++ = (char)('0' + value % 10);
	return to;
}

static char *put_v4(char *to, const uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*to++ = '.';
		to = put_decimal(to, bytes[i]);
	}
	return to;
}

static char *put_group(char *to, unsigned int group)
{
	for (int shift = 12; shift >= 0; shift -= 4)
		if (group >> shift || !shift)
			*to++ = "0123456789abcdef"[group >> shift & 0xf];
	return to;
}

/* The longest run of at least two zero groups, the first of equals, becomes "::". */
static int find_zeros(const unsigned int *groups, int *ret_end)
{
	int start = -1, end = -1;

	for (int i = 0, run; i < GROUPS; i += run + 1) {
		for (run = 0; i + run < GROUPS && !groups[i + run];)
			run++;
		if (run >= 2 && run > end - start) {
			start = i;
			end = i + run;
		}
	}
	*ret_end = end;
	return start;
}

static char *put_v6(char *to, const uint8_t bytes[16])
{
	unsigned int groups[GROUPS];
	int start, end;

	for (int i = 0; i < GROUPS; i++)
		groups[i] = (unsigned int)bytes[2 * i] << 8 | bytes[2 * i + 1];
	start = find_zeros(groups, &end);
	for (int i = 0; i < GROUPS; i++) {
		if (i == start) {
			*to++ = ':';
			*to++ = ':';
			i = end - 1;
			continue;
		}
		if (i && i != end)
			*to++ = ':';
		to = put_group(to, groups[i]);
	}
	return to;
}

/* ------------------------------------------------------------------------------------------- */

size_t na_address_format(const struct na_address *address, char ret_text[NA_ADDRESS_TEXT_SIZE])
{
	char *end = na_address_is_v4(address) ? put_v4(ret_text, address->bytes + 12)
					      : put_v6(ret_text, address->bytes);

	*end = 0;
	return (size_t)(end - ret_text);
}
