/* SPDX-License-Identifier: Apache-2.0 */
/* The document of `netaudit status` for a person. */
#include "control/status_text.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "format/glyph.h"
#include "format/human.h"

#define WIDTH 80
#define INDENT 10
#define BEHIND_MAX 3e9 /* seconds: a century, and in nanoseconds no overflow */
#define RED "\x1b[31m"
#define BOLD "\x1b[1m"
#define PLAIN "\x1b[0m"

struct page {
	struct na_buffer *out;
	bool colour;
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static uint64_t count_of(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

static void say(struct page *page, const char *text)
{
	na_buffer_append_string(page->out, text);
}

static void say_count(struct page *page, uint64_t count)
{
	na_buffer_append_u64(page->out, count);
}

static void shade(struct page *page, const char *colour)
{
	if (page->colour)
		say(page, colour);
}

/* "label     " or as many spaces. */
static void begin(struct page *page, const char *label)
{
	size_t length = strlen(label);

	shade(page, BOLD);
	say(page, label);
	shade(page, PLAIN);
	na_buffer_printf(page->out, "%*s", (int)(INDENT - length), "");
}

static void end(struct page *page)
{
	na_buffer_append_char(page->out, '\n');
}

/* Words in lines, all behind the indent; a word that is too long for a line is elided. */
static void say_wrapped(struct page *page, const char *text, size_t column)
{
	while (*text) {
		size_t length = strcspn(text, " "), width;
		struct na_text word = {text, length};

		width = na_glyph_width(word);
		if (column > INDENT && column + 1 + width > WIDTH) {
			na_buffer_printf(page->out, "\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT && length) {
			say(page, " ");
			column++;
		}
		column += na_glyph_append(page->out, word, WIDTH - column);
		text += length + strspn(text + length, " ");
	}
	end(page);
}

/* A paragraph that wants attention. */
static void alarm_about(struct page *page, const char *what, const char *text)
{
	begin(page, "");
	shade(page, RED);
	say(page, what);
	say_wrapped(page, text, INDENT + strlen(what));
	shade(page, PLAIN);
}

static void say_head(struct page *page, const json_t *document)
{
	begin(page, "netaudit");
	say(page, text_of(document, "version"));
	say(page, ", process ");
	say_count(page, count_of(document, "pid"));
	say(page, ", up ");
	na_human_append_duration(page->out, count_of(document, "uptime_seconds") * NA_NS_PER_SEC);
	if (*text_of(document, "started"))
		na_buffer_printf(page->out, " since %s", text_of(document, "started"));
	end(page);
}

static void append_names(struct na_buffer *out, const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		na_buffer_append_string(out, i ? ", " : "");
		na_buffer_append_string(out,
					json_string_value(name) ? json_string_value(name) : "?");
	}
}

static void say_missing(struct page *page, const json_t *missing)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};

	na_buffer_printf(&text, "%s, the source of ", text_of(missing, "source"));
	append_names(&text, json_object_get(missing, "feeds"));
	na_buffer_printf(&text, ": %s", text_of(missing, "reason"));
	na_buffer_append_char(&text, '\0');
	if (!na_buffer_error(&text))
		alarm_about(page, "MISSING", text.data);
}

static void say_capture(struct page *page, const json_t *capture)
{
	const json_t *missing;
	size_t i;

	begin(page, "capture");
	na_buffer_printf(page->out, "%s tier, ", text_of(capture, "tier"));
	say_count(page, count_of(capture, "programs_attached"));
	say(page, " of ");
	say_count(page, count_of(capture, "programs_wanted"));
	say(page, " kernel programs attached");
	end(page);
	json_array_foreach(json_object_get(capture, "missing"), i, missing)
		say_missing(page, missing);
	if (*text_of(capture, "capabilities")) {
		begin(page, "");
		say(page, "keeps");
		say_wrapped(page, text_of(capture, "capabilities"), INDENT + strlen("keeps"));
	}
}

static void say_events(struct page *page, const json_t *events)
{
	static const char *const counted[] = {"sockets", "flows", "processes"};

	begin(page, "events");
	na_buffer_printf(page->out, "%.1f a second in the last minute, ",
			 json_number_value(json_object_get(events, "per_second")));
	say_count(page, count_of(events, "events"));
	say(page, " since the start");
	end(page);
	begin(page, "");
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		say_count(page, count_of(events, counted[i]));
		na_buffer_printf(page->out, " %s%s", counted[i], i < 2 ? ", " : " known now");
	}
	end(page);
}

static void say_losses(struct page *page, const json_t *losses)
{
	const json_t *list = json_object_get(losses, "since_start"), *loss;
	const json_t *unknown = json_object_get(losses, "skipped_unknown");
	size_t i;

	begin(page, "losses");
	if (!json_array_size(list)) {
		say(page, "none since the start");
		end(page);
	}
	json_array_foreach(list, i, loss)
	{
		if (i)
			begin(page, "");
		shade(page, RED);
		say_count(page, count_of(loss, "count"));
		na_buffer_printf(page->out, " by %s: %s", text_of(loss, "source"),
				 text_of(loss, "reason"));
		shade(page, PLAIN);
		end(page);
	}
	if (json_array_size(unknown)) {
		begin(page, "");
		say(page, "skipped: unknown, this kernel does not count it for ");
		say_count(page, json_array_size(unknown));
		say(page, json_array_size(unknown) == 1 ? " program" : " programs");
		end(page);
	}
}

static void say_tail(struct page *page, const json_t *journal)
{
	begin(page, "");
	say(page, "tail ");
	na_human_append_bytes(page->out, count_of(journal, "tail_used"));
	say(page, " of ");
	na_human_append_bytes(page->out, count_of(journal, "tail_size"));
	say(page, " used, ");
	na_human_append_bytes(page->out, count_of(journal, "tail_most"));
	say(page, " at most; ");
	say(page, json_is_true(json_object_get(journal, "tail_locked")) ? "locked" : "not locked");
	na_buffer_printf(page->out, " in memory; sync %s", text_of(journal, "sync"));
	end(page);
}

static void say_range(struct page *page, const json_t *journal)
{
	begin(page, "");
	na_human_append_bytes(page->out, count_of(journal, "segment_bytes"));
	say(page, " in ");
	say_count(page, count_of(journal, "segments"));
	say(page, count_of(journal, "segments") == 1 ? " segment, " : " segments, ");
	if (!count_of(journal, "last_sequence")) {
		say(page, "no events");
		end(page);
		return;
	}
	say(page, "events ");
	say_count(page, count_of(journal, "first_sequence"));
	say(page, " to ");
	say_count(page, count_of(journal, "last_sequence"));
	end(page);
	if (!*text_of(journal, "first_time"))
		return;
	begin(page, "");
	na_buffer_printf(page->out, "from %s to %s", text_of(journal, "first_time"),
			 text_of(journal, "last_time"));
	end(page);
}

static void say_journal(struct page *page, const json_t *journal)
{
	if (!journal)
		return;
	begin(page, "journal");
	na_glyph_append(page->out, na_text_of(text_of(journal, "path")), WIDTH - INDENT);
	end(page);
	say_range(page, journal);
	say_tail(page, journal);
	if (*text_of(journal, "last_error"))
		alarm_about(page, "ERROR", text_of(journal, "last_error"));
}

static void say_ship(struct page *page, const json_t *ship)
{
	const char *state = text_of(ship, "state");
	bool is_down = strcmp(state, "waiting") == 0 || strcmp(state, "lost") == 0;
	NA_CLEANUP(na_buffer_done) struct na_buffer text = {0};

	begin(page, "shipping");
	shade(page, is_down ? RED : "");
	say(page, *state ? state : "unknown");
	shade(page, is_down ? PLAIN : "");
	if (count_of(ship, "pid"))
		na_buffer_printf(page->out, ", process %llu",
				 (unsigned long long)count_of(ship, "pid"));
	if (*text_of(ship, "user"))
		na_buffer_printf(page->out, ", user %s", text_of(ship, "user"));
	if (json_object_get(ship, "restarts"))
		na_buffer_printf(page->out, ", %llu restarts",
				 (unsigned long long)count_of(ship, "restarts"));
	end(page);
	if (!*text_of(ship, "last_end"))
		return;
	na_buffer_printf(&text, "%s: %s", text_of(ship, "last_end_time"),
			 text_of(ship, "last_end"));
	na_buffer_append_char(&text, '\0');
	begin(page, "");
	say_wrapped(page, na_buffer_error(&text) ? "" : text.data, INDENT);
}

/* A column of text, padded. */
static void say_cell(struct page *page, const char *text, size_t width)
{
	size_t took = na_glyph_append(page->out, na_text_of(text), width - 1);

	na_buffer_printf(page->out, "%*s", (int)(width - took), "");
}

/* What its far end did not get. */
static void say_not_there(struct page *page, const json_t *output)
{
	static const char dead[] = "refused for good:";

	if (*text_of(output, "dead_letters")) {
		begin(page, "");
		say(page, dead);
		say_wrapped(page, text_of(output, "dead_letters"), INDENT + strlen(dead));
	}
	if (!count_of(output, "events_lost"))
		return;
	begin(page, "");
	shade(page, RED);
	say_count(page, count_of(output, "events_lost"));
	say(page, " lost to it: see events_lost");
	shade(page, PLAIN);
	end(page);
}

static void say_output(struct page *page, const json_t *output)
{
	static const struct {
		const char *name;
		int width;
	} counted[] = {{"events_sent", 11},
		       {"events_acknowledged", 11},
		       {"events_rejected", 9},
		       {"lag_events", 10}};
	const char *state = text_of(output, "state");
	double behind = json_number_value(json_object_get(output, "lag_seconds"));
	bool works = strcmp(state, "working") == 0;

	if (behind > BEHIND_MAX)
		behind = BEHIND_MAX;
	say_cell(page, text_of(output, "name"), 15);
	say_cell(page, text_of(output, "type"), 7);
	shade(page, works ? "" : RED);
	say_cell(page, *state ? state : "unknown", 9);
	shade(page, works ? "" : PLAIN);
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++)
		na_buffer_printf(page->out, "%*llu", counted[i].width,
				 (unsigned long long)count_of(output, counted[i].name));
	say(page, "  ");
	if (json_object_get(output, "lag_seconds"))
		na_human_append_duration(page->out, (uint64_t)(behind * 1000) * NA_NS_PER_MS);
	else
		say(page, "-");
	end(page);
	if (*text_of(output, "error"))
		alarm_about(page, "", text_of(output, "error"));
	say_not_there(page, output);
}

static void say_outputs(struct page *page, const json_t *document)
{
	const json_t *outputs = json_object_get(document, "outputs"), *output;
	size_t i;

	if (json_array_size(outputs)) {
		end(page);
		shade(page, BOLD);
		na_buffer_printf(page->out, "%-15s%-7s%-9s%11s%11s%9s%10s  %s", "OUTPUT", "TYPE",
				 "STATE", "SENT", "DELIVERED", "REJECTED", "LAG", "BEHIND");
		shade(page, PLAIN);
		end(page);
	}
	json_array_foreach(outputs, i, output) say_output(page, output);
	if (*text_of(document, "outputs_error"))
		alarm_about(page, "outputs unknown:", text_of(document, "outputs_error"));
}

/* ------------------------------------------------------------------------------------------- */

void na_status_print(const json_t *document, bool colour, struct na_buffer *out)
{
	struct page page = {out, colour};

	say_head(&page, document);
	say_capture(&page, json_object_get(document, "capture"));
	say_events(&page, json_object_get(document, "events"));
	say_losses(&page, json_object_get(document, "losses"));
	say_journal(&page, json_object_get(document, "journal"));
	say_ship(&page, json_object_get(document, "ship"));
	say_outputs(&page, document);
}
