/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of one output: opens reader and instance, fills a batch, offers it, waits, and stores
 * how far it came. Whatever fails is tried again after a wait that grows until something is
 * acknowledged; then all that was not acknowledged is read again.
 */
#include "ship/lane.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "ship/lane_internal.h"

/* What was asked for since the last look. */
struct requests {
	bool stop, failed, reopen, acknowledged, ended;
	uint64_t deadline_ns;
};

static struct requests take_requests(struct na_lane *lane)
{
	struct requests taken;

	pthread_mutex_lock(&lane->mutex);
	taken = (struct requests){
		.stop = lane->stop,
		.failed = lane->failed,
		.reopen = lane->reopen,
		.acknowledged = lane->acknowledged,
		.ended = lane->status.state == NA_OUTPUT_ENDED,
		.deadline_ns = lane->deadline_ns,
	};
	/* What was the end of the journal before the stop may not be it any more. */
	if (lane->stop && !lane->stop_seen)
		lane->at_end = false;
	lane->stop_seen = lane->stop;
	lane->failed = lane->reopen = lane->acknowledged = false;
	pthread_mutex_unlock(&lane->mutex);
	return taken;
}

/* Under the mutex: is there something that this thread has not seen? */
static bool is_asked(const struct na_lane *lane)
{
	return lane->stop != lane->stop_seen || lane->failed || lane->acknowledged || lane->reopen;
}

/* Until something is asked for or acknowledged, or the time-out. */
static void wait_changed(struct na_lane *lane, uint64_t timeout_ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until); /* the condition's clock; no time of an event */
	timeout_ns += (uint64_t)until.tv_nsec;
	until.tv_sec += (time_t)(timeout_ns / NA_NS_PER_SEC);
	until.tv_nsec = (long)(timeout_ns % NA_NS_PER_SEC);
	pthread_mutex_lock(&lane->mutex);
	if (!is_asked(lane))
		pthread_cond_timedwait(&lane->changed, &lane->mutex, &until);
	pthread_mutex_unlock(&lane->mutex);
}

/* The same, and until the journal moves. */
static void wait_for_journal(struct na_lane *lane, uint64_t timeout_ns)
{
	bool asked;

	pthread_mutex_lock(&lane->mutex);
	asked = is_asked(lane);
	lane->sleeper = asked ? NULL : lane->reader;
	pthread_mutex_unlock(&lane->mutex);
	if (asked)
		return;
	na_reader_wait(lane->reader, timeout_ns);
	/* Whoever wakes it has the mutex: then it is not used any more. */
	pthread_mutex_lock(&lane->mutex);
	lane->sleeper = NULL;
	pthread_mutex_unlock(&lane->mutex);
}

/* Is there nothing to be stored or shown, but what the journal brings? */
static bool is_at_rest(struct na_lane *lane)
{
	bool behind;

	pthread_mutex_lock(&lane->mutex);
	behind = lane->status.lag_events > 0;
	pthread_mutex_unlock(&lane->mutex);
	return lane->begun && lane->at_end && !behind && na_lane_is_stored(lane);
}

static uint64_t lesser(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

static void idle(struct na_lane *lane)
{
	uint64_t now_ns = na_clock_boot_ns();
	bool backs_off = now_ns < lane->wait_until_ns;
	/* The mutation believes that all is done; the output still has work. */
	bool awaits = (na_lane_pending(lane) || lane->early) && !backs_off;
	uint64_t wait_ns = awaits             ? NA_LANE_BUSY_NS
			   : is_at_rest(lane) ? NA_LANE_IDLE_NS
					      : NA_LANE_STORE_NS;

	na_lane_work(lane, awaits ? NA_LANE_BUSY_NS : 0);
	if (backs_off)
		wait_ns = lesser(wait_ns, lane->wait_until_ns - now_ns);
	if (now_ns < lane->read_after_ns)
		wait_ns = lesser(wait_ns, lane->read_after_ns - now_ns);
	/* With a batch in hand, or a full window, more of the journal is no news. */
	if (backs_off || lane->offer || !lane->begun || !lane->at_end)
		wait_changed(lane, wait_ns);
	else
		wait_for_journal(lane, wait_ns);
}

static void heed(struct na_lane *lane, const struct requests *requests)
{
	if (requests->acknowledged && lane->was_held)
		lane->was_held = na_lane_pending(lane) > 0;
	if (requests->acknowledged && !lane->was_held) {
		na_backoff_reset(&lane->backoff);
		lane->wait_until_ns = 0;
	}
	if (requests->failed) {
		na_lane_rewind(lane, false);
		na_lane_back_off(lane);
	}
	if (requests->reopen && lane->instance && lane->output->type->reopen)
		lane->output->type->reopen(lane->instance);
}

static void update_lag(struct na_lane *lane, bool now)
{
	uint64_t wall_ns = na_clock_wall_ns(), boot_ns = na_clock_boot_ns(), last;
	const struct na_mark *mark = &lane->window.mark;

	/* Without a tail the reader looks at files for it. */
	if (!lane->begun || (!now && boot_ns - lane->lag_looked_ns < NA_LANE_STORE_NS))
		return;
	lane->lag_looked_ns = boot_ns;
	last = na_reader_last_sequence(lane->reader);
	pthread_mutex_lock(&lane->mutex);
	lane->status.lag_events = last > mark->sequence ? last - mark->sequence : 0;
	lane->status.lag_ns = 0;
	if (lane->status.lag_events && !mark->wall_ns)
		lane->status.lag_ns = UINT64_MAX;
	else if (lane->status.lag_events && wall_ns > mark->wall_ns)
		lane->status.lag_ns = wall_ns - mark->wall_ns;
	pthread_mutex_unlock(&lane->mutex);
}

/* At the end of the journal for good: what the rules still have in hand. */
static void tell_the_rest(struct na_lane *lane)
{
	int error = lane->dedup ? na_lane_flush_dedup(lane, UINT64_MAX) : 0;

	if (!error)
		error = na_lane_own_over_budget(lane);
	if (!error)
		error = na_lane_own_thrown_away(lane);
	if (error < 0)
		na_lane_rewind(lane, false);
}

/* Has it come to its end? What is on its way then is awaited by drain. */
static bool is_over(struct na_lane *lane, const struct requests *requests)
{
	uint64_t now_ns = na_clock_boot_ns();

	if (requests->ended)
		return true;
	if (!requests->stop && !lane->options->once)
		return false;
	if (requests->stop && (now_ns >= requests->deadline_ns || now_ns < lane->wait_until_ns ||
			       now_ns < lane->read_after_ns))
		return true;
	if (!lane->at_end || lane->offer || lane->filling)
		return false;
	if (lane->begun)
		tell_the_rest(lane);
	if (lane->filling || !lane->at_end)
		return false;
	return requests->stop || !na_lane_pending(lane);
}

static void finish(struct na_lane *lane)
{
	struct requests requests = take_requests(lane);

	na_lane_ahead_stop(lane);
	if (lane->instance && !requests.ended)
		lane->output->type->drain(lane->instance, requests.deadline_ns);
	lane->ends = true;
	while (na_lane_write_dead_letter(lane))
		;
	na_lane_store(lane, true);
	update_lag(lane, true);
	na_lane_close_instance(lane);
	na_reader_close(&lane->reader);
}

/* Offers, reads, or waits for something. */
static void go_on(struct na_lane *lane, bool stop)
{
	bool offers = lane->offer || lane->filling;
	bool ahead = !offers && na_lane_read_ahead(lane);

	if (!offers && !ahead)
		na_lane_read(lane);
	/* What is read ahead is not this thread's until the next round. */
	offers = !ahead && na_lane_take_filled(lane) && na_clock_boot_ns() >= lane->wait_until_ns;
	if (offers) {
		(void)na_lane_read_ahead(lane);
		na_lane_offer(lane);
	}
	if (offers || ahead)
		na_lane_work(lane, 0);
	else if (!stop || !lane->at_end)
		idle(lane);
}

/* From here on all of the lane is this thread's again. */
static void come_together(struct na_lane *lane)
{
	na_lane_join_ahead(lane);
	na_lane_store(lane, false);
	update_lag(lane, false);
}

/* One round; false: it is over. */
static bool go_round(struct na_lane *lane)
{
	struct requests requests;

	come_together(lane);
	requests = take_requests(lane);
	heed(lane, &requests);
	if (is_over(lane, &requests))
		return false;
	if (na_clock_boot_ns() < lane->wait_until_ns) {
		idle(lane);
		return true;
	}
	while (na_lane_write_dead_letter(lane))
		;
	if (!na_lane_open_instance(lane))
		return true;
	go_on(lane, requests.stop);
	return true;
}

static void *run(void *argument)
{
	struct na_lane *lane = argument;

	na_lane_ahead_start(lane);
	while (go_round(lane))
		na_lane_free_done(lane);
	finish(lane);
	atomic_store_explicit(&lane->is_through, true, memory_order_release);
	eventfd_write(lane->through_fd, 1);
	return NULL;
}

static int make_paths(struct na_lane *lane)
{
	const char *folder = lane->options->folder, *name = lane->host.name;

	na_buffer_printf(&lane->cursor_path, "%s/%s.cursor%c", folder, name, '\0');
	na_buffer_printf(&lane->mark_path, "%s/%s.mark%c", folder, name, '\0');
	na_buffer_printf(&lane->dead_path, "%s/%s.dead%c", folder, name, '\0');
	lane->mark_file.path = lane->mark_path.data;
	lane->dead.path = lane->dead_path.data;
	if (!na_buffer_error(&lane->dead_path) && access(lane->dead.path, F_OK) == 0)
		lane->status.dead_letters = lane->dead.path;
	return na_buffer_error(&lane->cursor_path) || na_buffer_error(&lane->mark_path) ||
			       na_buffer_error(&lane->dead_path)
		       ? -ENOMEM
		       : 0;
}

static void init(struct na_lane *lane)
{
	const char *ack = getenv("NETAUDIT_TEST_ACK");
	pthread_condattr_t attributes;

	lane->early = ack && strcmp(ack, "early") == 0;
	pthread_mutex_init(&lane->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&lane->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	na_window_init(&lane->window, &lane->at);
	na_pool_init(&lane->pool);
	lane->backoff = lane->reader_backoff = (struct na_backoff){
		.min_ns = lane->common->retry_min,
		.max_ns = lane->common->retry_max,
		.random = na_clock_wall_ns(),
	};
	lane->status.name = lane->common->name.data;
	lane->status.type = lane->output->type->name;
}

static void take_field(void *context, enum na_field field)
{
	uint64_t *fields = context;

	fields[field / 64] |= UINT64_C(1) << field % 64;
}

/* ------------------------------------------------------------------------------------------- */

struct na_lane *na_lane_new(const struct na_ship_options *options,
			    const struct na_ship_output *output, int through)
{
	struct na_lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->options = options;
	lane->output = output;
	lane->common = output->common;
	lane->through_fd = through;
	lane->allowance = na_allowance_of(options->count, output->type->copies);
	na_lane_host_init(lane);
	init(lane);
	if (output->type->fields)
		output->type->fields(output->options, take_field, lane->fields);
	if (lane->common->dedup)
		lane->dedup = na_dedup_new(lane->common->dedup);
	if (make_paths(lane) == 0 && (lane->dedup || !lane->common->dedup))
		return lane;
	na_lane_free(lane);
	return NULL;
}

int na_lane_start(struct na_lane *lane)
{
	sigset_t all, before;
	int error;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&lane->thread, NULL, run, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lane->started = !error;
	return error ? -EAGAIN : 0;
}

void na_lane_reopen(struct na_lane *lane)
{
	pthread_mutex_lock(&lane->mutex);
	lane->reopen = true;
	na_lane_wake(lane);
	pthread_mutex_unlock(&lane->mutex);
}

void na_lane_stop(struct na_lane *lane, uint64_t deadline_ns)
{
	pthread_mutex_lock(&lane->mutex);
	lane->stop = true;
	lane->deadline_ns = deadline_ns;
	na_lane_wake(lane);
	pthread_mutex_unlock(&lane->mutex);
}

void na_lane_join(struct na_lane *lane)
{
	if (!lane->started)
		return;
	pthread_join(lane->thread, NULL);
	lane->started = false;
}

void na_lane_free(struct na_lane *lane)
{
	if (!lane)
		return;
	na_lane_rewind(lane, true); /* frees what is on its way */
	na_pool_done(&lane->pool);
	na_window_done(&lane->window);
	na_dedup_free(lane->dedup);
	na_format_free(lane->format);
	na_buffer_done(&lane->body);
	na_buffer_done(&lane->id);
	na_buffer_done(&lane->text);
	na_buffer_done(&lane->why);
	na_buffer_done(&lane->cursor_path);
	na_buffer_done(&lane->mark_path);
	na_buffer_done(&lane->dead_path);
	pthread_cond_destroy(&lane->changed);
	pthread_mutex_destroy(&lane->mutex);
	free(lane);
}

void na_lane_status(struct na_lane *lane, struct na_ship_status *ret_status)
{
	pthread_mutex_lock(&lane->mutex);
	*ret_status = lane->status;
	pthread_mutex_unlock(&lane->mutex);
}

bool na_lane_is_through(struct na_lane *lane)
{
	return atomic_load_explicit(&lane->is_through, memory_order_acquire);
}
