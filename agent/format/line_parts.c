/* SPDX-License-Identifier: Apache-2.0 */
/* The words at the end of a line: parts in the order of their importance. */
#include "format/line_parts.h"

#include "base/field.h"
#include "format/glyph.h"
#include "format/human.h"

#define UP "\xe2\x86\x91"
#define DOWN "\xe2\x86\x93"

#define CONTAINER_ID_SHORT 12

/* Said when the event has `field`: `before` and the value, or what `append` says (nothing: left
 * out). */
struct part {
	enum na_field field;
	const char *before;
	void (*append)(struct na_buffer *out, const struct na_event *event);
};

static void append_text(struct na_buffer *out, struct na_text text)
{
	na_buffer_append(out, text.data, text.length);
}

static bool is_text(struct na_text text, const char *string)
{
	return text.length == strlen(string) && memcmp(text.data, string, text.length) == 0;
}

static void append_reason(struct na_buffer *out, const struct na_event *event)
{
	if (!is_text(event->f_EVENT_REASON, "orderly"))
		append_text(out, event->f_EVENT_REASON);
}

static void append_duration(struct na_buffer *out, const struct na_event *event)
{
	int64_t ns = event->f_EVENT_DURATION;

	na_human_append_duration(out, ns < 0 ? 0 : (uint64_t)ns);
}

static void append_round_trip(struct na_buffer *out, const struct na_event *event)
{
	int64_t us = event->f_NA_TCP_RTT_US;

	na_buffer_append_string(out, "rtt ");
	na_human_append_duration(out, us < 0 ? 0 : (uint64_t)us * 1000);
}

static void append_retransmits(struct na_buffer *out, const struct na_event *event)
{
	if (event->f_NA_TCP_RETRANSMITS > 0)
		na_buffer_printf(out, "%lld sent again", (long long)event->f_NA_TCP_RETRANSMITS);
}

/* Up is what this host sent. */
static void append_bytes(struct na_buffer *out, const struct na_event *event)
{
	bool ingress = na_event_has(event, NA_FIELD_NETWORK_DIRECTION) &&
		       is_text(event->f_NETWORK_DIRECTION, "ingress");
	uint64_t source = (uint64_t)event->f_SOURCE_BYTES;
	uint64_t destination = (uint64_t)event->f_DESTINATION_BYTES;

	if (!na_event_has(event, NA_FIELD_DESTINATION_BYTES))
		return;
	na_buffer_append_string(out, UP);
	na_human_append_bytes(out, ingress ? destination : source);
	na_buffer_append_string(out, " " DOWN);
	na_human_append_bytes(out, ingress ? source : destination);
}

static void append_socket(struct na_buffer *out, const struct na_event *event)
{
	if (event->type != NA_EVENT_SOCKET_CREATED)
		return;
	append_text(out, event->f_NA_SOCKET_FAMILY);
	if (na_event_has(event, NA_FIELD_NA_SOCKET_TYPE)) {
		na_buffer_append_char(out, ' ');
		append_text(out, event->f_NA_SOCKET_TYPE);
	}
}

static void append_process(struct na_buffer *out, const char *before, struct na_text name,
			   int64_t pid)
{
	na_buffer_append_string(out, before);
	append_text(out, name);
	na_buffer_append_char(out, '[');
	na_buffer_append_i64(out, pid);
	na_buffer_append_char(out, ']');
}

static void append_closer(struct na_buffer *out, const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_NA_CLOSER_PID))
		append_process(out, "closed by ", event->f_NA_CLOSER_NAME, event->f_NA_CLOSER_PID);
}

static void append_creator(struct na_buffer *out, const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_NA_CREATOR_PID))
		append_process(out, "made by ", event->f_NA_CREATOR_NAME, event->f_NA_CREATOR_PID);
}

static void append_parent(struct na_buffer *out, const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_PROCESS_PARENT_PID))
		append_process(out, "from ", event->f_PROCESS_PARENT_NAME,
			       event->f_PROCESS_PARENT_PID);
}

static void append_container(struct na_buffer *out, const struct na_event *event)
{
	struct na_text id = event->f_CONTAINER_ID;

	if (id.length > CONTAINER_ID_SHORT)
		id.length = CONTAINER_ID_SHORT;
	na_buffer_append_string(out, "in ");
	append_text(out, id);
}

static void append_uring(struct na_buffer *out, const struct na_event *event)
{
	if (event->f_NA_URING)
		na_buffer_append_string(out, "by io_uring");
}

static void append_executable(struct na_buffer *out, const struct na_event *event)
{
	if (!na_event_has(event, NA_FIELD_PROCESS_COMMAND_LINE) &&
	    !na_event_has(event, NA_FIELD_PROCESS_EXIT_CODE))
		append_text(out, event->f_PROCESS_EXECUTABLE);
}

static void append_command_line(struct na_buffer *out, const struct na_event *event)
{
	if (event->type == NA_EVENT_PROCESS_STARTED)
		append_text(out, event->f_PROCESS_COMMAND_LINE);
}

static void append_life(struct na_buffer *out, const struct na_event *event)
{
	if (!na_event_has(event, NA_FIELD_PROCESS_START) ||
	    event->f_PROCESS_END < event->f_PROCESS_START)
		return;
	na_buffer_append_string(out, "after ");
	na_human_append_duration(out, event->f_PROCESS_END - event->f_PROCESS_START);
}

static void append_lost(struct na_buffer *out, const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_NA_LOST_COUNT))
		na_buffer_append_i64(out, event->f_NA_LOST_COUNT);
	else
		na_buffer_append_string(out, "an unknown number");
	na_buffer_append_string(out, " lost");
	if (na_event_has(event, NA_FIELD_NA_LOST_PROGRAM)) {
		na_buffer_append_string(out, " by ");
		append_text(out, event->f_NA_LOST_PROGRAM);
	}
	if (na_event_has(event, NA_FIELD_NA_LOST_REASON)) {
		na_buffer_append_string(out, ": ");
		append_text(out, event->f_NA_LOST_REASON);
	}
}

/* {"a":1,"b":2} is a=1 b=2 for a person. */
static void append_counters(struct na_buffer *out, const struct na_event *event)
{
	const char *json = event->f_NA_AGENT_COUNTERS.data;

	for (size_t i = 0; i < event->f_NA_AGENT_COUNTERS.length; i++) {
		if (strchr("{}\" \n", json[i]))
			continue;
		na_buffer_append_char(out, json[i] == ',' ? ' ' : json[i] == ':' ? '=' : json[i]);
	}
}

static const struct part connection_parts[] = {
	{NA_FIELD_NA_OPERATION, "", NULL},
	{NA_FIELD_ERROR_CODE, "", NULL},
	{NA_FIELD_NA_POLICY, "by ", NULL},
	{NA_FIELD_EVENT_REASON, "", append_reason},
	{NA_FIELD_NA_SOCKET_STATE, "", NULL},
	{NA_FIELD_NA_SHUTDOWN_HOW, "", NULL},
	{NA_FIELD_NA_BACKLOG, "backlog ", NULL},
	{NA_FIELD_NA_SOCKET_FAMILY, "", append_socket},
	{NA_FIELD_SOURCE_BYTES, "", append_bytes},
	{NA_FIELD_EVENT_DURATION, "", append_duration},
	{NA_FIELD_NA_CLOSED_BY, "by ", NULL},
	{NA_FIELD_NA_CLOSER_NAME, "", append_closer},
	{NA_FIELD_NA_CREATOR_NAME, "", append_creator},
	{NA_FIELD_ERROR_MESSAGE, "", NULL},
	{NA_FIELD_MESSAGE, "", NULL},
	{NA_FIELD_NA_UNCERTAIN, "uncertain: ", NULL},
	{NA_FIELD_NA_URING, "", append_uring},
	{NA_FIELD_NA_TCP_RETRANSMITS, "", append_retransmits},
	{NA_FIELD_NA_TCP_RTT_US, "", append_round_trip},
	{NA_FIELD_CONTAINER_ID, "", append_container},
};

static const struct part story_parts[] = {
	{NA_FIELD_NA_LOST_REASON, "", append_lost},
	{NA_FIELD_PROCESS_COMMAND_LINE, "", append_command_line},
	{NA_FIELD_PROCESS_EXECUTABLE, "", append_executable},
	{NA_FIELD_PROCESS_EXIT_CODE, "exit ", NULL},
	{NA_FIELD_PROCESS_END, "", append_life},
	{NA_FIELD_MESSAGE, "", NULL},
	{NA_FIELD_ERROR_CODE, "", NULL},
	{NA_FIELD_NA_AGENT_COUNTERS, "", append_counters},
	{NA_FIELD_PROCESS_PARENT_NAME, "", append_parent},
	{NA_FIELD_CONTAINER_ID, "", append_container},
};

static void append_part(struct na_buffer *out, const struct part *part,
			const struct na_event *event)
{
	const void *value = na_field_value(event, part->field);

	na_buffer_append_string(out, part->before);
	if (part->append)
		part->append(out, event);
	else if (na_field_rows[part->field].type == NA_TYPE_LONG)
		na_buffer_append_i64(out, *(const na_type_LONG *)value);
	else
		append_text(out, *(const na_type_KEYWORD *)value);
}

/* ------------------------------------------------------------------------------------------- */

bool na_line_is_story(const struct na_event *event)
{
	switch (event->type) {
	case NA_EVENT_PROCESS_STARTED:
	case NA_EVENT_PROCESS_ENDED:
	case NA_EVENT_EVENTS_LOST:
	case NA_EVENT_AGENT_STARTED:
	case NA_EVENT_AGENT_DEGRADED:
	case NA_EVENT_AGENT_STOPPING:
	case NA_EVENT_HEARTBEAT:
	case NA_EVENT_CLOCK_CHANGED:
	case NA_EVENT_OUTPUT_TESTED:
		return true;
	default:
		return false;
	}
}

void na_line_append_parts(struct na_buffer *out, const struct na_event *event, size_t width,
			  struct na_buffer *scratch)
{
	bool story = na_line_is_story(event);
	const struct part *part = story ? story_parts : connection_parts;
	const struct part *end =
		story ? story_parts + sizeof(story_parts) / sizeof(*part)
		      : connection_parts + sizeof(connection_parts) / sizeof(*part);
	size_t used = 0;

	for (; part < end; part++) {
		struct na_text text;

		if (!na_event_has(event, part->field))
			continue;
		na_buffer_clear(scratch);
		append_part(scratch, part, event);
		if (na_buffer_error(scratch)) {
			out->error = na_buffer_error(scratch);
			return;
		}
		text = (struct na_text){scratch->data, scratch->length};
		if (!text.length || (used && used + 1 + na_glyph_width(text) > width))
			continue;
		if (used)
			na_buffer_append_char(out, ' ');
		used += (used > 0) + na_glyph_append_start(out, text, width);
	}
}
