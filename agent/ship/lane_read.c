/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the journal into a batch: view, select, dedup, encode, budget, in this order. `select` and
 * all behind it see what the view made of an event. States pass all rules.
 *
 * The mark `at` goes over every event; the window has it with each record, and moves over what is
 * left out by itself.
 */
#include <errno.h>

#include "config/filter.h"
#include "ship/budget.h"
#include "ship/lane_internal.h"
#include "ship/view.h"

#define STEPS_MAX 4096 /* of one fill, whatever they gave */
#define ROOM_MAX 16384 /* for a body in its batch; what is left at the end of a chunk is lost */

static void pass(struct na_lane *lane)
{
	pthread_mutex_lock(&lane->mutex);
	na_window_pass(&lane->window, &lane->at);
	pthread_mutex_unlock(&lane->mutex);
}

static void number_read(struct na_lane *lane, uint64_t sequence, uint64_t wall_ns)
{
	lane->at.sequence = sequence;
	lane->at.wall_ns = wall_ns;
	if (!lane->at.first_sequence)
		lane->at.first_sequence = sequence;
}

/* Before an event is decoded: view `connections` is without most of them. */
static bool is_wanted(void *context, enum na_event_type type, const struct na_frame_event *event)
{
	struct na_lane *lane = context;

	if (na_view_has_type(type))
		return true;
	/* A reader may look at a frame twice. */
	if (event->sequence > lane->at.sequence) {
		number_read(lane, event->sequence, event->wall_ns);
		na_lane_leave_out(lane, NA_RULE_VIEW);
	}
	return false;
}

static int renew_format(struct na_lane *lane)
{
	unsigned int version = na_reader_constants_version(lane->reader);
	struct na_format *format;

	if (lane->format && version == lane->constants_version)
		return 0;
	format = na_format_new(lane->common->format, lane->item.constants, &lane->output->line);
	if (!format)
		return -ENOMEM;
	na_format_free(lane->format);
	lane->format = format;
	lane->constants_version = version;
	return 0;
}

static bool is_selected(const struct na_lane *lane, const struct na_event *event)
{
	const struct na_config_filters *select = &lane->common->select;

	if (!select->count)
		return true;
	for (size_t i = 0; i < select->count; i++)
		if (na_filter_match(select->filters[i], event))
			return true;
	return false;
}

/* event.id with the suffix; `id` of the lane keeps it until the record is added. */
static int change_id(struct na_lane *lane, struct na_event *event, const char *suffix)
{
	na_buffer_clear(&lane->id);
	na_buffer_append(&lane->id, event->f_EVENT_ID.data, event->f_EVENT_ID.length);
	na_buffer_append_string(&lane->id, suffix);
	if (na_buffer_error(&lane->id))
		return -ENOMEM;
	NA_SET(event, EVENT_ID, ((struct na_text){lane->id.data, lane->id.length}));
	return 0;
}

/* In front of the batch's first record there is none; so it is made late. */
static int make_batch(struct na_lane *lane)
{
	struct na_batch *batch;

	if (lane->filling)
		return 0;
	batch = na_batch_new(&lane->pool, lane->output->type->fields ? lane->fields : NULL);
	if (!batch)
		return -ENOMEM;
	lane->filling = batch;
	return 0;
}

static int add_record(struct na_lane *lane, const struct na_event *event,
		      const struct na_mark *hold)
{
	const struct na_output_record *added;
	struct na_output_record record = {
		.number = lane->window.next, /* only this thread adds */
		.id = event->f_EVENT_ID,
		.body = lane->encoded,
		.event = event,
		.wall_ns = event->f_TIMESTAMP,
		.resent = lane->at.sequence <= lane->resent_until,
	};
	int error = make_batch(lane);

	if (!error)
		error = na_batch_add(lane->filling, &record, lane->item.constants, &added);
	if (error < 0)
		return error;
	pthread_mutex_lock(&lane->mutex);
	error = na_window_add(&lane->window, &lane->at, hold, added->id, added->body);
	pthread_mutex_unlock(&lane->mutex);
	return error;
}

/* Where the batch will have it; false: it does not fit, or there is no batch yet. */
static bool encode_in_place(struct na_lane *lane, const struct na_event *event,
			    const struct na_event_parts *parts)
{
	struct na_buffer place = {.lent = true};
	size_t least = 2 * lane->encoded.length; /* it will be like the one before */

	if (!lane->filling)
		return false;
	least = least < ROOM_MAX ? least : ROOM_MAX;
	place.data = na_arena_room(&lane->filling->texts, least, &place.size);
	if (!place.data || na_format_encode(lane->format, event, parts, &place) < 0)
		return false;
	lane->encoded = (struct na_text){place.data, place.length};
	return true;
}

static int encode(struct na_lane *lane, const struct na_event *event,
		  const struct na_event_parts *parts)
{
	int error = renew_format(lane);

	if (error || encode_in_place(lane, event, parts))
		return error;
	na_buffer_clear(&lane->body);
	error = na_format_encode(lane->format, event, parts, &lane->body);
	lane->encoded = (struct na_text){lane->body.data, lane->body.length};
	return error;
}

/* Is it within the budget? Otherwise it was left out. States and summaries always are. */
static bool can_afford(struct na_lane *lane, const struct na_event *event, bool always)
{
	uint64_t limit = lane->common->budget, bytes = lane->encoded.length + 1;

	if (always || na_view_is_state(event->type)) {
		na_budget_charge(&lane->at, limit, lane->at.wall_ns, bytes);
		return true;
	}
	if (na_budget_take(&lane->at, limit, lane->at.wall_ns, bytes))
		return true;
	na_budget_miss(&lane->at);
	return false;
}

static void count_left_out(struct na_lane *lane)
{
	pthread_mutex_lock(&lane->mutex);
	lane->status.left_out++;
	na_window_pass(&lane->window, &lane->at);
	pthread_mutex_unlock(&lane->mutex);
}

/* `parts`: NULL when the event is not as it was read. */
static int send_event(struct na_lane *lane, const struct na_event_parts *parts)
{
	int error = encode(lane, &lane->item.event, parts);

	if (error < 0)
		return error;
	if (can_afford(lane, &lane->item.event, false))
		return add_record(lane, &lane->item.event, NULL);
	count_left_out(lane);
	return 0;
}

/* What is no state: through the rules. `before` is the mark in front of it. */
static int rule(struct na_lane *lane, const struct na_mark *before)
{
	const struct na_output_common *common = lane->common;
	const struct na_event_parts *parts = lane->item.parts;
	struct na_event *event = &lane->item.event;

	if (common->view == NA_OUTPUT_CONNECTIONS) {
		if (!na_view_has(event, common->interval,
				 lane->options->connection_interval_ns
					 ? lane->options->connection_interval_ns
					 : 60 * NA_NS_PER_SEC)) {
			na_lane_leave_out(lane, NA_RULE_VIEW);
			return 0;
		}
		if (na_view_convert(event)) {
			int error = change_id(lane, event, ".connection");

			if (error < 0)
				return error;
			parts = NULL;
		}
	}
	if (!is_selected(lane, event)) {
		na_lane_leave_out(lane, NA_RULE_SELECT);
		return 0;
	}
	if (lane->dedup && na_dedup_withhold(lane->dedup, event, lane->at.wall_ns, before)) {
		na_lane_leave_out(lane, NA_RULE_DEDUP);
		return 0;
	}
	return send_event(lane, parts);
}

static int take_event(struct na_lane *lane)
{
	struct na_event *event = &lane->item.event;
	bool is_state = na_view_is_state(event->type);
	struct na_mark before;
	int error = 0;

	if (lane->dedup)
		error = na_lane_flush_dedup(lane, event->f_TIMESTAMP);
	if (!error && event->type == NA_EVENT_HEARTBEAT)
		error = na_lane_own_over_budget(lane);
	if (error < 0)
		return error;
	before = lane->at;
	memcpy(lane->at.journal, lane->item.journal, sizeof(lane->at.journal));
	lane->at.position = lane->item.next;
	number_read(lane, lane->item.sequence, event->f_TIMESTAMP);
	if (event->type == NA_EVENT_HEARTBEAT)
		na_lane_own_heartbeat(lane, event);
	return is_state ? send_event(lane, NULL) : rule(lane, &before);
}

static int end_of_journal(struct na_lane *lane)
{
	lane->at_end = true;
	if (lane->at.position != na_reader_position(lane->reader)) {
		/* Events that is_wanted refused. */
		lane->at.position = na_reader_position(lane->reader);
		pass(lane);
	}
	return lane->dedup ? na_lane_flush_dedup(lane, na_clock_wall_ns()) : 0;
}

/* 1: go on; 0: that is all for now; negative errno. */
static int step(struct na_lane *lane)
{
	int found = na_lane_own_thrown_away(lane), error;

	if (found < 0) {
		lane->is_halfway = true;
		return found;
	}
	error = found = na_reader_next(lane->reader, &lane->item);
	if (found == NA_READER_EVENT)
		error = take_event(lane);
	else if (found == NA_READER_GAP)
		error = na_lane_own_gap(lane, &lane->item.gap);
	else if (found == NA_READER_END)
		error = end_of_journal(lane);
	lane->is_halfway = error < 0 && found >= 0;
	return error < 0 ? error : found != NA_READER_END;
}

static bool is_full(const struct na_lane *lane)
{
	const struct na_batch *batch = lane->filling;

	return batch && (batch->count >= lane->common->batch ||
			 na_batch_bytes(batch) >= lane->allowance.batch_bytes);
}

/* ------------------------------------------------------------------------------------------- */

int na_lane_add(struct na_lane *lane, const struct na_event *event, const struct na_mark *hold)
{
	int error = encode(lane, event, NULL);

	if (error < 0)
		return error;
	can_afford(lane, event, true);
	return add_record(lane, event, hold);
}

void na_lane_leave_out(struct na_lane *lane, enum na_rule rule_)
{
	lane->at.left_out[rule_]++;
	count_left_out(lane);
}

void na_lane_watch(struct na_lane *lane)
{
	na_reader_set_wanted(lane->reader,
			     lane->common->view == NA_OUTPUT_CONNECTIONS ? is_wanted : NULL, lane);
}

int na_lane_flush_dedup(struct na_lane *lane, uint64_t wall_ns)
{
	for (;;) {
		const struct na_event *due =
			na_dedup_take(lane->dedup, wall_ns, &lane->summary_hold);
		struct na_event event;
		int error;

		if (!due)
			return 0;
		lane->has_summary = true;
		event = *due;
		error = change_id(lane, &event, ".dedup");
		if (!error)
			error = na_lane_add(lane, &event, &lane->summary_hold);
		if (error < 0)
			return error;
		lane->has_summary = false;
	}
}

void na_lane_prepare(struct na_lane *lane)
{
	size_t filled = lane->filling ? lane->filling->count : 0;

	lane->held = 0;
	for (const struct na_batch *batch = lane->first; batch; batch = batch->next)
		lane->held += na_batch_bytes(batch);
	lane->pending = na_lane_pending(lane) - filled;
}

bool na_lane_has_room(const struct na_lane *lane)
{
	const struct na_batch *batch = lane->filling;
	size_t count = lane->pending + (batch ? batch->count : 0);

	/* One event may bring more records with it: all that dedup and the budget have to say. */
	return count + NA_DEDUP_KEYS_MAX + 4 < NA_WINDOW_MAX &&
	       na_allowance_has_room(&lane->allowance,
				     lane->held + (batch ? na_batch_bytes(batch) : 0), count,
				     batch != NULL);
}

int na_lane_fill(struct na_lane *lane)
{
	int more = 1;

	lane->at_end = false;
	for (int steps = 0; more > 0 && steps < STEPS_MAX; steps++) {
		if (is_full(lane) || !na_lane_has_room(lane))
			return 0;
		more = step(lane);
	}
	return more < 0 ? more : 0;
}
