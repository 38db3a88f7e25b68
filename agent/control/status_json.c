/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document of `netaudit status`. jansson's functions take NULL for what could not be made, and
 * fail: `whole` collects that, so that a document is complete or is none.
 */
#include "control/status_json.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "record.h"

static void set(json_t *object, const char *name, json_t *value, bool *whole)
{
	if (json_object_set_new(object, name, value) < 0)
		*whole = false;
}

static void set_count(json_t *object, const char *name, uint64_t count, bool *whole)
{
	set(object, name, json_integer(count < INT64_MAX ? (json_int_t)count : INT64_MAX), whole);
}

static bool is_utf8(const char *text)
{
	for (size_t left = strlen(text); left;) {
		struct na_utf8 character = na_utf8_read(text, left);

		if (!character.valid)
			return false;
		text += character.length;
		left -= character.length;
	}
	return true;
}

/* Texts of the kernel and of paths need not be UTF-8: then they are left out. */
static void set_text(json_t *object, const char *name, const char *text, bool *whole)
{
	if (text && *text && is_utf8(text))
		set(object, name, json_string(text), whole);
}

/* RFC 3339, UTC, seconds; 0 is left out. */
static void set_time(json_t *object, const char *name, uint64_t wall_ns, bool *whole)
{
	time_t seconds = (time_t)(wall_ns / NA_NS_PER_SEC);
	struct tm parts;
	char text[32];

	if (!wall_ns || !gmtime_r(&seconds, &parts) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts))
		return;
	set_text(object, name, text, whole);
}

static json_t *names_of(const char *names, bool *whole)
{
	json_t *list = json_array();

	while (*names) {
		size_t length = strcspn(names, " ");

		if (json_array_append_new(list, json_stringn(names, length)) < 0)
			*whole = false;
		names += length + strspn(names + length, " ");
	}
	return list;
}

/* Sources of lifecycle events that should be there and are not. */
static bool is_missing(const struct na_program_state *program)
{
	return program->wanted && !program->attached && *program->feeds;
}

static json_t *missing_json(const struct na_program_state *program, bool *whole)
{
	json_t *object = json_object();

	set_text(object, "source", program->source, whole);
	set(object, "feeds", names_of(program->feeds, whole), whole);
	set_text(object, "reason", program->reason, whole);
	return object;
}

static json_t *capture_json(const struct na_status *status, bool *whole)
{
	json_t *object = json_object(), *missing = json_array();
	uint64_t attached = 0, wanted = 0;

	for (size_t i = 0; i < status->program_count; i++) {
		attached += status->programs[i].attached;
		wanted += status->programs[i].wanted;
		if (is_missing(&status->programs[i]) &&
		    json_array_append_new(missing, missing_json(&status->programs[i], whole)) < 0)
			*whole = false;
	}
	set_text(object, "tier", status->tier, whole);
	set_count(object, "programs_attached", attached, whole);
	set_count(object, "programs_wanted", wanted, whole);
	set(object, "missing", missing, whole);
	set_text(object, "capabilities", status->capabilities, whole);
	return object;
}

static json_t *events_json(const struct na_status *status, bool *whole)
{
	static const char *const names[NA_STAT_COUNT] = {
#define NA_STAT(id, name, unit, doc) name,
#include "stats.def"
	};
	json_t *object = json_object();

	set(object, "per_second", json_real(status->events_per_second), whole);
	for (int i = 0; i < NA_STAT_COUNT; i++)
		set_count(object, names[i], status->counters.values[i], whole);
	return object;
}

static void add_loss(json_t *losses, const char *source, const char *reason, uint64_t count,
		     bool *whole)
{
	json_t *object = json_object();

	set_text(object, "source", source, whole);
	set_text(object, "reason", reason, whole);
	set_count(object, "count", count, whole);
	if (json_array_append_new(losses, object) < 0)
		*whole = false;
}

static json_t *losses_json(const struct na_status *status, bool *whole)
{
	json_t *object = json_object(), *list = json_array(), *unknown = json_array();

	for (size_t i = 0; i < status->program_count; i++) {
		const struct na_program_state *program = &status->programs[i];

		if (program->lost)
			add_loss(list, program->source, "ring_full", program->lost, whole);
		if (program->skipped_known && program->skipped)
			add_loss(list, program->source, "skipped", program->skipped, whole);
		if (program->attached && !program->skipped_known &&
		    json_array_append_new(unknown, json_string(program->source)) < 0)
			*whole = false;
	}
	if (status->counters.values[NA_STAT_SOCKETS_DROPPED])
		add_loss(list, "agent", "table_full",
			 status->counters.values[NA_STAT_SOCKETS_DROPPED], whole);
	if (status->has_journal && status->journal.events_lost)
		add_loss(list, "journal", "not_kept", status->journal.events_lost, whole);
	set(object, "since_start", list, whole);
	set(object, "skipped_unknown", unknown, whole);
	return object;
}

static json_t *journal_json(const struct na_status *status, bool *whole)
{
	static const char *const syncs[] = {"none", "interval", "always"};
	const struct na_journal_status *journal = &status->journal;
	json_t *object = json_object();
	bool is_empty = journal->last_sequence < journal->first_sequence;

	set_text(object, "path", status->journal_path, whole);
	set_text(object, "sync", syncs[status->sync], whole);
	set_count(object, "first_sequence", is_empty ? 0 : journal->first_sequence, whole);
	set_count(object, "last_sequence", is_empty ? 0 : journal->last_sequence, whole);
	set_time(object, "first_time", status->journal_first_wall_ns, whole);
	set_time(object, "last_time", status->journal_last_wall_ns, whole);
	set_count(object, "segments", journal->segments, whole);
	set_count(object, "segment_bytes", journal->segment_bytes, whole);
	set_text(object, "tail_path", status->tail_path, whole);
	set_count(object, "tail_size", journal->tail_size, whole);
	set_count(object, "tail_used", journal->tail_used, whole);
	set_count(object, "tail_most", journal->tail_most, whole);
	set(object, "tail_locked", json_boolean(journal->tail_locked), whole);
	set_count(object, "events", journal->events, whole);
	set_count(object, "events_lost", journal->events_lost, whole);
	set_count(object, "bytes", journal->bytes, whole);
	set_count(object, "syncs", journal->syncs, whole);
	set_count(object, "sync_errors", journal->sync_errors, whole);
	set_count(object, "write_errors", journal->write_errors, whole);
	if (journal->last_error)
		set_text(object, "last_error",
			 *journal->last_error_text ? journal->last_error_text
						   : strerrordesc_np(-journal->last_error),
			 whole);
	return object;
}

static json_t *ship_json(const struct na_status *status, bool *whole)
{
	static const char *const states[NA_STATUS_SHIP_COUNT] = {"off", "running", "waiting",
								 "stopped", "lost"};
	json_t *object = json_object();

	set_text(object, "state", states[status->ship], whole);
	if (status->ship == NA_STATUS_SHIP_OFF)
		return object;
	if (status->ship == NA_STATUS_SHIP_RUNNING)
		set_count(object, "pid", (uint64_t)status->ship_pid, whole);
	set_text(object, "user", status->ship_user, whole);
	set_count(object, "restarts", status->ship_starts ? status->ship_starts - 1 : 0, whole);
	set_text(object, "last_end", status->ship_last_end, whole);
	set_time(object, "last_end_time", status->ship_last_end_wall_ns, whole);
	return object;
}

/* ------------------------------------------------------------------------------------------- */

json_t *na_status_json(const struct na_status *status)
{
	json_t *document = json_object();
	bool whole = document != NULL;

	set_text(document, "version", NA_VERSION, &whole);
	set_count(document, "pid", (uint64_t)status->pid, &whole);
	set_time(document, "started", status->started_wall_ns, &whole);
	set_count(document, "uptime_seconds", status->uptime_ns / NA_NS_PER_SEC, &whole);
	set(document, "capture", capture_json(status, &whole), &whole);
	set(document, "events", events_json(status, &whole), &whole);
	set(document, "losses", losses_json(status, &whole), &whole);
	if (status->has_journal)
		set(document, "journal", journal_json(status, &whole), &whole);
	set(document, "ship", ship_json(status, &whole), &whole);
	if (status->ship_status_path &&
	    na_status_add_outputs(document, status->ship_status_path) < 0)
		whole = false;
	if (whole)
		return document;
	json_decref(document);
	return NULL;
}
