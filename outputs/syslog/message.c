/* SPDX-License-Identifier: Apache-2.0 */
/* A head that is made for each record, and its body behind it. */
#include "syslog/message.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "syslog/shrink.h"

#define APP_NAME "netaudit"
#define MSGID_MAX 32
#define LENGTH_ROOM 24 /* of a frame, in front of the head */

static void append_text(struct na_buffer *out, struct na_text text)
{
	na_buffer_append(out, text.data, text.length);
}

static struct na_text outcome_of(const struct na_event *event)
{
	return na_event_has(event, NA_FIELD_EVENT_OUTCOME) ? event->f_EVENT_OUTCOME
							   : (struct na_text){0};
}

/* The text of a moment changes once a second. */
static void make_stamp(struct na_syslog_encoder *encoder, uint64_t wall_ns)
{
	time_t second = (time_t)(wall_ns / NA_NS_PER_SEC);
	bool legacy = encoder->form != NA_SYSLOG_FORM_5424;
	struct tm parts;

	if (encoder->has_stamp && encoder->second == second)
		return;
	encoder->has_stamp = true;
	encoder->second = second;
	if (legacy)
		localtime_r(&second, &parts);
	else
		gmtime_r(&second, &parts);
	/* %b is English: nobody calls setlocale. */
	strftime(encoder->stamp, sizeof(encoder->stamp), legacy ? "%b %e %H:%M:%S" : "1 %FT%T.",
		 &parts);
}

static void append_microseconds(struct na_buffer *out, uint64_t wall_ns)
{
	uint32_t left = (uint32_t)(wall_ns % NA_NS_PER_SEC / NA_NS_PER_US);
	char digits[] = {'0', '0', '0', '0', '0', '0', 'Z'};

	for (size_t i = 6; i > 0; i--, left /= 10)
		digits[i - 1] = (char)('0' + left % 10);
	na_buffer_append(out, digits, sizeof(digits));
}

static void append_priority(const struct na_syslog_encoder *encoder,
			    const struct na_output_record *record, struct na_buffer *out)
{
	na_buffer_append_char(out, '<');
	na_buffer_append_u64(out, encoder->facility * 8 + na_syslog_severity_of(record->event));
	na_buffer_append_char(out, '>');
}

static bool has(struct na_text text, char c)
{
	return text.length && memchr(text.data, c, text.length);
}

/* PARAM-VALUE: `"`, `\` and `]` are escaped; an id has none of them. */
static void append_escaped(struct na_buffer *out, struct na_text value)
{
	if (!has(value, '"') && !has(value, '\\') && !has(value, ']')) {
		append_text(out, value);
		return;
	}
	for (size_t i = 0; i < value.length; i++) {
		char c = value.data[i];

		if (c == '"' || c == '\\' || c == ']')
			na_buffer_append_char(out, '\\');
		na_buffer_append_char(out, c);
	}
}

/* The element, of values of ours but for the id. */
static void append_element(const struct na_syslog_encoder *encoder,
			   const struct na_output_record *record, struct na_text name,
			   struct na_buffer *out)
{
	const struct na_event *event = record->event;

	na_buffer_append(out, " [", 2);
	na_buffer_append_string(out, encoder->sd_id);
	na_buffer_append_string(out, " id=\"");
	append_escaped(out, record->id);
	na_buffer_append_string(out, "\" event=\"");
	append_text(out, name);
	if (na_event_has(event, NA_FIELD_EVENT_SEQUENCE)) {
		na_buffer_append_string(out, "\" sequence=\"");
		na_buffer_append_i64(out, event->f_EVENT_SEQUENCE);
	}
	if (na_event_has(event, NA_FIELD_EVENT_OUTCOME)) {
		na_buffer_append_string(out, "\" outcome=\"");
		append_text(out, event->f_EVENT_OUTCOME);
	}
	na_buffer_append_string(out, "\"] ");
}

static void append_5424(struct na_syslog_encoder *encoder, const struct na_output_record *record,
			struct na_buffer *out)
{
	struct na_text name = na_text_of(na_event_name(record->event->type));

	append_priority(encoder, record, out);
	make_stamp(encoder, record->wall_ns);
	na_buffer_append_string(out, encoder->stamp);
	append_microseconds(out, record->wall_ns);
	na_buffer_append_char(out, ' ');
	na_buffer_append_string(out, encoder->host);
	na_buffer_append_string(out, " " APP_NAME " ");
	na_buffer_append_string(out, encoder->process);
	na_buffer_append_char(out, ' ');
	na_buffer_append(out, name.data, name.length < MSGID_MAX ? name.length : MSGID_MAX);
	append_element(encoder, record, name, out);
}

static void append_3164(struct na_syslog_encoder *encoder, const struct na_output_record *record,
			struct na_buffer *out)
{
	append_priority(encoder, record, out);
	make_stamp(encoder, record->wall_ns);
	na_buffer_append_string(out, encoder->stamp);
	na_buffer_append_char(out, ' ');
	if (encoder->form == NA_SYSLOG_FORM_3164) {
		na_buffer_append_string(out, encoder->host);
		na_buffer_append_char(out, ' ');
	}
	na_buffer_append_string(out, APP_NAME "[");
	na_buffer_append_string(out, encoder->process);
	na_buffer_append_string(out, "]: ");
}

/* NAME, newline, length as 64 bits in little endian, value, newline: holds any bytes. */
static void append_journal_name(struct na_buffer *out, const char *name, size_t length)
{
	uint64_t little = htole64(length);

	na_buffer_append_string(out, name);
	na_buffer_append_char(out, '\n');
	na_buffer_append(out, &little, sizeof(little));
}

static void append_journal_field(struct na_buffer *out, const char *name, struct na_text value)
{
	if (!value.length)
		return;
	append_journal_name(out, name, value.length);
	append_text(out, value);
	na_buffer_append_char(out, '\n');
}

static void append_journal_number(struct na_buffer *out, const char *name, uint64_t value)
{
	na_buffer_append_string(out, name);
	na_buffer_append_char(out, '=');
	na_buffer_append_u64(out, value);
	na_buffer_append_char(out, '\n');
}

/* Up to the bytes of MESSAGE. */
static void append_journal(const struct na_syslog_encoder *encoder,
			   const struct na_output_record *record, size_t length,
			   struct na_buffer *out)
{
	const struct na_event *event = record->event;

	append_journal_number(out, "PRIORITY", na_syslog_severity_of(event));
	append_journal_number(out, "SYSLOG_FACILITY", encoder->facility);
	append_journal_field(out, "SYSLOG_IDENTIFIER", na_text_of(APP_NAME));
	append_journal_field(out, "SYSLOG_PID", na_text_of(encoder->process));
	append_journal_field(out, "NETAUDIT_ID", record->id);
	append_journal_field(out, "NETAUDIT_EVENT", na_text_of(na_event_name(event->type)));
	append_journal_field(out, "NETAUDIT_OUTCOME", outcome_of(event));
	if (na_event_has(event, NA_FIELD_EVENT_SEQUENCE))
		append_journal_number(out, "NETAUDIT_SEQUENCE", (uint64_t)event->f_EVENT_SEQUENCE);
	append_journal_name(out, "MESSAGE", length);
}

static void make_head(struct na_syslog_encoder *encoder, const struct na_output_record *record,
		      size_t body_length)
{
	struct na_buffer *head = &encoder->head;

	na_buffer_clear(head);
	na_buffer_append(head, (const char[LENGTH_ROOM]){0}, LENGTH_ROOM);
	switch (encoder->form) {
	case NA_SYSLOG_FORM_5424:
		append_5424(encoder, record, head);
		return;
	case NA_SYSLOG_FORM_3164:
	case NA_SYSLOG_FORM_3164_LOCAL:
		append_3164(encoder, record, head);
		return;
	case NA_SYSLOG_FORM_JOURNAL:
		append_journal(encoder, record, body_length, head);
		return;
	}
}

static size_t head_length(const struct na_syslog_encoder *encoder)
{
	return encoder->head.length - LENGTH_ROOM;
}

/* Journald's MESSAGE ends with a newline behind it. */
static size_t tail_of(const struct na_syslog_encoder *encoder)
{
	return encoder->form == NA_SYSLOG_FORM_JOURNAL ? 1 : 0;
}

/* The rare case: the body as it fits, in encoder->body. */
static int shrink(struct na_syslog_encoder *encoder, const struct na_output_record *record,
		  struct na_text *body, struct na_buffer *why)
{
	size_t fixed = head_length(encoder) + tail_of(encoder);
	size_t most = encoder->max_size > fixed ? encoder->max_size - fixed : 0;
	int error;

	na_buffer_clear(&encoder->body);
	error = na_syslog_shrink(*body, most, &encoder->body);
	if (error == -ENOMEM)
		return error;
	if (error) {
		na_buffer_printf(why, "a message of %zu bytes is larger than %zu (max_size) %s",
				 fixed + body->length, encoder->max_size,
				 error == -EINVAL ? "and is no JSON that could go without fields"
						  : "even without the fields that can go");
		return -EMSGSIZE;
	}
	*body = (struct na_text){encoder->body.data, encoder->body.length};
	make_head(encoder, record, body->length);
	return na_buffer_error(&encoder->head);
}

/* Makes the body one line, if it is not. */
static int make_line(struct na_syslog_encoder *encoder, struct na_text *body)
{
	struct na_buffer line = {0};

	if (!has(*body, '\n'))
		return 0;
	append_text(&line, *body);
	if (na_buffer_error(&line))
		return na_buffer_error(&line);
	for (size_t i = 0; i < line.length; i++)
		if (line.data[i] == '\n')
			line.data[i] = ' ';
	na_buffer_done(&encoder->body);
	encoder->body = line;
	*body = (struct na_text){line.data, line.length};
	return 0;
}

/* The head, with the message's length in the room that was left in front of it, if one is needed.
 */
static struct na_text finish_head(struct na_syslog_encoder *encoder, size_t body_length)
{
	char *start = encoder->head.data + LENGTH_ROOM;
	size_t left = head_length(encoder) + body_length;

	if (encoder->frame == NA_SYSLOG_FRAME_OCTET) {
		*--start = ' ';
		do
			*--start = (char)('0' + left % 10);
		while (left /= 10);
	}
	return (struct na_text){start, encoder->head.length - (size_t)(start - encoder->head.data)};
}

/* RFC 5424 allows printing ASCII without spaces. */
static void set_host(struct na_syslog_encoder *encoder)
{
	char *at = encoder->host;

	if (gethostname(encoder->host, sizeof(encoder->host)) < 0)
		encoder->host[0] = '\0';
	encoder->host[sizeof(encoder->host) - 1] = '\0';
	for (; *at; at++)
		if (*at <= ' ' || *at > '~')
			*at = '-';
	if (!encoder->host[0])
		memcpy(encoder->host, "-", 2);
}

/* ------------------------------------------------------------------------------------------- */

void na_syslog_encoder_init(struct na_syslog_encoder *encoder)
{
	set_host(encoder);
	snprintf(encoder->process, sizeof(encoder->process), "%d", (int)getpid());
	tzset();
}

void na_syslog_encoder_done(struct na_syslog_encoder *encoder)
{
	na_buffer_done(&encoder->head);
	na_buffer_done(&encoder->body);
}

enum na_syslog_severity na_syslog_severity_of(const struct na_event *event)
{
	switch (event->type) {
	case NA_EVENT_EVENTS_LOST:
	case NA_EVENT_AGENT_DEGRADED:
		return NA_SYSLOG_ERROR;
	case NA_EVENT_DENIED:
		return NA_SYSLOG_WARNING;
	case NA_EVENT_AGENT_STARTED:
	case NA_EVENT_AGENT_STOPPING:
	case NA_EVENT_CLOCK_CHANGED:
		return NA_SYSLOG_NOTICE;
	default: {
		struct na_text outcome = outcome_of(event);
		bool failed = outcome.length == strlen("failure") &&
			      memcmp(outcome.data, "failure", outcome.length) == 0;

		return failed ? NA_SYSLOG_NOTICE : NA_SYSLOG_INFO;
	}
	}
}

int na_syslog_split(struct na_syslog_encoder *encoder, const struct na_output_record *record,
		    struct na_syslog_parts *ret_parts, struct na_buffer *why)
{
	struct na_text body = record->body, tail = {0};
	int error;

	make_head(encoder, record, body.length);
	error = na_buffer_error(&encoder->head);
	if (!error && head_length(encoder) + body.length + tail_of(encoder) > encoder->max_size)
		error = shrink(encoder, record, &body, why);
	if (!error && encoder->frame == NA_SYSLOG_FRAME_LF)
		error = make_line(encoder, &body);
	if (error < 0)
		return error;
	if (encoder->frame == NA_SYSLOG_FRAME_LF || tail_of(encoder))
		tail = (struct na_text){"\n", 1};
	*ret_parts = (struct na_syslog_parts){finish_head(encoder, body.length), body, tail,
					      body.data != record->body.data};
	return 0;
}

int na_syslog_encode(struct na_syslog_encoder *encoder, const struct na_output_record *record,
		     struct na_buffer *out, struct na_buffer *why)
{
	size_t before = out->length;
	struct na_syslog_parts parts;
	int error = na_syslog_split(encoder, record, &parts, why);

	if (error < 0)
		return error;
	append_text(out, parts.head);
	append_text(out, parts.body);
	append_text(out, parts.tail);
	error = na_buffer_error(out);
	if (error < 0) {
		na_buffer_clear(out);
		out->length = before;
	}
	return error;
}
