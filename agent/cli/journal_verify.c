/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `netaudit journal verify`: every frame of every segment, and what lies between them.
 *
 * A hole in the sequence numbers is right when an events_lost names it; that comes behind the hole,
 * so holes are compared with losses at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/journal_commands.h"
#include "cli/usage.h"
#include "journal/decoder.h"
#include "journal/segments.h"

/* Holes, and losses, that are kept to be compared; more than that is told as it is. */
#define RANGES_MAX 16384

static const struct na_usage usage = {
	.command = "journal verify",
	.summary = "check every byte of a journal's segments",
	.operands = "DIR",
	.details =
		"Prints file:offset: problem for each mistake; exit status 65 when there is one.\n"
		"The end of the newest segment may be missing: it is being written, or was.",
};

struct range {
	uint64_t first, last;
	uint64_t file, offset; /* where it was found */
};

struct ranges {
	struct range items[RANGES_MAX];
	size_t count;
};

struct verify {
	const char *path;
	struct na_segment_file file;
	struct na_decoder *decoder;
	uint64_t offset;
	uint64_t problems;

	/* Of the segment that is read. */
	struct na_frame_head head;
	uint64_t events, newest_ns, unreadable;
	bool sealed, damaged;

	bool known; /* a segment was read */
	uint64_t expected;
	uint64_t total_events, total_bytes;
	struct ranges *holes, *losses;
};

__attribute__((format(printf, 2, 3))) static void complain(struct verify *verify,
							   const char *format, ...)
{
	char name[NA_SEGMENT_FILE_NAME_SIZE];
	va_list arguments;

	na_segment_file_name(verify->file.start, name);
	printf("%s/%s:%" PRIu64 ": ", verify->path, name, verify->offset);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	verify->problems++;
}

static bool remember(struct ranges *ranges, const struct range *range)
{
	if (ranges->count == RANGES_MAX)
		return false;
	ranges->items[ranges->count++] = *range;
	return true;
}

/* The next number is `sequence`: is one left out, or there twice? */
static void expect(struct verify *verify, uint64_t sequence)
{
	struct range hole = {verify->expected, sequence - 1, verify->file.start, verify->offset};

	if (verify->known && sequence > verify->expected && !remember(verify->holes, &hole))
		complain(verify, "%" PRIu64 " events are missing, from %" PRIu64 " on",
			 sequence - verify->expected, verify->expected);
	if (verify->known && sequence < verify->expected)
		complain(verify, "event %" PRIu64 " is there again, or its number is wrong",
			 sequence);
}

static void take_loss(struct verify *verify, const struct na_event *event)
{
	struct range loss = {0};

	if (!na_event_has(event, NA_FIELD_NA_LOST_FIRST_SEQUENCE) ||
	    !na_event_has(event, NA_FIELD_NA_LOST_LAST_SEQUENCE))
		return;
	loss.first = (uint64_t)event->f_NA_LOST_FIRST_SEQUENCE;
	loss.last = (uint64_t)event->f_NA_LOST_LAST_SEQUENCE;
	if (!remember(verify->losses, &loss))
		complain(verify, "more than %d losses: this one is not compared with holes",
			 RANGES_MAX);
}

static int take_event(struct verify *verify, const struct na_frame *frame)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	const struct na_frame_event *event = (const struct na_frame_event *)frame;
	struct na_event decoded;
	int error;

	if (frame->size < sizeof(*event)) {
		complain(verify, "an event that is too short");
		return 0;
	}
	error = na_decoder_event(verify->decoder, frame, &decoded, &why);
	if (error == -ENOMEM)
		return error;
	if (error == -EBADMSG && !(verify->damaged && verify->unreadable++))
		complain(verify, "event %" PRIu64 " cannot be decoded: %.*s", event->sequence,
			 (int)why.length, why.data ? why.data : "");
	if (!error && decoded.type == NA_EVENT_EVENTS_LOST)
		take_loss(verify, &decoded);
	expect(verify, event->sequence);
	verify->expected = event->sequence + 1;
	verify->events++;
	if (event->wall_ns > verify->newest_ns)
		verify->newest_ns = event->wall_ns;
	return 0;
}

static void take_seal(struct verify *verify, const struct na_frame *frame)
{
	const struct na_frame_seal *seal = (const struct na_frame_seal *)frame;

	verify->sealed = true;
	if (frame->size < sizeof(*seal)) {
		complain(verify, "an end that is too short");
		return;
	}
	if (!verify->damaged && seal->events != verify->events)
		complain(verify, "the end counts %" PRIu64 " events, %" PRIu64 " are there",
			 seal->events, verify->events);
	if (!verify->damaged && verify->events && seal->last_sequence != verify->expected - 1)
		complain(verify, "the end says that event %" PRIu64 " is the last",
			 seal->last_sequence);
	if (!verify->damaged && verify->events && seal->wall_ns != verify->newest_ns)
		complain(verify, "the end says another newest time than the events do");
}

static int take_other(struct verify *verify, const struct na_frame *frame)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_decoder_take(verify->decoder, frame, &why);

	if (error == -ENOMEM)
		return error;
	if (frame->kind == NA_FRAME_SEAL)
		take_seal(verify, frame);
	else if (frame->kind == NA_FRAME_HEAD && verify->offset)
		complain(verify, "a second head");
	else if (error == -EBADMSG)
		complain(verify, "%.*s", (int)why.length, why.data ? why.data : "");
	return 0;
}

static int take_frame(struct verify *verify, const struct na_frame *frame)
{
	if (verify->sealed)
		complain(verify, "something behind the segment's end");
	if (frame->kind == NA_FRAME_EVENT)
		return take_event(verify, frame);
	return take_other(verify, frame);
}

/* A crash leaves the last segment of an epoch without its end. */
static void end_unsealed(struct verify *verify, const struct na_frame_head *next)
{
	bool same = memcmp(next->journal, verify->head.journal, sizeof(next->journal)) == 0;

	if (same && next->epoch <= verify->head.epoch)
		complain(verify,
			 "cut off: the segment has no end, and one more of its epoch follows");
}

/* Not a whole frame: to the next one. 0: there is; -ENOENT: none; other negative errno. */
static int pass_damage(struct verify *verify, int damage, bool newest, uint64_t size)
{
	uint64_t found;
	int error = na_segment_file_search(&verify->file, verify->offset, &found);

	if (error < 0 && error != -ENOENT)
		return error;
	if (error == -ENOENT && damage == -EAGAIN && newest && !verify->sealed) {
		char name[NA_SEGMENT_FILE_NAME_SIZE];

		na_segment_file_name(verify->file.start, name);
		printf("%s/%s:%" PRIu64 ": %" PRIu64 " bytes of an unfinished write, no problem\n",
		       verify->path, name, verify->offset, size - verify->offset);
		return error;
	}
	if (error == -ENOENT)
		complain(verify, "%s: %" PRIu64 " bytes up to the end of the file",
			 damage == -EAGAIN ? "cut off" : "damaged", size - verify->offset);
	else
		complain(verify, "damaged: %" PRIu64 " bytes", found - verify->offset);
	verify->damaged = true;
	if (!error)
		verify->offset = found;
	return error;
}

static int verify_frames(struct verify *verify, bool newest)
{
	int error = 0;

	for (verify->offset = 0; !error;) {
		const struct na_frame *frame;
		uint64_t size;

		error = na_segment_file_frame(&verify->file, verify->offset, &frame);
		if (!error) {
			error = take_frame(verify, frame);
			verify->offset += frame->size;
			continue;
		}
		if (error != -EAGAIN && error != -EBADMSG)
			return error;
		if (na_segment_file_size(&verify->file, &size) < 0)
			return -EIO;
		if (error == -EAGAIN && size <= verify->offset)
			break;
		error = pass_damage(verify, error, newest, size);
	}
	return error == -ENOENT || error == -EAGAIN ? 0 : error;
}

static void begin_segment(struct verify *verify, const struct na_frame_head *head)
{
	bool same = verify->known &&
		    memcmp(head->journal, verify->head.journal, sizeof(head->journal)) == 0;

	verify->offset = 0;
	if (same)
		expect(verify, head->first_sequence);
	verify->known = true;
	verify->expected = head->first_sequence;
	verify->head = *head;
	verify->events = verify->newest_ns = verify->unreadable = 0;
	verify->sealed = verify->damaged = false;
}

static int verify_file(struct verify *verify, uint64_t start, bool newest)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	bool unsealed = verify->known && !verify->sealed;
	uint64_t last_start = verify->file.start, last_offset = verify->offset;
	struct na_frame_head head;
	int error = na_segment_file_open(&verify->file, verify->path, start), kind;

	if (error == -ENOMEM)
		return error;
	verify->file.start = start;
	verify->offset = 0;
	if (error < 0) {
		complain(verify, "cannot be opened: %s", strerrordesc_np(-error));
		return 0;
	}
	kind = na_segment_file_kind(&verify->file, &head, &why);
	if (kind < 0)
		return kind;
	if (kind == NA_SEGMENT_EMPTY && !newest)
		complain(verify, "it has no head");
	if (kind != NA_SEGMENT_OURS && kind != NA_SEGMENT_EMPTY)
		complain(verify, "%.*s", (int)why.length, why.data ? why.data : "");
	if (kind != NA_SEGMENT_OURS)
		return 0;
	if (unsealed) {
		verify->file.start = last_start;
		verify->offset = last_offset;
		end_unsealed(verify, &head);
		verify->file.start = start;
	}
	begin_segment(verify, &head);
	error = verify_frames(verify, newest);
	if (verify->unreadable > 1)
		complain(verify, "%" PRIu64 " events in all cannot be decoded after the damage",
			 verify->unreadable);
	verify->total_events += verify->events;
	verify->total_bytes += verify->offset;
	return error;
}

/* What of the hole no loss names: its first number, 0: nothing. */
static uint64_t unexplained(const struct ranges *losses, const struct range *hole)
{
	uint64_t at = hole->first;
	bool moved = true;

	while (at <= hole->last && moved) {
		moved = false;
		for (size_t i = 0; i < losses->count; i++)
			if (losses->items[i].first <= at && at <= losses->items[i].last) {
				at = losses->items[i].last + 1;
				moved = true;
			}
	}
	return at <= hole->last ? at : 0;
}

static void verify_holes(struct verify *verify)
{
	for (size_t i = 0; i < verify->holes->count; i++) {
		const struct range *hole = &verify->holes->items[i];
		uint64_t first = unexplained(verify->losses, hole);

		if (!first)
			continue;
		verify->file.start = hole->file;
		verify->offset = hole->offset;
		complain(verify,
			 "events %" PRIu64 " to %" PRIu64
			 " are missing, and no events_lost names them",
			 first, hole->last);
	}
}

static int verify_all(struct verify *verify)
{
	NA_CLEANUP(na_segment_list_done) struct na_segment_list segments = {0};
	int error = na_segment_list_read(verify->path, &segments);

	if (!error && (!verify->decoder || !verify->holes || !verify->losses))
		error = -ENOMEM;
	for (size_t i = 0; i < segments.count && !error; i++)
		error = verify_file(verify, segments.starts[i], i + 1 == segments.count);
	if (error < 0)
		return na_journal_refuse(usage.command, verify->path, error);
	verify_holes(verify);
	printf("%zu segments, %" PRIu64 " events, %" PRIu64 " bytes: %" PRIu64 " problems\n",
	       segments.count, verify->total_events, verify->total_bytes, verify->problems);
	return verify->problems ? NA_EXIT_DATA : NA_EXIT_DONE;
}

/* ------------------------------------------------------------------------------------------- */

int na_journal_verify(int argc, char **argv)
{
	struct verify verify = {0};
	int first, result, printed;

	if (!na_usage_parse(&usage, argc, argv, NULL, &first, &result))
		return result;
	if (first + 1 != argc)
		return na_usage_error(usage.command, "one folder is needed");
	na_segment_file_init(&verify.file);
	verify.path = argv[first];
	verify.decoder = na_decoder_new();
	verify.holes = calloc(1, sizeof(*verify.holes));
	verify.losses = calloc(1, sizeof(*verify.losses));
	result = verify_all(&verify);
	na_decoder_free(verify.decoder);
	na_segment_file_done(&verify.file);
	free(verify.holes);
	free(verify.losses);
	printed = na_command_print(&(struct na_buffer){0});
	return result == NA_EXIT_DONE ? printed : result;
}
