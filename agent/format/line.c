/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as one aligned line each.
 *
 * The columns grow with the terminal by a list of steps, the most important first; what does not
 * fit is not there. A cell never leaves its column: it is cut in the middle, and written by
 * glyph.c, which knows what a character takes and lets none through that a terminal would obey.
 */
#include "format/line.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/field.h"
#include "format/glyph.h"
#include "format/line_parts.h"

#define WIDTH_DEFAULT 160
#define WIDTH_MIN 40

#define ARROW_OUT "\xe2\x86\x92"
#define ARROW_IN "\xe2\x86\x90"
#define ARROW_BOTH "\xe2\x86\x94"

#define RESET "\033[0m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define PLAIN ""

enum column { TIME, EVENT, PROCESS, USER, PROTOCOL, LOCAL, ARROW, REMOTE, RESULT, COLUMN_COUNT };

struct place {
	unsigned int start, width; /* width 0: not shown */
};

struct na_line {
	bool colour;
	locale_t locale;
	struct place places[COLUMN_COUNT];
	struct na_buffer scratch;
};

/* A line being written. */
struct pen {
	const struct na_line *line;
	struct na_buffer *out;
	size_t at; /* columns written */
};

/* The first give the 40 columns that there always are; each further one is taken while it fits. */
static const struct step {
	enum column column;
	unsigned int width;
} steps[] = {
	{EVENT, 11},  {PROCESS, 12}, {ARROW, 1},    {REMOTE, 13},  {RESULT, 8},   {REMOTE, 15},
	{TIME, 8},    {EVENT, 14},   {REMOTE, 21},  {PROCESS, 14}, {RESULT, 17},  {LOCAL, 21},
	{EVENT, 17},  {PROTOCOL, 5}, {RESULT, 22},  {USER, 8},     {TIME, 12},    {PROCESS, 20},
	{RESULT, 34}, {LOCAL, 26},   {REMOTE, 26},  {PROCESS, 24}, {PROTOCOL, 6}, {RESULT, 48},
	{LOCAL, 47},  {REMOTE, 47},  {PROCESS, 30}, {USER, 16},
};

static void set_width(struct na_line *line, unsigned int width)
{
	unsigned int wanted = !width ? WIDTH_DEFAULT : width < WIDTH_MIN ? WIDTH_MIN : width;
	unsigned int used = 0, start = 0;
	enum column last = REMOTE;

	memset(line->places, 0, sizeof(line->places));
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct place *place = &line->places[steps[i].column];
		unsigned int gap = used && !place->width;
		unsigned int cost = steps[i].width - place->width + gap;

		if (used + cost > wanted)
			break;
		used += cost;
		place->width = steps[i].width;
	}
	for (int i = 0; i < COLUMN_COUNT; i++) {
		line->places[i].start = start;
		if (!line->places[i].width)
			continue;
		start += line->places[i].width + 1;
		last = (enum column)i;
	}
	line->places[last].width += wanted - used;
}

static void move_to(struct pen *pen, enum column column)
{
	for (; pen->at < pen->line->places[column].start; pen->at++)
		na_buffer_append_char(pen->out, ' ');
}

static void start_colour(const struct pen *pen, const char *colour)
{
	if (pen->line->colour)
		na_buffer_append_string(pen->out, colour);
}

static void end_colour(const struct pen *pen, const char *colour)
{
	if (pen->line->colour && *colour)
		na_buffer_append_string(pen->out, RESET);
}

/* `tail` is ASCII of our own and stays whole where `text` is cut. */
static void put_cell(struct pen *pen, enum column column, struct na_text text, const char *tail,
		     const char *colour)
{
	size_t width = pen->line->places[column].width, tail_width = strlen(tail);

	if (!width || (!text.length && !tail_width))
		return;
	move_to(pen, column);
	start_colour(pen, colour);
	if (tail_width > width)
		tail_width = width;
	pen->at += na_glyph_append(pen->out, text, width - tail_width);
	na_buffer_append(pen->out, tail, tail_width);
	pen->at += tail_width;
	end_colour(pen, colour);
}

static bool is_failure(const struct na_event *event)
{
	static const char name[] = "failure";

	return na_event_has(event, NA_FIELD_EVENT_OUTCOME) &&
	       event->f_EVENT_OUTCOME.length == sizeof(name) - 1 &&
	       memcmp(event->f_EVENT_OUTCOME.data, name, sizeof(name) - 1) == 0;
}

static const char *event_colour(const struct na_event *event)
{
	if (event->type == NA_EVENT_AGENT_DEGRADED)
		return YELLOW;
	if (is_failure(event))
		return RED;
	switch (event->type) {
	case NA_EVENT_ESTABLISHED:
	case NA_EVENT_ACCEPTED:
		return GREEN;
	case NA_EVENT_AGENT_STARTED:
	case NA_EVENT_AGENT_STOPPING:
	case NA_EVENT_HEARTBEAT:
		return CYAN;
	case NA_EVENT_EXISTING:
		return DIM;
	default:
		return PLAIN;
	}
}

/* A name that is too long is cut at its end: the beginning tells which it is. */
static void put_name(struct pen *pen, const struct na_event *event)
{
	const char *colour = event_colour(event);

	move_to(pen, EVENT);
	start_colour(pen, colour);
	pen->at += na_glyph_append_start(pen->out, na_text_of(na_event_name(event->type)),
					 pen->line->places[EVENT].width);
	end_colour(pen, colour);
}

static void put_time(struct pen *pen, const struct na_event *event)
{
	char text[sizeof("12:34:56.789")];
	struct tm local;
	unsigned int ms;
	time_t seconds;

	if (!na_event_has(event, NA_FIELD_TIMESTAMP))
		return;
	seconds = (time_t)(event->f_TIMESTAMP / NA_NS_PER_SEC);
	if (!localtime_r(&seconds, &local))
		return;
	strftime(text, sizeof(text), "%H:%M:%S", &local);
	ms = (unsigned int)(event->f_TIMESTAMP % NA_NS_PER_SEC / NA_NS_PER_MS);
	text[8] = '.';
	for (int i = 11; i > 8; i--, ms /= 10)
		text[i] = (char)('0' + ms % 10);
	text[pen->line->places[TIME].width < sizeof(text) - 1 ? 8 : 12] = 0;
	put_cell(pen, TIME, na_text_of(text), "", DIM);
}

/* In parentheses: it is no name. */
static void put_unattributed(struct pen *pen, const struct na_event *event,
			     struct na_buffer *scratch)
{
	na_buffer_clear(scratch);
	na_buffer_append_char(scratch, '(');
	na_buffer_append(scratch, event->f_NA_UNATTRIBUTED.data, event->f_NA_UNATTRIBUTED.length);
	if (na_buffer_error(scratch))
		pen->out->error = na_buffer_error(scratch);
	else
		put_cell(pen, PROCESS, (struct na_text){scratch->data, scratch->length}, ")", DIM);
}

/* name[pid], or why it is not known. */
static void put_process(struct pen *pen, const struct na_event *event, struct na_buffer *scratch)
{
	char pid[sizeof("[-9223372036854775808]")] = "";
	struct na_text name = {0};

	if (na_event_has(event, NA_FIELD_PROCESS_NAME))
		name = event->f_PROCESS_NAME;
	if (na_event_has(event, NA_FIELD_PROCESS_PID))
		snprintf(pid, sizeof(pid), "[%lld]", (long long)event->f_PROCESS_PID);
	if (name.length || *pid)
		put_cell(pen, PROCESS, name, pid, PLAIN);
	else if (na_event_has(event, NA_FIELD_NA_UNATTRIBUTED))
		put_unattributed(pen, event, scratch);
}

static void put_user(struct pen *pen, const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_USER_NAME))
		put_cell(pen, USER, event->f_USER_NAME, "", PLAIN);
	else if (na_event_has(event, NA_FIELD_USER_ID))
		put_cell(pen, USER, event->f_USER_ID, "", PLAIN);
}

static void put_protocol(struct pen *pen, const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_NETWORK_TRANSPORT))
		put_cell(pen, PROTOCOL, event->f_NETWORK_TRANSPORT, "", PLAIN);
	else if (na_event_has(event, NA_FIELD_NA_SOCKET_FAMILY))
		put_cell(pen, PROTOCOL, event->f_NA_SOCKET_FAMILY, "", PLAIN);
}

struct side {
	enum na_field address, ip, port;
};

static const struct side source_side = {NA_FIELD_SOURCE_ADDRESS, NA_FIELD_SOURCE_IP,
					NA_FIELD_SOURCE_PORT};
static const struct side destination_side = {NA_FIELD_DESTINATION_ADDRESS, NA_FIELD_DESTINATION_IP,
					     NA_FIELD_DESTINATION_PORT};

static bool has_side(const struct na_event *event, const struct side *side)
{
	const struct na_text *address = na_field_value(event, side->address);

	return na_event_has(event, side->ip) ||
	       (na_event_has(event, side->address) && address->length);
}

/* 192.0.2.1:80, [2001:db8::1]:80, or a path. */
static void put_side(struct pen *pen, enum column column, const struct na_event *event,
		     const struct side *side)
{
	char address[1 + NA_ADDRESS_TEXT_SIZE] = "[";
	char port[sizeof("]:-9223372036854775808")] = "";
	struct na_text text = {address + 1, 0};
	bool brackets = false;

	if (na_event_has(event, side->ip)) {
		const struct na_address *ip = na_field_value(event, side->ip);

		text.length = na_address_format(ip, address + 1);
		brackets = na_event_has(event, side->port) && !na_address_is_v4(ip);
	} else if (na_event_has(event, side->address)) {
		text = *(const struct na_text *)na_field_value(event, side->address);
	}
	if (brackets)
		text = (struct na_text){address, text.length + 1};
	if (na_event_has(event, side->port))
		snprintf(port, sizeof(port), "%s:%lld", brackets ? "]" : "",
			 (long long)*(const int64_t *)na_field_value(event, side->port));
	put_cell(pen, column, text, port, PLAIN);
}

static bool has_direction(const struct na_event *event, const char *direction)
{
	return na_event_has(event, NA_FIELD_NETWORK_DIRECTION) &&
	       event->f_NETWORK_DIRECTION.length == strlen(direction) &&
	       memcmp(event->f_NETWORK_DIRECTION.data, direction, strlen(direction)) == 0;
}

/* Whose only address is its own. */
static bool is_own_address(const struct na_event *event)
{
	return event->type == NA_EVENT_BOUND || event->type == NA_EVENT_LISTENING ||
	       event->type == NA_EVENT_EXISTING || event->type == NA_EVENT_CLOSED;
}

static const char *arrow(const struct na_event *event, const struct side *local)
{
	if (has_direction(event, "ingress"))
		return ARROW_IN;
	if (has_direction(event, "egress") || !has_side(event, local))
		return ARROW_OUT;
	return ARROW_BOTH;
}

/*
 * This host's end stands left, beside the process, the peer right; the arrow points to whom the
 * connection was opened to. An end that is alone moves to the right where LOCAL is not shown.
 */
static void put_addresses(struct pen *pen, const struct na_event *event)
{
	bool own = is_own_address(event) && !has_side(event, &source_side);
	bool swapped = own || has_direction(event, "ingress");
	const struct side *local = swapped ? &destination_side : &source_side;
	const struct side *remote = swapped ? &source_side : &destination_side;

	put_side(pen, LOCAL, event, local);
	if (has_side(event, remote)) {
		put_cell(pen, ARROW, na_text_of(arrow(event, local)), "", DIM);
		put_side(pen, REMOTE, event, remote);
	} else if (!pen->line->places[LOCAL].width) {
		put_side(pen, REMOTE, event, local);
	}
}

static void put_parts(struct pen *pen, const struct na_event *event, enum column column,
		      struct na_buffer *scratch)
{
	const struct place *place = &pen->line->places[column];
	const struct place *last = &pen->line->places[RESULT];
	const char *colour = is_failure(event) ? event_colour(event) : PLAIN;
	size_t before = pen->out->length, start;

	if (!last->width)
		last = &pen->line->places[REMOTE];
	move_to(pen, column);
	start_colour(pen, colour);
	start = pen->out->length;
	na_line_append_parts(pen->out, event, last->start + last->width - place->start, scratch);
	if (pen->out->length > start)
		end_colour(pen, colour);
	else
		pen->out->length = before;
}

static void put_event(struct pen *pen, const struct na_event *event, struct na_buffer *scratch)
{
	bool has_process = na_event_has(event, NA_FIELD_PROCESS_NAME) ||
			   na_event_has(event, NA_FIELD_PROCESS_PID);

	put_time(pen, event);
	put_name(pen, event);
	if (has_process || !na_line_is_story(event)) {
		put_process(pen, event, scratch);
		put_user(pen, event);
	}
	if (na_line_is_story(event)) {
		put_parts(pen, event, has_process ? PROTOCOL : PROCESS, scratch);
		return;
	}
	put_protocol(pen, event);
	put_addresses(pen, event);
	if (pen->line->places[RESULT].width)
		put_parts(pen, event, RESULT, scratch);
}

static void put_heading(struct pen *pen)
{
	static const char *const names[COLUMN_COUNT] = {
		"TIME", "EVENT", "PROCESS", "USER", "PROTO", "LOCAL", "", "REMOTE", "RESULT"};

	for (int i = 0; i < COLUMN_COUNT; i++)
		put_cell(pen, (enum column)i, na_text_of(names[i]), "", DIM);
}

/* Ends the line, or takes it back. */
static int finish(struct na_buffer *out, size_t start)
{
	na_buffer_append_char(out, '\n');
	if (!na_buffer_error(out))
		return 0;
	out->length = start;
	out->error = 0;
	return -ENOMEM;
}

/* ------------------------------------------------------------------------------------------- */

struct na_line *na_line_new(const struct na_line_options *options)
{
	struct na_line *line = calloc(1, sizeof(*line));

	if (!line)
		return NULL;
	tzset();
	line->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	line->colour = options->colour;
	set_width(line, options->width);
	return line;
}

void na_line_free(struct na_line *line)
{
	if (!line)
		return;
	if (line->locale)
		freelocale(line->locale);
	na_buffer_done(&line->scratch);
	free(line);
}

void na_line_resize(struct na_line *line, unsigned int width)
{
	set_width(line, width);
}

int na_line_heading(struct na_line *line, struct na_buffer *out)
{
	struct pen pen = {line, out, 0};
	size_t start = out->length;

	if (na_buffer_error(out))
		return na_buffer_error(out);
	put_heading(&pen);
	return finish(out, start);
}

int na_line_encode(struct na_line *line, const struct na_event *event, struct na_buffer *out)
{
	struct pen pen = {line, out, 0};
	size_t start = out->length;
	locale_t before;

	if (na_buffer_error(out))
		return na_buffer_error(out);
	before = uselocale(line->locale);
	put_event(&pen, event, &line->scratch);
	uselocale(before);
	return finish(out, start);
}
