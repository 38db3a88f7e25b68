/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of a filter, checked by their key. What can be known to match nothing is an error: a
 * filter that silently finds nothing is worse than one that is refused.
 */
#include "config/filter_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/family.h"
#include "config/number.h"
#include "config/suggest.h"

#define PORT_LAST 65535
#define ERRNO_LAST 133
#define BITS_V4 32
#define BITS_V6 128
#define BITS_MAPPED 96 /* ::ffff:0:0/96 */

static void change_case(int (*to)(int), struct na_filter_value *value,
			struct na_filter_pattern *pattern)
{
	char *text = (char *)value->text.data;

	for (size_t i = 0; i < value->text.length; i++)
		text[i] = (char)to((unsigned char)text[i]);
	for (size_t i = 0; i < pattern->length; i++)
		pattern->bytes[i] = (char)to((unsigned char)pattern->bytes[i]);
}

static int refuse(struct na_text text, const char *message, const struct na_suggestion *suggestion,
		  struct na_buffer *why)
{
	na_quote_append(why, text);
	na_buffer_append_string(why, message);
	if (suggestion)
		na_suggestion_append(suggestion, why);
	return -EINVAL;
}

struct word {
	const char *written, *meant;
};

static int read_text(struct na_filter_value *value, struct na_filter_pattern *pattern,
		     struct na_buffer *why)
{
	(void)value, (void)pattern, (void)why;
	return 0;
}

static int read_lower(struct na_filter_value *value, struct na_filter_pattern *pattern,
		      struct na_buffer *why)
{
	(void)why;
	change_case(tolower, value, pattern);
	return 0;
}

static int read_event(struct na_filter_value *value, struct na_filter_pattern *pattern,
		      struct na_buffer *why)
{
	struct na_suggestion suggestion;

	change_case(tolower, value, pattern);
	na_suggestion_init(&suggestion, value->text);
	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		struct na_text name = na_text_of(na_event_name((enum na_event_type)type));

		if (na_filter_match_text(value, pattern, name))
			return 0;
		na_suggestion_offer(&suggestion, name);
	}
	return refuse(value->text, " is no event", &suggestion, why);
}

static int read_family(struct na_filter_value *value, struct na_filter_pattern *pattern,
		       struct na_buffer *why)
{
	struct na_suggestion suggestion;
	unsigned int number;

	change_case(tolower, value, pattern);
	if (pattern->wild || na_family_find(value->text, &number) == 0)
		return 0;
	na_suggestion_init(&suggestion, value->text);
	for (number = 1; number < na_family_count; number++)
		na_suggestion_offer(&suggestion, na_text_of(na_family_name(number)));
	return refuse(value->text, " is no address family", &suggestion, why);
}

static int read_error(struct na_filter_value *value, struct na_filter_pattern *pattern,
		      struct na_buffer *why)
{
	/* Names that have a number in common; events carry the second. */
	static const struct word synonyms[] = {
		{"EWOULDBLOCK", "EAGAIN"},
		{"ENOTSUP", "EOPNOTSUPP"},
		{"EDEADLOCK", "EDEADLK"},
	};
	struct na_suggestion suggestion;

	change_case(toupper, value, pattern);
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(*synonyms) && !pattern->wild; i++)
		if (strcmp(synonyms[i].written, value->text.data) == 0) {
			value->text = na_text_of(synonyms[i].meant);
			return 0;
		}
	na_suggestion_init(&suggestion, value->text);
	if (na_filter_match_text(value, pattern, na_text_of("UNKNOWN")))
		return 0;
	for (int number = 1; number <= ERRNO_LAST; number++) {
		const char *name = strerrorname_np(number);

		if (name && na_filter_match_text(value, pattern, na_text_of(name)))
			return 0;
		na_suggestion_offer(&suggestion, na_text_of(name ? name : ""));
	}
	return refuse(value->text, " is no name of an error, as ECONNREFUSED", &suggestion, why);
}

/* Replaces what was written by the event's own word: the text is then a constant, the memory is the
 * pattern's. */
static int read_word(const struct word *words, struct na_filter_value *value,
		     struct na_filter_pattern *pattern, const char *message, struct na_buffer *why)
{
	struct na_suggestion suggestion;

	change_case(tolower, value, pattern);
	na_suggestion_init(&suggestion, value->text);
	for (; words->written; words++) {
		if (!pattern->wild && strcmp(words->written, value->text.data) == 0) {
			value->text = na_text_of(words->meant);
			return 0;
		}
		if (pattern->wild && na_filter_match_text(value, pattern, na_text_of(words->meant)))
			return 0;
		na_suggestion_offer(&suggestion, na_text_of(words->written));
	}
	return refuse(value->text, message, &suggestion, why);
}

static int read_outcome(struct na_filter_value *value, struct na_filter_pattern *pattern,
			struct na_buffer *why)
{
	static const struct word words[] = {
		{"success", "success"},
		{"failure", "failure"},
		{"unknown", "unknown"},
		{NULL, NULL},
	};

	return read_word(words, value, pattern, " is none of success, failure, unknown", why);
}

static int read_direction(struct na_filter_value *value, struct na_filter_pattern *pattern,
			  struct na_buffer *why)
{
	static const struct word words[] = {
		{"ingress", "ingress"}, {"egress", "egress"},   {"in", "ingress"},
		{"out", "egress"},      {"inbound", "ingress"}, {"outbound", "egress"},
		{NULL, NULL},
	};

	return read_word(words, value, pattern, " is neither ingress nor egress", why);
}

/* "a" or "a-b". */
static int read_range(struct na_filter_value *value, uint64_t last, const char *message,
		      struct na_buffer *why)
{
	const char *dash = memchr(value->text.data, '-', value->text.length);
	struct na_text low = value->text, high = value->text;

	if (dash) {
		low.length = (size_t)(dash - low.data);
		high = (struct na_text){dash + 1, value->text.length - low.length - 1};
	}
	if (na_number_digits(low, &value->first) < 0 || na_number_digits(high, &value->last) < 0 ||
	    value->last > last)
		return refuse(value->text, message, NULL, why);
	if (value->first > value->last)
		return refuse(value->text, " ends before it begins", NULL, why);
	return 0;
}

static int read_id(struct na_filter_value *value, struct na_filter_pattern *pattern,
		   struct na_buffer *why)
{
	(void)pattern;
	return read_range(value, UINT32_MAX, " is neither a number nor two with - between", why);
}

static int read_port(struct na_filter_value *value, struct na_filter_pattern *pattern,
		     struct na_buffer *why)
{
	(void)pattern;
	return read_range(value, PORT_LAST,
			  " is neither a port from 0 to 65535 nor two with - between", why);
}

/* A path, or the id of a cgroup; the id only when all are digits. */
static int read_cgroup(struct na_filter_value *value, struct na_filter_pattern *pattern,
		       struct na_buffer *why)
{
	if (value->text.data[0] == '/' || pattern->wild)
		return 0;
	if (na_number_digits(value->text, &value->first) == 0) {
		value->last = value->first;
		return 0;
	}
	return refuse(
		value->text,
		" is neither a path from the root of the cgroups, as /system.slice, nor an id",
		NULL, why);
}

static void mask_address(struct na_address *address, unsigned int prefix)
{
	for (unsigned int i = 0; i < sizeof(address->bytes); i++) {
		unsigned int kept = prefix > i * 8 ? prefix - i * 8 : 0;

		if (kept < 8)
			address->bytes[i] &= (uint8_t)(0xff00 >> kept);
	}
}

/* IPv4 becomes its mapped address, so that one comparison does for both. ::/0 is everything. */
static int parse_address(const char *text, struct na_address *ret_address, unsigned int *ret_bits)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET6, text, ret_address->bytes) == 1) {
		*ret_bits = BITS_V6;
		return 0;
	}
	if (inet_pton(AF_INET, text, ret_address->bytes + sizeof(mapped)) != 1)
		return -EINVAL;
	memcpy(ret_address->bytes, mapped, sizeof(mapped));
	*ret_bits = BITS_V4;
	return 0;
}

static int read_prefix(struct na_filter_value *value, const char *slash, unsigned int bits,
		       struct na_buffer *why)
{
	uint64_t prefix = bits;

	if (slash && (na_number_digits(na_text_of(slash + 1), &prefix) < 0 || prefix > bits)) {
		na_quote_append(why, value->text);
		na_buffer_printf(why, ": the prefix is not 0 to %u", bits);
		return -EINVAL;
	}
	value->prefix = (uint8_t)(prefix + (bits == BITS_V4 ? BITS_MAPPED : 0));
	mask_address(&value->address, value->prefix);
	return 0;
}

static int read_address(struct na_filter_value *value, struct na_filter_pattern *pattern,
			struct na_buffer *why)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(value->text.data, '/');
	size_t length = slash ? (size_t)(slash - value->text.data) : value->text.length;
	unsigned int bits;

	/* Paths, abstract names, and anything with `*`. */
	if (pattern->wild || value->text.data[0] == '/' || value->text.data[0] == '@') {
		value->prefix = NA_FILTER_TEXT;
		return 0;
	}
	if (length < sizeof(text)) {
		memcpy(text, value->text.data, length);
		text[length] = '\0';
		if (parse_address(text, &value->address, &bits) == 0)
			return read_prefix(value, slash, bits, why);
	}
	return refuse(value->text,
		      " is no address, as 10.0.0.1, 10.0.0.0/8, ::1 or /run/name; ports are port=",
		      NULL, why);
}

typedef int read_function(struct na_filter_value *value, struct na_filter_pattern *pattern,
			  struct na_buffer *why);

static read_function *const readers[NA_FILTER_KEY_COUNT] = {
	[NA_FILTER_EVENT] = read_event,
	[NA_FILTER_FAMILY] = read_family,
	[NA_FILTER_TRANSPORT] = read_lower,
	[NA_FILTER_PID] = read_id,
	[NA_FILTER_EXE] = read_text,
	[NA_FILTER_COMM] = read_text,
	[NA_FILTER_USER] = read_text,
	[NA_FILTER_UID] = read_id,
	[NA_FILTER_CONTAINER] = read_text,
	[NA_FILTER_CGROUP] = read_cgroup,
	[NA_FILTER_ADDRESS] = read_address,
	[NA_FILTER_SOURCE] = read_address,
	[NA_FILTER_DESTINATION] = read_address,
	[NA_FILTER_PORT] = read_port,
	[NA_FILTER_OUTCOME] = read_outcome,
	[NA_FILTER_ERROR] = read_error,
	[NA_FILTER_DIRECTION] = read_direction,
};

/* ------------------------------------------------------------------------------------------- */

int na_filter_read_value(enum na_filter_key key, struct na_filter_value *value,
			 struct na_filter_pattern *pattern, struct na_buffer *why)
{
	return readers[key](value, pattern, why);
}
