/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events into the tail.
 *
 * One event goes in as a unit with what it needs: entries of the dictionary, or the old segment's
 * SEAL and the new one's beginning. The unit is copied behind the end, and then the end is moved: a
 * kill at any byte leaves the tail as it was before the event. When the unit finds no room, nothing
 * of it is kept, but for that the old segment stays ended: its SEAL goes in with a later event.
 */
#include "journal/append.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "journal/constants.h"
#include "journal/fault.h"
#include "journal/layout.h"
#include "journal/store_internal.h"
#include "journal/tail_loss.h"

#define LATE_NS NA_NS_PER_MS /* the writer works for so long: it may hang, so we wake readers */
#define MARK_NS (NA_NS_PER_SEC / 5)
#define FACTS_BYTES 262144 /* so much longer than others a segment may be, for late facts */

_Static_assert(NA_LATE_NS / MARK_NS + 2 <= NA_APPENDER_MARKS, "marks are made and gone in time");

static uint64_t room(struct na_appender *appender)
{
	const struct na_tail *tail = &appender->store->tail;

	/* Partner: na_store_move(). What is in front of it may be written over. */
	appender->kept = atomic_load_explicit(&tail->head->kept, memory_order_acquire);
	return tail->size - (appender->end - appender->kept);
}

static bool has_room(struct na_appender *appender, uint64_t bytes)
{
	uint64_t size = appender->store->tail.size;

	return size - (appender->end - appender->kept) >= bytes || room(appender) >= bytes;
}

/* What was lost is told as one range, of the reason that came first. */
static void save_run(struct na_appender *appender)
{
	struct na_tail_head *head = appender->store->tail.head;
	struct na_tail_slot slot;

	if (!appender->run.count)
		return;
	(void)na_tail_slot_get(head, &slot);
	na_tail_slot_merge(&slot.loss, &slot.reason, &appender->run, appender->run_reason);
	na_tail_slot_put(head, &slot);
	appender->run.count = 0;
}

/* The slot's loss is told by the last event, which a crash may take back. */
static void clear_slot(struct na_appender *appender)
{
	struct na_store *store = appender->store;
	struct na_tail_slot slot;

	(void)na_tail_slot_get(store->tail.head, &slot);
	na_tail_slot_told(&slot, appender->end, atomic_load(&store->synced));
	na_tail_slot_put(store->tail.head, &slot);
}

static void lose(struct na_appender *appender, uint64_t sequence, enum na_journal_reason reason)
{
	if (!appender->run.count++) {
		appender->run.first = sequence;
		appender->run_reason = reason;
	}
	appender->run.last = sequence;
	atomic_fetch_add_explicit(&appender->events_lost, 1, memory_order_relaxed);
	if (appender->telling == NA_TELLING_WRITER)
		na_losses_told(&appender->store->losses, 0);
	appender->telling = NA_TELLING_NONE;
}

/* The next segment's HEAD and names into `out`, behind the SEAL of the last one. */
static int begin_segment(struct na_appender *appender, uint64_t sequence)
{
	const struct na_store *store = appender->store;
	struct na_frame_head head = {
		.epoch = store->tail.head->epoch,
		.flags = store->options.late ? NA_HEAD_LATE : 0,
		.first_sequence = sequence,
		.wall_ns = na_clock_wall_ns(),
		.boot_ns = na_clock_boot_ns(),
	};

	memcpy(head.journal, store->tail.head->journal, sizeof(head.journal));
	memcpy(head.machine, store->options.machine, sizeof(head.machine));
	memcpy(head.boot, store->options.boot, sizeof(head.boot));
	if (appender->begun) {
		int error = na_encoder_seal(appender->encoder, &appender->seal);

		if (error < 0)
			return error;
		appender->begun = false;
	}
	na_buffer_clear(&appender->out);
	na_buffer_append(&appender->out, appender->seal.data, appender->seal.length);
	if (na_buffer_error(&appender->out))
		return -ENOMEM;
	head.position = appender->end + appender->out.length;
	return na_encoder_begin(appender->encoder, &head, appender->constants, &appender->out);
}

/* The unit of an event into `out`; *ret_fresh: it begins a segment. */
static int encode(struct na_appender *appender, const struct na_event *event, uint64_t sequence,
		  bool *ret_fresh)
{
	uint64_t used = appender->end - appender->segment_start;
	int error;

	*ret_fresh = !appender->begun ||
		     atomic_load_explicit(&appender->store->roll, memory_order_relaxed);
	if (!*ret_fresh) {
		na_buffer_clear(&appender->out);
		error = na_encoder_event(appender->encoder, event, &appender->out);
		if (error < 0)
			return error;
		if (!appender->segment_events ||
		    used + appender->out.length + sizeof(struct na_frame_seal) <=
			    appender->store->options.segment_size)
			return 0;
		na_encoder_undo(appender->encoder);
		*ret_fresh = true;
	}
	error = begin_segment(appender, sequence);
	return error < 0 ? error : na_encoder_event(appender->encoder, event, &appender->out);
}

/*
 * Readers wait for the writer to wake them. While it hangs in a system call we do, which costs one
 * only when they have not been woken for a while.
 */
static void wake_late_readers(struct na_appender *appender)
{
	struct na_writer *writer = appender->writer;
	uint64_t now_ns;

	if (atomic_load_explicit(&writer->bell, memory_order_relaxed) != NA_BELL_BUSY)
		return;
	now_ns = na_clock_boot_ns();
	if (now_ns - atomic_load_explicit(&writer->busy_ns, memory_order_relaxed) < LATE_NS ||
	    now_ns - atomic_load_explicit(&writer->announced, memory_order_relaxed) <
		    NA_WRITER_DOZE_NS)
		return;
	atomic_store_explicit(&writer->announced, now_ns, memory_order_relaxed);
	na_store_wake_readers(appender->store->tail.head);
}

static void set_mark(struct na_appender *appender, uint64_t now_ns)
{
	struct na_appender_mark *marks = appender->marks;
	const struct na_appender_mark *last = &marks[(appender->mark_end - 1) % NA_APPENDER_MARKS];

	if (appender->mark_end &&
	    (last->sequence == appender->next_sequence || now_ns - last->boot_ns < MARK_NS))
		return;
	marks[appender->mark_end++ % NA_APPENDER_MARKS] =
		(struct na_appender_mark){now_ns, appender->next_sequence};
}

/*
 * Which events can get no late facts any more: those of a mark that is a second old. By boot time,
 * which has no steps.
 */
static void settle(struct na_appender *appender)
{
	struct na_tail_head *head = appender->store->tail.head;
	const struct na_appender_mark *marks = appender->marks;
	uint64_t now_ns = na_clock_boot_ns(), settled = 0;

	for (; appender->mark_first < appender->mark_end; appender->mark_first++) {
		const struct na_appender_mark *mark =
			&marks[appender->mark_first % NA_APPENDER_MARKS];

		if (now_ns - mark->boot_ns <= NA_LATE_NS)
			break;
		settled = mark->sequence;
	}
	if (settled) {
		/* Partner: the reader loads it before it looks for facts. */
		atomic_store_explicit(&head->settled, settled, memory_order_release);
		na_store_wake_readers(head);
	}
	set_mark(appender, now_ns);
}

/* The bytes of `out` behind the end, which stays where it is. */
static void copy(struct na_appender *appender)
{
	struct na_tail *tail = &appender->store->tail;
	size_t length = appender->out.length, torn;
	char *to = tail->data + appender->end % tail->size;
	uint64_t over =
		appender->end + length > tail->size ? appender->end + length - tail->size : 0;

	/* Before anything is written over; partner: na_tail_read(). */
	if (over > atomic_load_explicit(&tail->head->begin, memory_order_relaxed)) {
		atomic_store_explicit(&tail->head->begin, over, memory_order_release);
		na_fence(memory_order_seq_cst);
	}
	torn = na_fault("append.copy");
	if (torn && torn < length) {
		memcpy(to, appender->out.data, torn);
		na_fault("append.torn");
	}
	memcpy(to, appender->out.data, length);
}

/* The end moves behind what was copied. `sequence`: of the event in it, 0: there is none. */
static void publish(struct na_appender *appender, uint64_t sequence)
{
	struct na_tail *tail = &appender->store->tail;
	uint64_t used;

	na_fault("append.publish");
	appender->end += appender->out.length;
	atomic_store_explicit(&tail->head->end, appender->end, memory_order_release);
	na_fault("append.published");
	if (sequence)
		atomic_store_explicit(&tail->head->stored, sequence, memory_order_relaxed);
	used = appender->end - appender->kept;
	if (used > atomic_load_explicit(&appender->most, memory_order_relaxed))
		atomic_store_explicit(&appender->most, used, memory_order_relaxed);
	atomic_fetch_add_explicit(&appender->bytes, appender->out.length, memory_order_relaxed);
	na_writer_notify(appender->writer, used > tail->size / 2);
	wake_late_readers(appender);
}

/* Losses that the event at hand tells; a kill before it is in the stream leaves the older mark. */
static void mark_told(struct na_appender *appender, uint64_t sequence)
{
	struct na_tail_head *head = appender->store->tail.head;
	struct na_tail_told *told = head->told[appender->telling_reason];

	if (appender->telling == NA_TELLING_TAIL)
		atomic_store(&head->slot_told, sequence);
	if (appender->telling != NA_TELLING_WRITER)
		return;
	if (told[0].sequence > told[1].sequence)
		told++;
	atomic_store(&told->sequence, 0);
	atomic_store(&told->serial, na_losses_telling_serial(&appender->store->losses));
	atomic_store(&told->sequence, sequence);
}

static void store_event(struct na_appender *appender, uint64_t sequence, bool fresh)
{
	enum na_telling telling = appender->telling;

	copy(appender);
	save_run(appender);
	mark_told(appender, sequence);
	if (fresh) {
		appender->segment_start = appender->end + appender->seal.length;
		appender->segment_events = 0;
		appender->begun = true;
		na_buffer_clear(&appender->seal);
		atomic_store_explicit(&appender->store->roll, false, memory_order_relaxed);
	}
	appender->segment_events++;
	publish(appender, sequence);
	if (telling == NA_TELLING_TAIL)
		clear_slot(appender);
	if (telling == NA_TELLING_WRITER)
		na_losses_told(&appender->store->losses, appender->end);
	appender->telling = NA_TELLING_NONE;
	atomic_fetch_add_explicit(&appender->events, 1, memory_order_relaxed);
}

/* A tail that was full takes events again when there is room for a few. */
static bool is_full(struct na_appender *appender)
{
	uint64_t least = appender->store->tail.size / 16;

	if (least < appender->wanted)
		least = appender->wanted;
	if (appender->full && room(appender) >= least)
		appender->full = false;
	return appender->full;
}

/* -ENOSPC, -E2BIG, -ENOMEM: it is lost. */
static int try_event(struct na_appender *appender, const struct na_event *event, uint64_t sequence)
{
	bool fresh;
	int error;

	if (is_full(appender))
		return -ENOSPC;
	error = encode(appender, event, sequence, &fresh);
	if (error < 0)
		return error;
	if (!has_room(appender, appender->out.length)) {
		na_encoder_undo(appender->encoder);
		if (appender->out.length > appender->store->tail.size)
			return -E2BIG;
		appender->full = true;
		appender->wanted = appender->out.length;
		return -ENOSPC;
	}
	store_event(appender, sequence, fresh);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_appender_init(struct na_appender *appender, struct na_store *store, struct na_writer *writer,
		     const struct na_event *constants)
{
	const struct na_tail_head *head = store->tail.head;

	*appender = (struct na_appender){.store = store, .writer = writer};
	appender->end = head->end;
	appender->kept = head->kept;
	appender->next_sequence = head->sequence + 1;
	atomic_store(&store->tail.head->settled, appender->next_sequence);
	appender->encoder = na_encoder_new();
	return appender->encoder ? na_appender_set_constants(appender, constants) : -ENOMEM;
}

void na_appender_done(struct na_appender *appender)
{
	na_encoder_free(appender->encoder);
	free(appender->constants);
	na_buffer_done(&appender->out);
	na_buffer_done(&appender->seal);
}

int na_appender_put(struct na_appender *appender, const struct na_event *event)
{
	uint64_t sequence = appender->next_sequence++;
	int error;

	assert(na_event_has(event, NA_FIELD_EVENT_SEQUENCE) &&
	       (uint64_t)event->f_EVENT_SEQUENCE == sequence);
	/* First, so that a kill from here on leaves a loss of this number or its event. */
	atomic_store_explicit(&appender->store->tail.head->sequence, sequence,
			      memory_order_release);
	na_fault("append.numbered");
	error = try_event(appender, event, sequence);
	if (error < 0) {
		lose(appender, sequence,
		     error == -E2BIG ? NA_JOURNAL_TOO_LARGE : NA_JOURNAL_TAIL_FULL);
		na_writer_notify(appender->writer, true);
		wake_late_readers(appender);
	}
	if (appender->store->options.late)
		settle(appender);
	return error == -ENOMEM ? error : 0;
}

int na_appender_late(struct na_appender *appender, const struct na_event *about,
		     const struct na_event *fact)
{
	const struct na_store *store = appender->store;
	uint64_t used = appender->end - appender->segment_start;
	int error;

	assert(store->options.late);
	settle(appender);
	if (!appender->begun || is_full(appender))
		return -ENOSPC;
	na_buffer_clear(&appender->out);
	error = na_encoder_late(appender->encoder, about, fact, na_clock_wall_ns(),
				store->tail.head->settled, &appender->out);
	if (error < 0)
		return error;
	if (used + appender->out.length > store->options.segment_size + FACTS_BYTES ||
	    !has_room(appender, appender->out.length))
		return -ENOSPC;
	copy(appender);
	publish(appender, 0);
	return 0;
}

bool na_appender_take_loss(struct na_appender *appender, struct na_journal_loss *ret_loss)
{
	struct na_tail_slot slot;

	if (appender->store->options.late)
		settle(appender);
	if (is_full(appender))
		return false;
	save_run(appender);
	(void)na_tail_slot_get(appender->store->tail.head, &slot);
	if (slot.loss.count) {
		*ret_loss =
			(struct na_journal_loss){(enum na_journal_reason)slot.reason,
						 slot.loss.first, slot.loss.last, slot.loss.count};
		appender->telling = NA_TELLING_TAIL;
	} else if (na_losses_take(&appender->store->losses, ret_loss)) {
		appender->telling = NA_TELLING_WRITER;
	} else {
		return false;
	}
	appender->telling_reason = ret_loss->reason;
	return true;
}

int na_appender_set_constants(struct na_appender *appender, const struct na_event *constants)
{
	struct na_event *copied = constants ? na_constants_copy(constants) : NULL;

	if (constants && !copied)
		return -ENOMEM;
	free(appender->constants);
	appender->constants = copied;
	atomic_store(&appender->store->roll, true);
	return 0;
}

void na_appender_end(struct na_appender *appender)
{
	save_run(appender);
	na_buffer_clear(&appender->out);
	na_buffer_append(&appender->out, appender->seal.data, appender->seal.length);
	if (appender->begun)
		na_encoder_seal(appender->encoder, &appender->out);
	if (na_buffer_error(&appender->out) || !appender->out.length ||
	    !has_room(appender, appender->out.length))
		return;
	na_fault("seal");
	copy(appender);
	publish(appender, 0);
	na_fault("seal.done");
}
