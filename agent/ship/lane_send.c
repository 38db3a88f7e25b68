/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane and its instance: opened, offered what was read, heeded, closed. What it refuses for ever
 * goes to the dead letters.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ship/lane_internal.h"

/*
 * The instance is of no use: the next one gets everything that was not acknowledged. What it
 * acknowledged before makes the next wait a short one, not none; unless it was held: then that
 * comes once more each time, with what is refused.
 */
static void break_off(struct na_lane *lane)
{
	na_lane_close_instance(lane);
	pthread_mutex_lock(&lane->mutex);
	lane->was_held = lane->states[NA_LANE_OUTPUT] == NA_OUTPUT_HELD;
	if (lane->acknowledged && !lane->was_held)
		na_backoff_reset(&lane->backoff);
	lane->acknowledged = false;
	pthread_mutex_unlock(&lane->mutex);
	na_lane_rewind(lane, true);
	na_lane_back_off(lane);
}

static void count_taken(struct na_lane *lane, const struct na_output_record *records, size_t taken)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < taken; i++)
		bytes += records[i].body.length;
	pthread_mutex_lock(&lane->mutex);
	lane->status.sent += taken;
	lane->status.bytes += bytes;
	pthread_mutex_unlock(&lane->mutex);
	if (lane->early && taken)
		lane->host.acknowledge(&lane->host, records[0].number, records[taken - 1].number);
}

/* The first `count` of what is offered are out of our hands. */
static void move_on(struct na_lane *lane, size_t count)
{
	struct na_batch *batch = lane->offer;

	batch->taken += count;
	if (batch->taken < batch->count)
		return;
	na_batch_settle(batch);
	lane->offer = NULL;
}

static void take_verdict(struct na_lane *lane, enum na_output_verdict verdict, size_t taken)
{
	const struct na_output_record *records = lane->offer->records + lane->offer->taken;

	if (verdict == NA_OUTPUT_BROKEN || verdict == NA_OUTPUT_LATER ||
	    (verdict == NA_OUTPUT_TAKEN && !taken)) {
		na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_RETRYING, na_lane_why(lane, "not ready"));
		if (verdict == NA_OUTPUT_BROKEN)
			break_off(lane);
		else
			na_lane_back_off(lane);
		return;
	}
	count_taken(lane, records, taken);
	if (verdict == NA_OUTPUT_REJECT) {
		na_lane_reject(lane, records[taken].number, na_lane_why(lane, "refused"));
		taken++;
	} else {
		na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_WORKING, NULL);
	}
	move_on(lane, taken);
}

/* ------------------------------------------------------------------------------------------- */

const char *na_lane_why(struct na_lane *lane, const char *otherwise)
{
	na_buffer_append_char(&lane->why, '\0');
	if (na_buffer_error(&lane->why) || !lane->why.data[0])
		return otherwise;
	return lane->why.data;
}

void na_lane_count_retry(struct na_lane *lane)
{
	pthread_mutex_lock(&lane->mutex);
	lane->status.retries++;
	pthread_mutex_unlock(&lane->mutex);
}

void na_lane_back_off(struct na_lane *lane)
{
	lane->wait_until_ns = na_clock_boot_ns() + na_backoff_next(&lane->backoff);
	na_lane_count_retry(lane);
}

void na_lane_close_instance(struct na_lane *lane)
{
	if (lane->instance)
		lane->output->type->close(NA_TAKE_POINTER(lane->instance));
}

bool na_lane_open_instance(struct na_lane *lane)
{
	const struct na_output *type = lane->output->type;
	int error;

	if (lane->instance)
		return true;
	na_buffer_clear(&lane->why);
	error = type->open(lane->output->options, &lane->host, &lane->instance, &lane->why);
	if (!error)
		return true;
	lane->instance = NULL;
	na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_RETRYING,
		    na_lane_why(lane, strerrordesc_np(-error)));
	na_lane_back_off(lane);
	return false;
}

/*
 * The first at once; how many there are by now a minute later, or when the lane ends. Under the
 * mutex. `reason` may be "".
 */
static void tell_dead_letters(struct na_lane *lane, const char *reason)
{
	uint64_t now_ns = lane->dead_told == lane->status.rejected ? 0 : na_clock_boot_ns();

	if (!now_ns || (now_ns < lane->dead_quiet_until_ns && (*reason || !lane->ends)))
		return;
	lane->dead_quiet_until_ns = now_ns + 60 * NA_NS_PER_SEC;
	lane->dead_told = lane->status.rejected;
	na_log_warning("output %s: refused for good and put into %s: %llu since the start%s%s",
		       lane->common->name.data, lane->dead_path.data,
		       (unsigned long long)lane->dead_told,
		       *reason ? ", the last because of: " : "", reason);
}

/* One dead letter; false: none to write, or it cannot be written and is kept. */
bool na_lane_write_dead_letter(struct na_lane *lane)
{
	const struct na_window_entry *entry;
	uint64_t number;
	const char *reason;
	int error;

	pthread_mutex_lock(&lane->mutex);
	entry = na_window_rejected(&lane->window, &number);
	reason = entry && entry->reason ? entry->reason : "";
	error = entry ? na_dead_write(&lane->dead, reason, entry->id, entry->body) : 0;
	if (entry && !error) {
		lane->status.rejected++;
		lane->status.dead_letters = lane->dead.path;
		tell_dead_letters(lane, reason);
		na_window_acknowledge(&lane->window, number, number);
	} else if (!entry) {
		tell_dead_letters(lane, "");
	}
	pthread_mutex_unlock(&lane->mutex);
	if (!error) {
		if (entry && lane->holds_dead)
			na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_WORKING, NULL);
		lane->holds_dead = lane->holds_dead && !entry;
		return entry != NULL;
	}
	lane->holds_dead = true;
	na_buffer_clear(&lane->why);
	na_buffer_printf(&lane->why, "%s cannot be written: %s", lane->dead_path.data,
			 strerrordesc_np(-error));
	na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_HELD, na_lane_why(lane, "no dead letters"));
	na_lane_back_off(lane);
	return false;
}

bool na_lane_take_filled(struct na_lane *lane)
{
	struct na_batch *batch = lane->filling;

	if (lane->offer || !batch)
		return lane->offer != NULL;
	batch->sequence = lane->at.sequence;
	if (lane->last)
		lane->last->next = batch;
	else
		lane->first = batch;
	lane->last = lane->offer = batch;
	lane->filling = NULL;
	return true;
}

void na_lane_offer(struct na_lane *lane)
{
	struct na_batch *batch = lane->offer;
	size_t count = batch->count - batch->taken, taken = 0;
	enum na_output_verdict verdict;

	if (count > lane->common->batch)
		count = lane->common->batch;
	if (batch->sequence > lane->highest)
		lane->highest = batch->sequence;
	na_buffer_clear(&lane->why);
	verdict = lane->output->type->put(lane->instance, batch->records + batch->taken, count,
					  &taken, &lane->why);
	/* An output is trusted code, but not to count. */
	if (taken > count || (verdict == NA_OUTPUT_REJECT && taken == count))
		verdict = NA_OUTPUT_BROKEN;
	take_verdict(lane, verdict, taken);
}

/* Batches of which every record is done, or copied by the output and waits for no dead letter. */
void na_lane_free_done(struct na_lane *lane)
{
	uint64_t first;
	bool copied;

	/* That mutation is of the promise, and not of how long an output may use a record. */
	if (lane->early)
		return;
	pthread_mutex_lock(&lane->mutex);
	first = lane->window.first;
	copied = lane->output->type->copies && !lane->window.rejected;
	pthread_mutex_unlock(&lane->mutex);
	while (lane->first && lane->first != lane->offer &&
	       (copied || lane->first->records[lane->first->count - 1].number < first)) {
		struct na_batch *batch = lane->first;

		lane->first = batch->next;
		if (!lane->first)
			lane->last = NULL;
		na_batch_free(batch);
	}
}

void na_lane_work(struct na_lane *lane, uint64_t timeout_ns)
{
	if (lane->instance &&
	    lane->output->type->work(lane->instance, timeout_ns) == NA_OUTPUT_BROKEN)
		break_off(lane);
}
