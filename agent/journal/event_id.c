/* SPDX-License-Identifier: Apache-2.0 */
/* The form of event.id. */
#include "journal/event_id.h"

static const char digits[] = "0123456789abcdef";

/* Exactly `count` digits. */
static char *put_hex(char *to, uint64_t value, unsigned int count)
{
	while (count-- > 0)
		*to++ = digits[value >> 4 * count & 15];
	return to;
}

static unsigned int digits_of(uint64_t value)
{
	unsigned int count = 1;

	while (value >>= 4)
		count++;
	return count;
}

/* ------------------------------------------------------------------------------------------- */

size_t na_event_id_instance(const uint8_t journal[16], uint64_t epoch,
			    char ret_text[NA_EVENT_ID_INSTANCE_SIZE])
{
	char *to = ret_text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		to = put_hex(to, journal[i], 2);
	}
	*to++ = '-';
	to = put_hex(to, epoch, digits_of(epoch));
	*to = 0;
	return (size_t)(to - ret_text);
}

size_t na_event_id_finish(char *text, size_t instance_length, uint64_t sequence)
{
	text[instance_length] = '-';
	return (size_t)(put_hex(text + instance_length + 1, sequence, 16) - text);
}
