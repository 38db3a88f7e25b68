/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance says of its records and of itself, from any thread. */
#include "base/log.h"
#include "ship/lane_internal.h"

static struct na_lane *lane_of(struct na_output_host *host)
{
	return (struct na_lane *)host; /* its first member */
}

static void acknowledge(struct na_output_host *host, uint64_t first, uint64_t last)
{
	struct na_lane *lane = lane_of(host);
	size_t fresh;

	pthread_mutex_lock(&lane->mutex);
	fresh = na_window_acknowledge(&lane->window, first, last);
	lane->status.acknowledged += fresh;
	if (fresh) {
		lane->acknowledged = true;
		na_lane_wake(lane);
	}
	pthread_mutex_unlock(&lane->mutex);
}

static void failed(struct na_output_host *host, const char *reason)
{
	struct na_lane *lane = lane_of(host);

	na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_RETRYING, reason);
	pthread_mutex_lock(&lane->mutex);
	lane->failed = true;
	na_lane_wake(lane);
	pthread_mutex_unlock(&lane->mutex);
}

/* Where the output copies, what it was is gone, and is read again. */
static void reject(struct na_output_host *host, uint64_t number, const char *reason)
{
	struct na_lane *lane = lane_of(host);

	if (lane->output->type->copies)
		failed(host, reason);
	else
		na_lane_reject(lane, number, reason);
}

static void say_state(struct na_output_host *host, enum na_output_state state, const char *why)
{
	na_lane_say(lane_of(host), NA_LANE_OUTPUT, state, why);
}

static enum na_output_state worst(const struct na_lane *lane)
{
	enum na_output_state one = lane->states[NA_LANE_HOST];
	enum na_output_state other = lane->states[NA_LANE_OUTPUT];

	return one > other ? one : other;
}

static void log_state(const char *name, enum na_output_state state, const char *why)
{
	switch (state) {
	case NA_OUTPUT_WORKING:
		na_log_notice("output %s: works again", name);
		return;
	case NA_OUTPUT_RETRYING:
		na_log_warning("output %s: %s; tried again, the journal keeps", name, why);
		return;
	case NA_OUTPUT_HELD:
		na_log_error("output %s: %s; it waits until that is put right, the journal keeps",
			     name, why);
		return;
	case NA_OUTPUT_ENDED:
		na_log_notice("output %s: %s; it ends", name, why);
		return;
	}
}

/* ------------------------------------------------------------------------------------------- */

void na_lane_host_init(struct na_lane *lane)
{
	lane->host = (struct na_output_host){
		.name = lane->common->name.data,
		.format = na_format_name((enum na_output_format)lane->common->format),
		.retry_min_ns = lane->common->retry_min,
		.retry_max_ns = lane->common->retry_max,
		.acknowledge = acknowledge,
		.reject = reject,
		.failed = failed,
		.state = say_state,
	};
}

void na_lane_wake(struct na_lane *lane)
{
	pthread_cond_broadcast(&lane->changed);
	if (lane->sleeper)
		na_reader_wake(lane->sleeper);
}

void na_lane_reject(struct na_lane *lane, uint64_t number, const char *reason)
{
	pthread_mutex_lock(&lane->mutex);
	if (na_window_reject(&lane->window, number, reason))
		na_lane_wake(lane);
	pthread_mutex_unlock(&lane->mutex);
}

size_t na_lane_pending(struct na_lane *lane)
{
	size_t pending;

	pthread_mutex_lock(&lane->mutex);
	pending = na_window_count(&lane->window);
	pthread_mutex_unlock(&lane->mutex);
	return pending;
}

void na_lane_say(struct na_lane *lane, enum na_lane_voice voice, enum na_output_state state,
		 const char *why)
{
	enum na_output_state before, after;

	why = why ? why : "";
	pthread_mutex_lock(&lane->mutex);
	before = worst(lane);
	lane->states[voice] = state;
	after = worst(lane);
	lane->status.state = after;
	if (state != NA_OUTPUT_WORKING && state == after) {
		size_t length = strnlen(why, sizeof(lane->status.last_error) - 1);

		memcpy(lane->status.last_error, why, length);
		lane->status.last_error[length] = '\0';
	}
	if (after == NA_OUTPUT_ENDED)
		na_lane_wake(lane);
	pthread_mutex_unlock(&lane->mutex);
	if (after != before)
		log_state(lane->host.name, after, why);
}
