/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that takes the tail's bytes to segments. */
#include "journal/writer.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/retention.h"
#include "journal/store_internal.h"

#define BACKOFF_FIRST_NS (10 * NA_NS_PER_MS)
#define BACKOFF_MOST_NS NA_NS_PER_SEC
#define IDLE_NS (5 * NA_NS_PER_SEC)  /* then the folder is looked at all the same */
#define GRACE_NS (2 * NA_NS_PER_SEC) /* for a thread that is not stuck: processors are busy */

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NA_NS_PER_SEC),
				 .tv_nsec = (long)(ns % NA_NS_PER_SEC)};
}

/* The condition's clock is the monotonic one: boot time is not offered. */
static struct timespec monotonic_after(uint64_t ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return to_timespec((uint64_t)now.tv_sec * NA_NS_PER_SEC + (uint64_t)now.tv_nsec + ns);
}

static bool has_orders(const struct na_writer *writer)
{
	return atomic_load(&writer->stop) != NA_WRITER_RUNS ||
	       (atomic_load(&writer->wanted) > writer->store->synced && !writer->error);
}

static void fall_asleep(struct na_writer *writer, enum na_writer_bell depth, uint64_t timeout_ns)
{
	struct timespec timeout = to_timespec(timeout_ns);

	/* Partner: na_writer_notify(). */
	atomic_exchange(&writer->bell, depth);
	if (!has_orders(writer) &&
	    (depth != NA_BELL_SLEEPING || writer->store->tail.head->end == writer->seen))
		syscall(SYS_futex, &writer->bell, FUTEX_WAIT_PRIVATE, depth, &timeout, NULL, 0);
	atomic_store(&writer->bell, NA_BELL_BUSY);
}

static void publish(struct na_writer *writer)
{
	const struct na_store *store = writer->store;
	const struct na_segments *segments = &store->segments;
	struct na_journal_status *status = &writer->status;

	pthread_mutex_lock(&writer->lock);
	writer->durable = store->synced;
	status->first_sequence = segments->count ? segments->items[0].first_sequence : 0;
	status->segments = segments->count;
	status->segment_bytes = 0;
	for (size_t i = 0; i < segments->count; i++)
		status->segment_bytes += segments->items[i].bytes;
	status->syncs = store->syncs;
	status->sync_errors = store->sync_errors;
	status->write_errors = store->write_errors;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
}

/* The one place that logs what the disk does. */
static void note_error(struct na_writer *writer, int error)
{
	const char *path = writer->store->options.path;
	struct na_journal_status *status = &writer->status;

	if (error == writer->error)
		return;
	if (error < 0)
		na_log_error("journal: %s: %s: not written for now, events stay in memory", path,
			     strerrordesc_np(-error));
	else
		na_log_notice("journal: %s: is written again", path);
	writer->error = error;
	pthread_mutex_lock(&writer->lock);
	status->last_error = error;
	if (error < 0)
		snprintf(status->last_error_text, sizeof(status->last_error_text), "%s: %s", path,
			 strerrordesc_np(-error));
	else
		memcpy(status->last_error_text, writer->store->note,
		       sizeof(status->last_error_text));
	pthread_mutex_unlock(&writer->lock);
}

/* Readers are told before the disk is asked: it may take its time. */
static void announce(struct na_writer *writer, uint64_t now_ns)
{
	struct na_tail_head *head = writer->store->tail.head;

	if (head->end == writer->seen)
		return;
	writer->seen = head->end;
	atomic_store(&writer->announced, now_ns);
	na_store_wake_readers(head);
}

static bool sync_is_due(const struct na_writer *writer, uint64_t now_ns)
{
	const struct na_store *store = writer->store;
	const struct na_tail_head *head = store->tail.head;

	if (store->synced == head->written)
		return false;
	if (writer->wanted > store->synced || atomic_load(&writer->stop) == NA_WRITER_ENDS)
		return true;
	switch (store->options.sync) {
	case NA_JOURNAL_SYNC_ALWAYS:
		return true;
	case NA_JOURNAL_SYNC_INTERVAL:
		return now_ns - writer->synced_ns >= store->options.sync_interval_ns ||
		       head->end - head->kept > store->tail.size / 2;
	default:
		return false;
	}
}

static int work(struct na_writer *writer, uint64_t now_ns)
{
	struct na_store *store = writer->store;
	uint64_t end = atomic_load_explicit(&store->tail.head->end, memory_order_acquire);
	int error = na_store_ready(store);

	if (!error)
		na_retention_finish(store); /* what could not be unlinked */
	if (!error)
		error = na_store_write(store, end);
	if (!error && store->condemned)
		error = na_store_sync(store);
	if (!error && sync_is_due(writer, now_ns)) {
		error = na_store_sync(store);
		writer->synced_ns = now_ns;
	}
	return error;
}

/* A condemned file is made anew at once, before it is called an error. */
static void pass(struct na_writer *writer)
{
	uint64_t now_ns = na_clock_boot_ns();
	int error;

	atomic_store(&writer->busy_ns, now_ns);
	announce(writer, now_ns);
	error = work(writer, now_ns);
	if (error < 0 && writer->store->condemned)
		error = work(writer, now_ns);
	note_error(writer, error);
	if (!error)
		writer->backoff_ns = 0;
	publish(writer);
}

static void rest(struct na_writer *writer, uint64_t before)
{
	const struct na_store *store = writer->store;
	uint64_t since_ns = na_clock_boot_ns() - writer->synced_ns;
	uint64_t interval_ns = store->options.sync_interval_ns;

	if (writer->error) {
		writer->backoff_ns = writer->backoff_ns ? 2 * writer->backoff_ns : BACKOFF_FIRST_NS;
		if (writer->backoff_ns > BACKOFF_MOST_NS)
			writer->backoff_ns = BACKOFF_MOST_NS;
		fall_asleep(writer, NA_BELL_BACKOFF, writer->backoff_ns);
	} else if (writer->seen != before) {
		fall_asleep(writer, NA_BELL_DOZING, NA_WRITER_DOZE_NS);
	} else if (store->synced != store->tail.head->written &&
		   store->options.sync == NA_JOURNAL_SYNC_INTERVAL) {
		fall_asleep(writer, NA_BELL_SLEEPING,
			    since_ns < interval_ns ? interval_ns - since_ns : 0);
	} else {
		fall_asleep(writer, NA_BELL_SLEEPING, IDLE_NS);
	}
}

/* Everything to segments, until the deadline. A file that cannot be written is tried again. */
static void finish(struct na_writer *writer)
{
	struct na_store *store = writer->store;
	const struct na_tail_head *head = store->tail.head;
	struct timespec pause = to_timespec(BACKOFF_FIRST_NS);

	for (;;) {
		pass(writer);
		if (!writer->error && head->written == head->end && store->synced == head->end &&
		    na_store_end(store) == 0)
			return;
		if (na_clock_boot_ns() >= writer->deadline_ns)
			return;
		syscall(SYS_futex, &writer->stop, FUTEX_WAIT_PRIVATE, NA_WRITER_ENDS, &pause, NULL,
			0);
	}
}

static void done(struct na_writer *writer)
{
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->changed);
}

static void *run(void *context)
{
	struct na_writer *writer = context;
	bool alone;

	while (atomic_load(&writer->stop) == NA_WRITER_RUNS) {
		uint64_t before = writer->seen;

		pass(writer);
		if (atomic_load(&writer->stop) == NA_WRITER_RUNS)
			rest(writer, before);
	}
	if (atomic_load(&writer->stop) == NA_WRITER_ENDS)
		finish(writer);
	pthread_mutex_lock(&writer->lock);
	writer->finished = true;
	alone = writer->alone;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	if (alone) { /* else who waits for us frees all */
		done(writer);
		writer->left(writer->context);
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */

void na_writer_init(struct na_writer *writer, struct na_store *store, void (*left)(void *context),
		    void *context)
{
	pthread_condattr_t clock;

	*writer = (struct na_writer){.store = store, .left = left, .context = context};
	writer->durable = store->synced;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->changed, &clock);
	pthread_condattr_destroy(&clock);
	publish(writer);
	memcpy(writer->status.last_error_text, store->note, sizeof(store->note));
}

int na_writer_start(struct na_writer *writer)
{
	int error = pthread_create(&writer->thread, NULL, run, writer);

	writer->started = error == 0;
	return -error;
}

bool na_writer_stop(struct na_writer *writer, uint64_t deadline_ns)
{
	uint64_t now_ns = na_clock_boot_ns();
	uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	struct timespec until = monotonic_after(left_ns + GRACE_NS);
	bool finished;
	int error = 0;

	if (!writer->started)
		return true;
	atomic_store(&writer->deadline_ns, deadline_ns);
	atomic_store(&writer->stop, left_ns ? NA_WRITER_ENDS : NA_WRITER_DROPS);
	na_writer_ring(writer, NA_BELL_BACKOFF);
	pthread_mutex_lock(&writer->lock);
	while (!writer->finished && !error)
		error = pthread_cond_timedwait(&writer->changed, &writer->lock, &until);
	finished = writer->finished;
	writer->alone = !finished;
	if (!finished) /* it may be gone as soon as we unlock */
		pthread_detach(writer->thread);
	pthread_mutex_unlock(&writer->lock);
	if (!finished)
		return false;
	pthread_join(writer->thread, NULL);
	done(writer);
	return true;
}

void na_writer_ring(struct na_writer *writer, enum na_writer_bell depth)
{
	uint32_t bell = atomic_load(&writer->bell);

	if (bell < depth || bell == NA_BELL_BUSY)
		return;
	atomic_store(&writer->bell, NA_BELL_BUSY);
	syscall(SYS_futex, &writer->bell, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int na_writer_sync(struct na_writer *writer, uint64_t position, uint64_t deadline_ns)
{
	uint64_t now_ns = na_clock_boot_ns();
	struct timespec until = monotonic_after(deadline_ns > now_ns ? deadline_ns - now_ns : 0);
	int error = 0;
	bool done;

	atomic_store(&writer->wanted, position);
	na_writer_ring(writer, NA_BELL_BACKOFF);
	pthread_mutex_lock(&writer->lock);
	while (writer->durable < position && !writer->finished && !error)
		error = pthread_cond_timedwait(&writer->changed, &writer->lock, &until);
	done = writer->durable >= position;
	pthread_mutex_unlock(&writer->lock);
	return done ? 0 : -ETIMEDOUT;
}

void na_writer_status(struct na_writer *writer, struct na_journal_status *ret_status)
{
	pthread_mutex_lock(&writer->lock);
	*ret_status = writer->status;
	pthread_mutex_unlock(&writer->lock);
}
