/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit journal inspect`: what is in a journal's folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/journal_commands.h"
#include "cli/usage.h"
#include "format/glyph.h"
#include "format/human.h"
#include "format/json.h"
#include "journal/cursor.h"
#include "journal/event_id.h"
#include "journal/segments.h"
#include "journal/state.h"

#define CURSORS_MAX 1024

struct inspect_options {
	const char *cursors;
	bool json;
};

static const struct na_usage_option options_table[] = {
	{"cursors", 0, NA_USAGE_TEXT, "DIR", offsetof(struct inspect_options, cursors),
	 "where the outputs' cursors are; else ship beside the journal"},
	{"json", 0, NA_USAGE_FLAG, NULL, offsetof(struct inspect_options, json), "print JSON"},
};

static const struct na_usage usage = {
	.command = "journal inspect",
	.summary = "what is in a journal: segments, state, cursors",
	.operands = "DIR",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details = "SEGMENT is the position that its file is named by. DICT counts the entries of\n"
		   "its dictionary. Nothing is verified: see \"netaudit journal verify\".",
};

struct segment {
	struct na_frame_head head;
	enum na_segment_kind kind;
	uint64_t bytes, events, entries;
	uint64_t first_sequence, last_sequence;
	uint64_t first_ns, last_ns; /* of its events */
	uint64_t damaged;           /* bytes that are no whole frames */
	bool sealed;
};

struct inspect {
	const struct inspect_options *options;
	const char *path;
	struct na_segment_file file;
	struct na_buffer out, why;
	uint64_t segments, events, bytes;
};

static void add_event(struct segment *segment, const struct na_frame_event *event)
{
	if (!segment->events++) {
		segment->first_sequence = event->sequence;
		segment->first_ns = event->wall_ns;
	}
	segment->last_sequence = event->sequence;
	if (event->wall_ns < segment->first_ns)
		segment->first_ns = event->wall_ns;
	if (event->wall_ns > segment->last_ns)
		segment->last_ns = event->wall_ns;
}

static void add_frame(struct segment *segment, const struct na_frame *frame)
{
	if (frame->kind == NA_FRAME_EVENT && frame->size >= sizeof(struct na_frame_event))
		add_event(segment, (const struct na_frame_event *)frame);
	segment->entries += frame->kind == NA_FRAME_ENTRY;
	segment->sealed = segment->sealed || frame->kind == NA_FRAME_SEAL;
}

static int scan(struct na_segment_file *file, struct segment *segment)
{
	uint64_t offset = 0;
	int error = 0;

	while (!error) {
		const struct na_frame *frame;
		uint64_t found;

		error = na_segment_file_frame(file, offset, &frame);
		if (!error) {
			add_frame(segment, frame);
			offset += frame->size;
			continue;
		}
		if (error != -EAGAIN && error != -EBADMSG)
			return error;
		error = na_segment_file_search(file, offset, &found);
		if (error < 0)
			break;
		segment->damaged += found - offset;
		offset = found;
	}
	segment->damaged += segment->bytes - offset;
	return error == -ENOENT ? 0 : error;
}

static int read_segment(struct inspect *inspect, uint64_t start, struct segment *segment)
{
	int kind, error = na_segment_file_open(&inspect->file, inspect->path, start);

	*segment = (struct segment){0};
	na_buffer_clear(&inspect->why);
	if (error == -ELOOP || error == -ENXIO) {
		segment->kind = NA_SEGMENT_FOREIGN;
		na_buffer_append_string(&inspect->why, "no regular file");
		return 0;
	}
	if (error < 0)
		return error;
	kind = na_segment_file_kind(&inspect->file, &segment->head, &inspect->why);
	if (kind < 0)
		return kind;
	segment->kind = (enum na_segment_kind)kind;
	error = na_segment_file_size(&inspect->file, &segment->bytes);
	if (error < 0 || segment->kind != NA_SEGMENT_OURS)
		return error;
	return scan(&inspect->file, segment);
}

static void append_moment(struct na_buffer *out, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NA_NS_PER_SEC);
	struct tm moment;
	char text[32] = "-";

	if (wall_ns && localtime_r(&seconds, &moment))
		strftime(text, sizeof(text), "%m-%d %H:%M:%S", &moment);
	na_buffer_printf(out, " %-14s", text);
}

static void append_segment(struct inspect *inspect, uint64_t start, const struct segment *segment)
{
	struct na_buffer *out = &inspect->out;
	NA_CLEANUP(na_buffer_done) struct na_buffer size = {0};

	if (segment->kind != NA_SEGMENT_OURS) {
		na_buffer_printf(out, "%016" PRIx64 " %.*s\n", start, (int)inspect->why.length,
				 inspect->why.length ? inspect->why.data : "");
		return;
	}
	na_human_append_bytes(&size, segment->bytes);
	na_buffer_printf(out,
			 "%016" PRIx64 " %5" PRIu64 " %12" PRIu64 " %9" PRIu64 " %5.*s %6" PRIu64,
			 start, segment->head.epoch, segment->first_sequence, segment->events,
			 (int)size.length, size.data ? size.data : "", segment->entries);
	append_moment(out, segment->first_ns);
	na_buffer_append_string(out, segment->sealed ? " sealed" : " open");
	if (segment->damaged)
		na_buffer_printf(out, ", %" PRIu64 " bytes damaged", segment->damaged);
	na_buffer_append_char(out, '\n');
}

static void append_number(struct na_buffer *out, const char *name, uint64_t number)
{
	na_buffer_printf(out, ",\"%s\":", name);
	na_buffer_append_u64(out, number);
}

static void append_uuid(struct na_buffer *out, const uint8_t journal[16])
{
	char text[NA_EVENT_ID_INSTANCE_SIZE];

	na_event_id_instance(journal, 0, text);
	na_buffer_printf(out, ",\"journal\":\"%.36s\"", text);
}

static void append_segment_json(struct inspect *inspect, uint64_t start,
				const struct segment *segment)
{
	struct na_buffer *out = &inspect->out;

	na_buffer_printf(out, "%s{\"file\":\"%016" PRIx64 ".segment\"",
			 inspect->segments ? "," : "", start);
	append_number(out, "bytes", segment->bytes);
	if (segment->kind != NA_SEGMENT_OURS) {
		na_buffer_append_string(out, ",\"problem\":");
		na_json_append_text(out, (struct na_text){inspect->why.data, inspect->why.length});
		na_buffer_append_char(out, '}');
		return;
	}
	append_uuid(out, segment->head.journal);
	append_number(out, "position", segment->head.position);
	append_number(out, "epoch", segment->head.epoch);
	append_number(out, "events", segment->events);
	if (segment->events) {
		append_number(out, "first_sequence", segment->first_sequence);
		append_number(out, "last_sequence", segment->last_sequence);
		na_buffer_append_string(out, ",\"first\":");
		na_json_append_date(out, segment->first_ns);
		na_buffer_append_string(out, ",\"last\":");
		na_json_append_date(out, segment->last_ns);
	}
	append_number(out, "entries", segment->entries);
	append_number(out, "damaged_bytes", segment->damaged);
	na_buffer_printf(out, ",\"sealed\":%s}", segment->sealed ? "true" : "false");
}

static int append_segments(struct inspect *inspect)
{
	NA_CLEANUP(na_segment_list_done) struct na_segment_list list = {0};
	int error = na_segment_list_read(inspect->path, &list);

	na_buffer_append_string(
		&inspect->out,
		inspect->options->json
			? "{\"segments\":["
			: "SEGMENT          EPOCH     SEQUENCE    EVENTS  SIZE   DICT "
			  "FROM\n");
	for (size_t i = 0; i < list.count && !error; i++) {
		struct segment segment;

		error = read_segment(inspect, list.starts[i], &segment);
		if (error == -ENOENT) { /* deleted meanwhile */
			error = 0;
			continue;
		}
		if (error < 0)
			break;
		if (inspect->options->json)
			append_segment_json(inspect, list.starts[i], &segment);
		else
			append_segment(inspect, list.starts[i], &segment);
		inspect->segments++;
		inspect->events += segment.events;
		inspect->bytes += segment.bytes;
	}
	if (inspect->options->json)
		na_buffer_append_string(&inspect->out, "]");
	else
		na_buffer_printf(&inspect->out,
				 "%" PRIu64 " segments, %" PRIu64 " events, %" PRIu64 " bytes\n",
				 inspect->segments, inspect->events, inspect->bytes);
	return error;
}

static void append_state(struct inspect *inspect)
{
	NA_CLOSE int folder = open(inspect->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct na_buffer *out = &inspect->out;
	char instance[NA_EVENT_ID_INSTANCE_SIZE];
	struct na_state state = {0};
	int error = folder < 0 ? -errno : na_state_load(folder, &state);

	if (inspect->options->json)
		na_buffer_append_string(out, ",\"state\":");
	if (error < 0 && inspect->options->json) {
		na_buffer_append_string(out, "null");
	} else if (error < 0) {
		na_buffer_printf(out, "\nSTATE   %s\n",
				 error == -EBADMSG ? "both slots are damaged"
						   : strerrordesc_np(-error));
	} else if (inspect->options->json) {
		na_buffer_printf(out, "{\"closed\":%s", state.closed ? "true" : "false");
		append_uuid(out, state.journal);
		append_number(out, "epoch", state.epoch);
		append_number(out, "generation", state.generation);
		append_number(out, "sequence_reserved", state.sequence_reserved);
		append_number(out, "position_reserved", state.position_reserved);
		append_number(out, "first_position", state.first_position);
		na_buffer_append_char(out, '}');
	} else {
		na_event_id_instance(state.journal, state.epoch, instance);
		na_buffer_printf(out,
				 "\nSTATE   journal %.36s, epoch %" PRIu64 ", %s\n"
				 "        numbers below %" PRIu64 " and positions below %" PRIx64
				 " are reserved\n",
				 instance, state.epoch,
				 state.closed ? "ended in order" : "open, or ended by a crash",
				 state.sequence_reserved, state.position_reserved);
	}
}

/* One cursor's file; what it is called is the shipping process's business: shown, never obeyed. */
static void append_cursor(struct inspect *inspect, const char *folder, const char *name,
			  unsigned int number)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0}, why = {0};
	struct na_buffer *out = &inspect->out;
	struct na_cursor cursor;
	int error;

	na_buffer_printf(&path, "%s/%s", folder, name);
	na_buffer_append_char(&path, '\0');
	if (na_buffer_error(&path)) {
		out->error = -ENOMEM;
		return;
	}
	error = na_cursor_load(path.data, &cursor, &why);
	if (inspect->options->json) {
		na_buffer_append_string(out, number ? ",{\"file\":" : "{\"file\":");
		na_json_append_text(out, na_text_of(name));
		if (error < 0) {
			na_buffer_append_string(out, ",\"problem\":");
			na_json_append_text(out, (struct na_text){why.data, why.length});
		} else {
			append_uuid(out, cursor.journal);
			append_number(out, "position", cursor.position);
			append_number(out, "sequence", cursor.sequence);
			append_number(out, "own", cursor.own);
		}
		na_buffer_append_char(out, '}');
		return;
	}
	na_buffer_append_string(out, "CURSOR  ");
	na_glyph_append(out, na_text_of(name), 32);
	if (error < 0)
		na_buffer_printf(out, ": %s\n", strerrordesc_np(-error));
	else
		na_buffer_printf(out, ": position %" PRIx64 ", behind event %" PRIu64 "\n",
				 cursor.position, cursor.sequence);
}

static int is_cursor(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 7 && strcmp(entry->d_name + length - 7, ".cursor") == 0;
}

static void append_cursors(struct inspect *inspect)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer folder = {0};
	struct dirent **entries = NULL;
	int count;

	if (inspect->options->cursors)
		na_buffer_append_string(&folder, inspect->options->cursors);
	else
		na_buffer_printf(&folder, "%s/../ship", inspect->path);
	na_buffer_append_char(&folder, '\0');
	if (na_buffer_error(&folder))
		return;
	count = scandir(folder.data, &entries, is_cursor, alphasort);
	if (inspect->options->json)
		na_buffer_append_string(&inspect->out, ",\"cursors\":[");
	for (int i = 0; i < count; i++) {
		if (i < CURSORS_MAX)
			append_cursor(inspect, folder.data, entries[i]->d_name, (unsigned int)i);
		free(entries[i]);
	}
	free(entries);
	if (inspect->options->json)
		na_buffer_append_string(&inspect->out, "]}\n");
}

static int inspect_all(struct inspect *inspect)
{
	int error = append_segments(inspect);

	if (error < 0)
		return na_journal_refuse(usage.command, inspect->path, error);
	append_state(inspect);
	append_cursors(inspect);
	if (na_buffer_error(&inspect->out))
		return na_command_out_of_memory();
	return na_command_print(&inspect->out);
}

/* ------------------------------------------------------------------------------------------- */

int na_journal_inspect(int argc, char **argv)
{
	struct inspect_options options = {0};
	struct inspect inspect = {.options = &options};
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	if (first + 1 != argc)
		return na_usage_error(usage.command, "one folder is needed");
	na_segment_file_init(&inspect.file);
	inspect.path = argv[first];
	result = inspect_all(&inspect);
	na_segment_file_done(&inspect.file);
	na_buffer_done(&inspect.out);
	na_buffer_done(&inspect.why);
	return result;
}
