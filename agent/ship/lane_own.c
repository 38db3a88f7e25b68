/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the output's own: what it cannot have from the journal, what its budget left out, and
 * the dead letters for which there was no room.
 *
 * Their id is "<journal>.<output>.<own>.<first>-<last>": `own` counts them and is part of the mark,
 * so that one that is made again has the same id; the range is in it because a gap may have grown
 * meanwhile, and that is another record.
 */
#include <errno.h>
#include <inttypes.h>

#include "ship/lane_internal.h"

struct loss {
	const char *reason;
	uint64_t first, last, count; /* 0: not known */
};

static void append_uuid(struct na_buffer *out, const uint8_t uuid[16])
{
	for (int i = 0; i < 16; i++)
		na_buffer_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
				 uuid[i]);
}

static void make_id(struct na_lane *lane, const struct loss *loss)
{
	na_buffer_clear(&lane->id);
	append_uuid(&lane->id, lane->at.journal);
	na_buffer_printf(&lane->id, ".%s.%" PRIx64 ".%" PRIx64 "-%" PRIx64, lane->host.name,
			 lane->at.own, loss->first, loss->last);
}

static struct na_text text_of(const struct na_buffer *buffer)
{
	return (struct na_text){buffer->data, buffer->length};
}

static void set_range(struct na_event *event, const struct loss *loss)
{
	if (loss->count)
		NA_SET(event, NA_LOST_COUNT, (int64_t)loss->count);
	if (!loss->last)
		return;
	NA_SET(event, NA_LOST_FIRST_SEQUENCE, (int64_t)loss->first);
	NA_SET(event, NA_LOST_LAST_SEQUENCE, (int64_t)loss->last);
}

/* `text` of the lane holds the message. */
static int add_loss(struct na_lane *lane, const struct loss *loss)
{
	struct na_event event;
	int error;

	lane->at.own++;
	make_id(lane, loss);
	if (na_buffer_error(&lane->id) || na_buffer_error(&lane->text))
		return -ENOMEM;
	na_event_init(&event, NA_EVENT_EVENTS_LOST, 0);
	/* The time of what was read last, not of now: made again, it is the same. */
	NA_SET(&event, TIMESTAMP, lane->at.wall_ns ? lane->at.wall_ns : na_clock_wall_ns());
	NA_SET(&event, EVENT_ID, text_of(&lane->id));
	NA_SET(&event, MESSAGE, text_of(&lane->text));
	NA_SET_TEXT(&event, NA_LOST_REASON, loss->reason);
	NA_SET_TEXT(&event, NA_SOURCE, "ship");
	NA_SET(&event, NA_OUTPUT, lane->common->name);
	set_range(&event, loss);
	error = na_lane_add(lane, &event, NULL);
	if (error < 0)
		return error;
	pthread_mutex_lock(&lane->mutex);
	lane->status.lost += loss->count;
	pthread_mutex_unlock(&lane->mutex);
	return 0;
}

static bool has_rules(const struct na_lane *lane)
{
	return lane->common->view != NA_OUTPUT_LIFECYCLE || lane->common->select.count ||
	       lane->common->dedup || lane->common->budget;
}

/* ------------------------------------------------------------------------------------------- */

int na_lane_own_gap(struct na_lane *lane, const struct na_reader_gap *gap)
{
	struct loss loss = {.reason = "unreadable"};

	if (gap->last_sequence && gap->last_sequence >= gap->first_sequence) {
		loss.first = gap->first_sequence;
		loss.last = gap->last_sequence;
		loss.count = loss.last - loss.first + 1;
		lane->at.sequence = loss.last;
	} else {
		loss.first = lane->at.position;
	}
	lane->at.position = gap->position;
	na_buffer_clear(&lane->text);
	na_buffer_printf(&lane->text, "The output cannot have them: %s", gap->reason);
	return add_loss(lane, &loss);
}

int na_lane_own_over_budget(struct na_lane *lane)
{
	struct loss loss = {
		.reason = "budget",
		.first = lane->at.over_first,
		.last = lane->at.over_last,
		.count = lane->at.over_count,
	};

	if (!loss.count)
		return 0;
	lane->at.over_count = 0;
	na_buffer_clear(&lane->text);
	na_buffer_printf(&lane->text,
			 "The output's budget of %" PRIu64 " bytes per hour left them out.",
			 lane->common->budget);
	return add_loss(lane, &loss);
}

/* What the count grew to is in the id: told again, it may be more. */
int na_lane_own_thrown_away(struct na_lane *lane)
{
	struct loss loss = {
		.reason = "dead_letters",
		.first = lane->dead.thrown_away,
		.count = lane->dead.thrown_away - lane->at.thrown_away,
	};

	if (lane->dead.thrown_away <= lane->at.thrown_away)
		return 0;
	lane->at.thrown_away = lane->dead.thrown_away;
	na_buffer_clear(&lane->text);
	na_buffer_printf(&lane->text,
			 "The oldest dead letters of the output were thrown away: it keeps %u MiB.",
			 2 * NA_DEAD_BYTES_MAX >> 20);
	return add_loss(lane, &loss);
}

void na_lane_own_heartbeat(struct na_lane *lane, struct na_event *event)
{
	struct na_mark *at = &lane->at;

	if (has_rules(lane)) {
		NA_SET(event, NA_OUTPUT, lane->common->name);
		NA_SET(event, NA_READ_FIRST_SEQUENCE, (int64_t)at->first_sequence);
		NA_SET(event, NA_READ_LAST_SEQUENCE, (int64_t)at->sequence);
		NA_SET(event, NA_LEFT_OUT_VIEW, (int64_t)at->left_out[NA_RULE_VIEW]);
		NA_SET(event, NA_LEFT_OUT_SELECT, (int64_t)at->left_out[NA_RULE_SELECT]);
		NA_SET(event, NA_LEFT_OUT_DEDUP, (int64_t)at->left_out[NA_RULE_DEDUP]);
		NA_SET(event, NA_LEFT_OUT_BUDGET, (int64_t)at->left_out[NA_RULE_BUDGET]);
	}
	at->first_sequence = 0;
	memset(at->left_out, 0, sizeof(at->left_out));
}
