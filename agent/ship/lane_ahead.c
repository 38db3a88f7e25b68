/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the journal is read.
 *
 * Ahead: while the lane's thread offers a batch, another one makes the next. From begin to
 * end that thread has all of the lane that na_lane_fill uses, and the lane's thread only what
 * offering needs; at all other times it waits, and everything is the lane's thread's. So there is
 * no lock but the one of handing over. Only where there is a backlog: one that follows the journal
 * has nothing to read ahead.
 */
#include <errno.h>
#include <string.h>

#include "ship/lane_internal.h"

static void *run(void *argument)
{
	struct na_lane *lane = argument;
	struct na_lane_ahead *ahead = &lane->ahead;

	pthread_mutex_lock(&ahead->mutex);
	for (;;) {
		int error;

		while (!ahead->busy && !ahead->quit)
			pthread_cond_wait(&ahead->changed, &ahead->mutex);
		if (!ahead->busy)
			break;
		pthread_mutex_unlock(&ahead->mutex);
		error = na_lane_fill(lane);
		pthread_mutex_lock(&ahead->mutex);
		ahead->error = error;
		ahead->busy = false;
		pthread_cond_signal(&ahead->changed);
	}
	pthread_mutex_unlock(&ahead->mutex);
	return NULL;
}

static bool begin(struct na_lane *lane)
{
	struct na_lane_ahead *ahead = &lane->ahead;

	if (!ahead->started)
		return false;
	pthread_mutex_lock(&ahead->mutex);
	ahead->busy = ahead->begun = true;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->mutex);
	return true;
}

static void wait_to_read(struct na_lane *lane, int error)
{
	lane->read_after_ns = na_clock_boot_ns() + na_backoff_next(&lane->reader_backoff);
	na_lane_count_retry(lane);
	na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_RETRYING,
		    na_lane_why(lane, strerrordesc_np(-error)));
}

static bool open_reader(struct na_lane *lane)
{
	struct na_reader_options options = {
		.path = lane->options->journal, .tail = lane->options->tail, .settled = true};
	int error = 0;

	na_buffer_clear(&lane->why);
	if (!lane->reader)
		error = na_reader_open(&options, &lane->reader, &lane->why);
	if (!error && !lane->begun)
		error = na_lane_begin(lane);
	if (!error && lane->goes_back)
		error = na_reader_seek_position(lane->reader, lane->at.position);
	if (error == -EAGAIN) {
		lane->at_end = true; /* nothing was ever written */
		return false;
	}
	if (error < 0)
		wait_to_read(lane, error);
	else
		lane->goes_back = false;
	return !error;
}

/* Of na_lane_fill. */
static void take_result(struct na_lane *lane, int error)
{
	na_buffer_clear(&lane->why);
	if (error < 0) {
		wait_to_read(lane, error);
		if (lane->is_halfway)
			na_lane_rewind(lane, false);
		return;
	}
	if (lane->read_after_ns)
		na_lane_say(lane, NA_LANE_HOST, NA_OUTPUT_WORKING, NULL);
	lane->read_after_ns = 0;
	na_backoff_reset(&lane->reader_backoff);
}

/* ------------------------------------------------------------------------------------------- */

void na_lane_ahead_start(struct na_lane *lane)
{
	struct na_lane_ahead *ahead = &lane->ahead;

	pthread_mutex_init(&ahead->mutex, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	ahead->started = pthread_create(&ahead->thread, NULL, run, lane) == 0;
}

void na_lane_ahead_stop(struct na_lane *lane)
{
	struct na_lane_ahead *ahead = &lane->ahead;

	(void)na_lane_ahead_end(lane);
	if (ahead->started) {
		pthread_mutex_lock(&ahead->mutex);
		ahead->quit = true;
		pthread_cond_signal(&ahead->changed);
		pthread_mutex_unlock(&ahead->mutex);
		pthread_join(ahead->thread, NULL);
	}
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->mutex);
	ahead->started = false;
}

int na_lane_ahead_end(struct na_lane *lane)
{
	struct na_lane_ahead *ahead = &lane->ahead;
	int error;

	if (!ahead->begun)
		return 0;
	pthread_mutex_lock(&ahead->mutex);
	while (ahead->busy)
		pthread_cond_wait(&ahead->changed, &ahead->mutex);
	error = ahead->error;
	ahead->error = 0;
	ahead->begun = false;
	pthread_mutex_unlock(&ahead->mutex);
	return error;
}

void na_lane_read(struct na_lane *lane)
{
	if (na_clock_boot_ns() < lane->read_after_ns || !open_reader(lane))
		return;
	na_lane_prepare(lane);
	take_result(lane, na_lane_fill(lane));
}

bool na_lane_read_ahead(struct na_lane *lane)
{
	if (!lane->begun || lane->at_end || lane->goes_back || lane->filling ||
	    na_clock_boot_ns() < lane->read_after_ns)
		return false;
	na_lane_prepare(lane);
	return na_lane_has_room(lane) && begin(lane);
}

void na_lane_join_ahead(struct na_lane *lane)
{
	bool was_ahead = lane->ahead.begun;
	int error = na_lane_ahead_end(lane);

	if (was_ahead)
		take_result(lane, error);
}
