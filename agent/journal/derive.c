/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that follow from others: found, and made again. */
#include "journal/derive.h"

#define HEX_MAX 16 /* digits */

static bool same(const struct na_text *a, const char *data, size_t length)
{
	return a->length == length && memcmp(a->data, data, length) == 0;
}

static bool is_formatted(const struct na_text *text, const struct na_address *address)
{
	char formatted[NA_ADDRESS_TEXT_SIZE];

	return same(text, formatted, na_address_format(address, formatted));
}

/* The bits of related.ip when it is these addresses in this order, else 0. */
static unsigned int derive_related(const struct na_event *event)
{
	const struct na_texts *related = &event->f_RELATED_IP;
	unsigned int bits = 0;
	size_t at = 0;

	if (at < related->count && na_event_has(event, NA_FIELD_SOURCE_ADDRESS) &&
	    same(&related->items[at], event->f_SOURCE_ADDRESS.data,
		 event->f_SOURCE_ADDRESS.length)) {
		bits |= NA_DERIVED_RELATED_SOURCE;
		at++;
	}
	if (at < related->count && na_event_has(event, NA_FIELD_DESTINATION_ADDRESS) &&
	    same(&related->items[at], event->f_DESTINATION_ADDRESS.data,
		 event->f_DESTINATION_ADDRESS.length)) {
		bits |= NA_DERIVED_RELATED_DESTINATION;
		at++;
	}
	return at == related->count ? bits : 0;
}

/* From the last digit: as many as `end` has in front of it. No digit: value 0. */
static const char *read_hex(const char *begin, const char *end, uint64_t *ret_value)
{
	unsigned int shift = 0;

	for (*ret_value = 0; end > begin && shift < 64; end--, shift += 4) {
		char c = end[-1];

		if (c >= '0' && c <= '9')
			*ret_value |= (uint64_t)(c - '0') << shift;
		else if (c >= 'a' && c <= 'f')
			*ret_value |= (uint64_t)(c - 'a' + 10) << shift;
		else
			break;
	}
	return end;
}

static char *put_hex(char *to, uint64_t value)
{
	int digits = value ? HEX_MAX - __builtin_clzll(value) / 4 : 1;

	while (digits-- > 0)
		*to++ = "0123456789abcdef"[value >> 4 * digits & 15];
	return to;
}

/* What stands behind the prefix. Returns the length. */
static size_t put_tail(char *to, const struct na_event *event, unsigned int bits, uint64_t ordinal)
{
	char *at = to;

	if (bits & NA_DERIVED_INODE)
		*at++ = 'i';
	at = put_hex(at, bits & NA_DERIVED_INODE ? event->f_NA_SOCKET_INODE
						 : event->f_NA_SOCKET_COOKIE);
	*at++ = '-';
	return (size_t)(put_hex(at, ordinal) - to);
}

/* Moves the end in front of the value as put_hex() writes it. False: something else is there. */
static bool cut_hex(const char *begin, const char **end, uint64_t value)
{
	do {
		if (*end == begin || (*end)[-1] != "0123456789abcdef"[value & 15])
			return false;
		--*end;
	} while (value >>= 4);
	return true;
}

static bool cut_char(const char *begin, const char **end, char c)
{
	if (*end == begin || (*end)[-1] != c)
		return false;
	--*end;
	return true;
}

/* As put_tail() writes it. */
static bool ends_so(struct na_derived *derived, const struct na_event *event, unsigned int bit)
{
	const struct na_text *id = &event->f_NA_CONNECTION_ID;
	const char *begin = id->data, *end = begin + id->length;
	bool inode = bit & NA_DERIVED_INODE;

	if (!cut_hex(begin, &end, derived->ordinal) || !cut_char(begin, &end, '-') ||
	    !cut_hex(begin, &end, inode ? event->f_NA_SOCKET_INODE : event->f_NA_SOCKET_COOKIE) ||
	    (inode && !cut_char(begin, &end, 'i')) || end - begin > NA_DERIVED_PREFIX_MAX)
		return false;
	derived->bits |= bit;
	derived->prefix = (struct na_text){begin, (size_t)(end - begin)};
	return true;
}

static void derive_connection(struct na_derived *derived, const struct na_event *event)
{
	const struct na_text *id = &event->f_NA_CONNECTION_ID;

	read_hex(id->data, id->data + id->length, &derived->ordinal);
	if (na_event_has(event, NA_FIELD_NA_SOCKET_INODE) &&
	    ends_so(derived, event, NA_DERIVED_INODE))
		return;
	if (na_event_has(event, NA_FIELD_NA_SOCKET_COOKIE))
		ends_so(derived, event, NA_DERIVED_COOKIE);
}

static bool restore_related(unsigned int bits, struct na_restored *texts, struct na_event *event)
{
	size_t count = 0;

	if (bits & NA_DERIVED_RELATED_SOURCE) {
		if (!na_event_has(event, NA_FIELD_SOURCE_ADDRESS))
			return false;
		texts->related[count++] = event->f_SOURCE_ADDRESS;
	}
	if (bits & NA_DERIVED_RELATED_DESTINATION) {
		if (!na_event_has(event, NA_FIELD_DESTINATION_ADDRESS))
			return false;
		texts->related[count++] = event->f_DESTINATION_ADDRESS;
	}
	if (count)
		NA_SET(event, RELATED_IP, ((struct na_texts){texts->related, count}));
	return true;
}

static bool restore_connection(const struct na_derived *derived, struct na_restored *texts,
			       struct na_event *event)
{
	enum na_field from = derived->bits & NA_DERIVED_INODE ? NA_FIELD_NA_SOCKET_INODE
							      : NA_FIELD_NA_SOCKET_COOKIE;
	size_t length = derived->prefix.length;

	if (!na_event_has(event, from))
		return false;
	if (length)
		memcpy(texts->connection, derived->prefix.data, length);
	length += put_tail(texts->connection + length, event, derived->bits, derived->ordinal);
	NA_SET(event, NA_CONNECTION_ID, ((struct na_text){texts->connection, length}));
	return true;
}

static struct na_text format(const struct na_address *address, char *text)
{
	return (struct na_text){text, na_address_format(address, text)};
}

/* ------------------------------------------------------------------------------------------- */

void na_derive(const struct na_event *event, struct na_derived *ret_derived)
{
	*ret_derived = (struct na_derived){0};
	if (na_event_has(event, NA_FIELD_SOURCE_ADDRESS) &&
	    na_event_has(event, NA_FIELD_SOURCE_IP) &&
	    is_formatted(&event->f_SOURCE_ADDRESS, &event->f_SOURCE_IP))
		ret_derived->bits |= NA_DERIVED_SOURCE_ADDRESS;
	if (na_event_has(event, NA_FIELD_DESTINATION_ADDRESS) &&
	    na_event_has(event, NA_FIELD_DESTINATION_IP) &&
	    is_formatted(&event->f_DESTINATION_ADDRESS, &event->f_DESTINATION_IP))
		ret_derived->bits |= NA_DERIVED_DESTINATION_ADDRESS;
	if (na_event_has(event, NA_FIELD_RELATED_IP))
		ret_derived->bits |= derive_related(event);
	if (na_event_has(event, NA_FIELD_NA_CONNECTION_ID))
		derive_connection(ret_derived, event);
}

bool na_restore(const struct na_derived *derived, struct na_restored *texts, struct na_event *event)
{
	if (derived->bits & NA_DERIVED_SOURCE_ADDRESS) {
		if (!na_event_has(event, NA_FIELD_SOURCE_IP))
			return false;
		NA_SET(event, SOURCE_ADDRESS, format(&event->f_SOURCE_IP, texts->addresses[0]));
	}
	if (derived->bits & NA_DERIVED_DESTINATION_ADDRESS) {
		if (!na_event_has(event, NA_FIELD_DESTINATION_IP))
			return false;
		NA_SET(event, DESTINATION_ADDRESS,
		       format(&event->f_DESTINATION_IP, texts->addresses[1]));
	}
	return restore_related(derived->bits, texts, event) &&
	       (!(derived->bits & NA_DERIVED_CONNECTION) ||
		restore_connection(derived, texts, event));
}
