/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, in numbers. */
#include "cli/summary.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/address.h"
#include "base/clock.h"
#include "cli/tally.h"
#include "format/glyph.h"
#include "format/human.h"
#include "format/json.h"

#define ROWS_MAX 10
#define NAME_WIDTH 46
#define BAR_WIDTH 28

struct na_summary {
	uint64_t events, failed, missing;
	uint64_t sent_bytes, received_bytes;
	uint64_t first_ns, last_ns;
	uint64_t by_type[NA_EVENT_COUNT];
	struct na_tally processes, destinations, errors;
	struct na_buffer scratch;
};

static bool is_text(const struct na_event *event, enum na_field field, struct na_text text,
		    const char *wanted)
{
	return na_event_has(event, field) && text.length == strlen(wanted) &&
	       memcmp(text.data, wanted, text.length) == 0;
}

static bool is_failure(const struct na_event *event)
{
	return is_text(event, NA_FIELD_EVENT_OUTCOME, event->f_EVENT_OUTCOME, "failure");
}

/* Datagrams are told by their flows; the end of their socket says nothing more. */
static bool has_traffic(const struct na_event *event)
{
	return event->type == NA_EVENT_FLOW ||
	       (event->type == NA_EVENT_CLOSED &&
		!is_text(event, NA_FIELD_NETWORK_TRANSPORT, event->f_NETWORK_TRANSPORT, "udp"));
}

static uint64_t positive(const struct na_event *event, enum na_field field, int64_t value)
{
	return na_event_has(event, field) && value > 0 ? (uint64_t)value : 0;
}

static struct na_text process_of(const struct na_event *event)
{
	if (na_event_has(event, NA_FIELD_PROCESS_EXECUTABLE))
		return event->f_PROCESS_EXECUTABLE;
	if (na_event_has(event, NA_FIELD_PROCESS_NAME))
		return event->f_PROCESS_NAME;
	return na_text_of("(unknown)");
}

/* Whom something was opened to; a listening address is nobody's destination. */
static bool has_destination(const struct na_event *event)
{
	switch (event->type) {
	case NA_EVENT_SOCKET_CREATED:
	case NA_EVENT_BOUND:
	case NA_EVENT_LISTENING:
		return false;
	default:
		return na_event_has(event, NA_FIELD_DESTINATION_IP) ||
		       na_event_has(event, NA_FIELD_DESTINATION_ADDRESS);
	}
}

static struct na_text destination_of(const struct na_event *event, struct na_buffer *out)
{
	char text[NA_ADDRESS_TEXT_SIZE];
	bool v6;

	na_buffer_clear(out);
	if (!na_event_has(event, NA_FIELD_DESTINATION_IP))
		return event->f_DESTINATION_ADDRESS;
	v6 = !na_address_is_v4(&event->f_DESTINATION_IP);
	na_address_format(&event->f_DESTINATION_IP, text);
	na_buffer_printf(out, v6 ? "[%s]" : "%s", text);
	if (na_event_has(event, NA_FIELD_DESTINATION_PORT)) {
		na_buffer_append_char(out, ':');
		na_buffer_append_i64(out, event->f_DESTINATION_PORT);
	}
	if (na_event_has(event, NA_FIELD_NETWORK_TRANSPORT)) {
		na_buffer_append_char(out, ' ');
		na_buffer_append(out, event->f_NETWORK_TRANSPORT.data,
				 event->f_NETWORK_TRANSPORT.length);
	}
	return (struct na_text){out->data, out->length};
}

static int count(struct na_tally *tally, struct na_text name, bool failed, uint64_t bytes)
{
	struct na_tally_row *row = na_tally_get(tally, name);

	if (!row)
		return -ENOMEM;
	row->events++;
	row->failed += failed;
	row->bytes += bytes;
	return 0;
}

static void append_number(struct na_buffer *out, uint64_t number, int width)
{
	char digits[32];
	size_t at = sizeof(digits), placed = 0;

	do {
		if (placed && placed % 3 == 0)
			digits[--at] = ',';
		digits[--at] = (char)('0' + number % 10);
		placed++;
	} while (number /= 10);
	na_buffer_printf(out, "%*.*s", width, (int)(sizeof(digits) - at), digits + at);
}

static void append_moment(struct na_buffer *out, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NA_NS_PER_SEC);
	struct tm moment;
	char text[32];

	localtime_r(&seconds, &moment);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &moment);
	na_buffer_append_string(out, text);
}

static void append_bytes(struct na_buffer *out, uint64_t bytes, size_t width)
{
	size_t before = out->length;

	if (bytes)
		na_human_append_bytes(out, bytes);
	else
		na_buffer_append_char(out, '-');
	for (size_t length = out->length - before; length < width; length++) {
		if (na_buffer_reserve(out, 1) < 0)
			return;
		memmove(out->data + before + 1, out->data + before, out->length - before);
		out->data[before] = ' ';
		out->length++;
	}
}

static void append_head(const struct na_summary *summary, struct na_buffer *out)
{
	append_number(out, summary->events, 0);
	na_buffer_append_string(out, summary->events == 1 ? " event" : " events");
	if (summary->events) {
		na_buffer_append_string(out, ", ");
		append_moment(out, summary->first_ns);
		na_buffer_append_string(out, " to ");
		append_moment(out, summary->last_ns);
		na_buffer_append_string(out, " (");
		na_human_append_duration(out, summary->last_ns - summary->first_ns);
		na_buffer_append_char(out, ')');
	}
	na_buffer_append_char(out, '\n');
	append_number(out, summary->failed, 0);
	na_buffer_append_string(out, " failed, ");
	na_human_append_bytes(out, summary->sent_bytes);
	na_buffer_append_string(out, " from source to destination, ");
	na_human_append_bytes(out, summary->received_bytes);
	na_buffer_append_string(out, " back\n");
	if (!summary->missing)
		return;
	append_number(out, summary->missing, 0);
	na_buffer_append_string(out, " more could not be read\n");
}

static void append_types(const struct na_summary *summary, struct na_buffer *out)
{
	uint64_t most = 1;

	for (int type = 0; type < NA_EVENT_COUNT; type++)
		if (summary->by_type[type] > most)
			most = summary->by_type[type];
	na_buffer_append_string(out, "\nEVENT                       COUNT\n");
	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		uint64_t number = summary->by_type[type];

		if (!number)
			continue;
		na_buffer_printf(out, "%-20s", na_event_name((enum na_event_type)type));
		append_number(out, number, 13);
		na_buffer_append_string(out, "  ");
		for (uint64_t i = 0; i <= (number - 1) * BAR_WIDTH / most; i++)
			na_buffer_append_string(out, "\xe2\x96\x88");
		na_buffer_append_char(out, '\n');
	}
}

static void append_row(struct na_buffer *out, struct na_text name, const struct na_tally_row *row)
{
	size_t columns = na_glyph_append(out, name, NAME_WIDTH);

	na_buffer_printf(out, "%*s", (int)(NAME_WIDTH - columns), "");
	append_number(out, row->events, 12);
	append_number(out, row->failed, 11);
	na_buffer_append_char(out, ' ');
	append_bytes(out, row->bytes, 8);
	na_buffer_append_char(out, '\n');
}

static void append_tally(struct na_buffer *out, const char *title, struct na_tally *tally)
{
	struct na_tally_row rest = tally->others;
	char name[64];
	size_t i;

	if (!tally->count)
		return;
	na_tally_sort(tally);
	na_buffer_printf(out, "\n%-*s      EVENTS     FAILED    BYTES\n", NAME_WIDTH, title);
	for (i = 0; i < tally->count && i < ROWS_MAX; i++)
		append_row(out, tally->rows[i].name, &tally->rows[i]);
	if (i == tally->count && !rest.events)
		return;
	for (size_t j = i; j < tally->count; j++) {
		rest.events += tally->rows[j].events;
		rest.failed += tally->rows[j].failed;
		rest.bytes += tally->rows[j].bytes;
	}
	snprintf(name, sizeof(name), "(%zu%s others)", tally->count - i,
		 tally->others.events ? " or more" : "");
	append_row(out, na_text_of(name), &rest);
}

static void append_json_number(struct na_buffer *out, const char *name, uint64_t number)
{
	na_buffer_printf(out, "\"%s\":", name);
	na_buffer_append_u64(out, number);
	na_buffer_append_char(out, ',');
}

static void append_json_tally(struct na_buffer *out, const char *name, struct na_tally *tally)
{
	na_tally_sort(tally);
	na_buffer_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < tally->count && i < ROWS_MAX; i++) {
		const struct na_tally_row *row = &tally->rows[i];

		na_buffer_append_string(out, i ? ",{\"name\":" : "{\"name\":");
		na_json_append_text(out, row->name);
		na_buffer_append_char(out, ',');
		append_json_number(out, "failed", row->failed);
		append_json_number(out, "bytes", row->bytes);
		na_buffer_append_string(out, "\"events\":");
		na_buffer_append_u64(out, row->events);
		na_buffer_append_char(out, '}');
	}
	na_buffer_append_char(out, ']');
}

/* ------------------------------------------------------------------------------------------- */

struct na_summary *na_summary_new(void)
{
	return calloc(1, sizeof(struct na_summary));
}

void na_summary_free(struct na_summary *summary)
{
	if (!summary)
		return;
	na_tally_done(&summary->processes);
	na_tally_done(&summary->destinations);
	na_tally_done(&summary->errors);
	na_buffer_done(&summary->scratch);
	free(summary);
}

int na_summary_add(struct na_summary *summary, const struct na_event *event)
{
	bool failed = is_failure(event), traffic = has_traffic(event);
	uint64_t sent = positive(event, NA_FIELD_SOURCE_BYTES, event->f_SOURCE_BYTES);
	uint64_t received = positive(event, NA_FIELD_DESTINATION_BYTES, event->f_DESTINATION_BYTES);
	uint64_t bytes = traffic ? sent + received : 0, wall_ns = event->f_TIMESTAMP;
	int error = 0;

	if (!summary->events || wall_ns < summary->first_ns)
		summary->first_ns = wall_ns;
	if (wall_ns > summary->last_ns)
		summary->last_ns = wall_ns;
	summary->events++;
	summary->failed += failed;
	summary->sent_bytes += traffic ? sent : 0;
	summary->received_bytes += traffic ? received : 0;
	summary->by_type[event->type]++;
	if (!is_text(event, NA_FIELD_EVENT_KIND, event->f_EVENT_KIND, "state"))
		error = count(&summary->processes, process_of(event), failed, bytes);
	if (!error && has_destination(event))
		error = count(&summary->destinations, destination_of(event, &summary->scratch),
			      failed, bytes);
	if (!error)
		error = na_buffer_error(&summary->scratch);
	if (!error && na_event_has(event, NA_FIELD_ERROR_CODE))
		error = count(&summary->errors, event->f_ERROR_CODE, failed, bytes);
	return error;
}

void na_summary_add_missing(struct na_summary *summary, uint64_t number)
{
	summary->missing += number;
}

int na_summary_print(struct na_summary *summary, struct na_buffer *out)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = (locale_t)0;

	if (locale)
		before = uselocale(locale); /* for the width of characters */
	append_head(summary, out);
	if (summary->events)
		append_types(summary, out);
	append_tally(out, "PROCESS", &summary->processes);
	append_tally(out, "DESTINATION", &summary->destinations);
	append_tally(out, "ERROR", &summary->errors);
	if (locale) {
		uselocale(before);
		freelocale(locale);
	}
	return na_buffer_error(out);
}

int na_summary_json(struct na_summary *summary, struct na_buffer *out)
{
	bool first = true;

	na_buffer_append_char(out, '{');
	append_json_number(out, "events", summary->events);
	append_json_number(out, "failed", summary->failed);
	append_json_number(out, "missing", summary->missing);
	append_json_number(out, "source_bytes", summary->sent_bytes);
	append_json_number(out, "destination_bytes", summary->received_bytes);
	if (summary->events) {
		na_buffer_append_string(out, "\"first\":");
		na_json_append_date(out, summary->first_ns);
		na_buffer_append_string(out, ",\"last\":");
		na_json_append_date(out, summary->last_ns);
		na_buffer_append_char(out, ',');
	}
	na_buffer_append_string(out, "\"by_event\":{");
	for (int type = 0; type < NA_EVENT_COUNT; type++) {
		if (!summary->by_type[type])
			continue;
		na_buffer_printf(out, "%s\"%s\":", first ? "" : ",",
				 na_event_name((enum na_event_type)type));
		na_buffer_append_u64(out, summary->by_type[type]);
		first = false;
	}
	na_buffer_append_char(out, '}');
	append_json_tally(out, "processes", &summary->processes);
	append_json_tally(out, "destinations", &summary->destinations);
	append_json_tally(out, "errors", &summary->errors);
	na_buffer_append_string(out, "}\n");
	return na_buffer_error(out);
}
