/* SPDX-License-Identifier: Apache-2.0 */
/* Filters against events. Parsing is in filter_parse.c, the values' meaning in filter_value.c. */
#include "config/filter.h"

#include <stdlib.h>

#include "config/filter_internal.h"
#include "config/number.h"

/* An id of a container is 64 digits; people paste the first 12, as the tools print them. */
#define CONTAINER_PREFIX_MIN 12

typedef bool match_function(const struct na_filter_value *value,
			    const struct na_filter_pattern *pattern, const struct na_event *event);

static struct na_text text_of(const struct na_event *event, enum na_field field,
			      const struct na_text *text)
{
	return na_event_has(event, field) ? *text : (struct na_text){NULL, 0};
}

#define FIELD_TEXT(event, field) text_of(event, NA_FIELD_##field, &(event)->f_##field)

/* Absent fields match nothing, not even `*`: data tells them from empty ones. */
#define MATCH_TEXT(function, field)                                                                \
	static bool function(const struct na_filter_value *value,                                  \
			     const struct na_filter_pattern *pattern,                              \
			     const struct na_event *event)                                         \
	{                                                                                          \
		return na_event_has(event, NA_FIELD_##field) &&                                    \
		       na_filter_match_text(value, pattern, event->f_##field);                     \
	}

MATCH_TEXT(match_event, NA_EVENT)
MATCH_TEXT(match_family, NA_SOCKET_FAMILY)
MATCH_TEXT(match_transport, NETWORK_TRANSPORT)
MATCH_TEXT(match_exe, PROCESS_EXECUTABLE)
MATCH_TEXT(match_comm, PROCESS_NAME)
MATCH_TEXT(match_user, USER_NAME)
MATCH_TEXT(match_outcome, EVENT_OUTCOME)
MATCH_TEXT(match_error, ERROR_CODE)
MATCH_TEXT(match_direction, NETWORK_DIRECTION)

static bool in_range(const struct na_filter_value *value, uint64_t number)
{
	return number >= value->first && number <= value->last;
}

static bool match_pid(const struct na_filter_value *value, const struct na_filter_pattern *pattern,
		      const struct na_event *event)
{
	(void)pattern;
	return na_event_has(event, NA_FIELD_PROCESS_PID) &&
	       in_range(value, (uint64_t)event->f_PROCESS_PID);
}

static bool match_uid(const struct na_filter_value *value, const struct na_filter_pattern *pattern,
		      const struct na_event *event)
{
	uint64_t uid;

	(void)pattern;
	return na_event_has(event, NA_FIELD_USER_ID) &&
	       na_number_digits(event->f_USER_ID, &uid) == 0 && in_range(value, uid);
}

static bool match_port(const struct na_filter_value *value, const struct na_filter_pattern *pattern,
		       const struct na_event *event)
{
	(void)pattern;
	return (na_event_has(event, NA_FIELD_SOURCE_PORT) &&
		in_range(value, (uint64_t)event->f_SOURCE_PORT)) ||
	       (na_event_has(event, NA_FIELD_DESTINATION_PORT) &&
		in_range(value, (uint64_t)event->f_DESTINATION_PORT));
}

static bool begins_with(struct na_text text, struct na_text head)
{
	return text.length >= head.length && memcmp(text.data, head.data, head.length) == 0;
}

static bool is_container_prefix(struct na_text text)
{
	if (text.length < CONTAINER_PREFIX_MIN)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (!strchr("0123456789abcdef", text.data[i]))
			return false;
	return true;
}

static bool match_container(const struct na_filter_value *value,
			    const struct na_filter_pattern *pattern, const struct na_event *event)
{
	struct na_text id = FIELD_TEXT(event, CONTAINER_ID);

	if (!na_event_has(event, NA_FIELD_CONTAINER_ID))
		return false;
	return na_filter_match_text(value, pattern, id) ||
	       (!pattern->wild && is_container_prefix(value->text) && begins_with(id, value->text));
}

/* A path means the cgroup and all below it, as in the kernel's own filters. */
static bool match_cgroup(const struct na_filter_value *value,
			 const struct na_filter_pattern *pattern, const struct na_event *event)
{
	struct na_text path = FIELD_TEXT(event, NA_CGROUP_PATH), wanted = value->text;

	if (wanted.data[0] != '/' && !pattern->wild)
		return na_event_has(event, NA_FIELD_NA_CGROUP_ID) &&
		       event->f_NA_CGROUP_ID == value->first;
	if (!path.data)
		return false;
	if (pattern->wild)
		return na_filter_match_text(value, pattern, path);
	while (wanted.length && wanted.data[wanted.length - 1] == '/')
		wanted.length--;
	return begins_with(path, wanted) &&
	       (path.length == wanted.length || path.data[wanted.length] == '/');
}

static bool has_prefix(const struct na_filter_value *value, const struct na_address *address)
{
	unsigned int bytes = value->prefix / 8, bits = value->prefix % 8;

	if (memcmp(value->address.bytes, address->bytes, bytes) != 0)
		return false;
	return !bits || !((value->address.bytes[bytes] ^ address->bytes[bytes]) >> (8 - bits));
}

static bool match_source(const struct na_filter_value *value,
			 const struct na_filter_pattern *pattern, const struct na_event *event)
{
	if (value->prefix == NA_FILTER_TEXT)
		return na_event_has(event, NA_FIELD_SOURCE_ADDRESS) &&
		       na_filter_match_text(value, pattern, event->f_SOURCE_ADDRESS);
	return na_event_has(event, NA_FIELD_SOURCE_IP) && has_prefix(value, &event->f_SOURCE_IP);
}

static bool match_destination(const struct na_filter_value *value,
			      const struct na_filter_pattern *pattern, const struct na_event *event)
{
	if (value->prefix == NA_FILTER_TEXT)
		return na_event_has(event, NA_FIELD_DESTINATION_ADDRESS) &&
		       na_filter_match_text(value, pattern, event->f_DESTINATION_ADDRESS);
	return na_event_has(event, NA_FIELD_DESTINATION_IP) &&
	       has_prefix(value, &event->f_DESTINATION_IP);
}

static bool match_address(const struct na_filter_value *value,
			  const struct na_filter_pattern *pattern, const struct na_event *event)
{
	return match_source(value, pattern, event) || match_destination(value, pattern, event);
}

static match_function *const matchers[NA_FILTER_KEY_COUNT] = {
	[NA_FILTER_EVENT] = match_event,
	[NA_FILTER_FAMILY] = match_family,
	[NA_FILTER_TRANSPORT] = match_transport,
	[NA_FILTER_PID] = match_pid,
	[NA_FILTER_EXE] = match_exe,
	[NA_FILTER_COMM] = match_comm,
	[NA_FILTER_USER] = match_user,
	[NA_FILTER_UID] = match_uid,
	[NA_FILTER_CONTAINER] = match_container,
	[NA_FILTER_CGROUP] = match_cgroup,
	[NA_FILTER_ADDRESS] = match_address,
	[NA_FILTER_SOURCE] = match_source,
	[NA_FILTER_DESTINATION] = match_destination,
	[NA_FILTER_PORT] = match_port,
	[NA_FILTER_OUTCOME] = match_outcome,
	[NA_FILTER_ERROR] = match_error,
	[NA_FILTER_DIRECTION] = match_direction,
};

static bool match_term(const struct na_filter_term *term, const struct na_filter_pattern *patterns,
		       const struct na_event *event)
{
	for (size_t i = 0; i < term->count; i++)
		if (matchers[term->key](&term->values[i], &patterns[i], event))
			return !term->negated;
	return term->negated;
}

/* On a mismatch the last wildcard takes one byte more: no recursion, no exponential time. */
static bool match_wild(const struct na_filter_pattern *pattern, struct na_text text)
{
	size_t at = 0, in = 0, retry_at = SIZE_MAX, retry_in = 0;

	while (in < text.length) {
		if (at < pattern->length && pattern->bytes[at] == NA_FILTER_ANY) {
			retry_at = ++at;
			retry_in = in;
		} else if (at < pattern->length && pattern->bytes[at] == text.data[in]) {
			at++;
			in++;
		} else if (retry_at != SIZE_MAX) {
			at = retry_at;
			in = ++retry_in;
		} else {
			return false;
		}
	}
	while (at < pattern->length && pattern->bytes[at] == NA_FILTER_ANY)
		at++;
	return at == pattern->length;
}

/* ------------------------------------------------------------------------------------------- */

bool na_filter_match_text(const struct na_filter_value *value,
			  const struct na_filter_pattern *pattern, struct na_text text)
{
	if (pattern->wild)
		return match_wild(pattern, text);
	return value->text.length == text.length &&
	       memcmp(value->text.data, text.data, text.length) == 0;
}

bool na_filter_match(const struct na_filter *filter, const struct na_event *event)
{
	for (size_t i = 0; i < filter->count; i++)
		if (!match_term(&filter->terms[i], filter->patterns[i], event))
			return false;
	return true;
}

const struct na_filter_term *na_filter_terms(const struct na_filter *filter, size_t *ret_count)
{
	*ret_count = filter->count;
	return filter->terms;
}

void na_filter_free(struct na_filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->count; i++) {
		for (size_t k = 0; k < filter->terms[i].count; k++)
			free(filter->patterns[i][k].bytes);
		free(filter->patterns[i]);
		free((struct na_filter_value *)filter->terms[i].values);
	}
	free(filter->patterns);
	free(filter->terms);
	free(filter);
}
