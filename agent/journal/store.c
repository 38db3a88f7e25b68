/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's folder as the writer keeps it.
 *
 * Two rules keep numbers from being used twice, whatever stops the machine. The state on disk
 * reserves numbers and positions ahead of those in use, and nothing is written before it does: so
 * what is found on disk is below the reservation or found by looking. Positions are reserved so
 * far ahead (NA_POSITION_BLOCK tails) that a tail full of bytes that no disk took is below it, too.
 * Sequence numbers go on when the disk stalls for longer than a block lasts; were the machine to
 * crash then, they would come again, but in another epoch: event ids stay unique.
 */
#include "journal/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/fault.h"
#include "journal/retention.h"
#include "journal/segment_file.h"
#include "journal/store_internal.h"

#define LOCK_FILE "lock"
#define WRITE_BYTES (1u << 20) /* at a time, so that `written` moves while much is there */
#define ALLOCATE_BYTES (WRITE_BYTES / 4) /* smaller runs are not worth a call of their own */

/* Whoever has the lock wrote its pid there. */
static int explain_lock(struct na_store *store, int fd, struct na_buffer *why)
{
	char pid[16] = "";
	ssize_t length = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[length > 0 ? length : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	na_buffer_printf(why, "%s: another netaudit has this journal, pid %s", store->options.path,
			 pid[0] ? pid : "unknown");
	return -EBUSY;
}

/* On a file system that is read-only a lock is there or it is not; the tail has one of its own. */
static int take_lock(struct na_store *store, int folder, struct na_buffer *why)
{
	char pid[16];
	NA_CLOSE int fd =
		openat(folder, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	if (fd < 0)
		fd = openat(folder, LOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? explain_lock(store, fd, why) : -errno;
	if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)length, 0) < 0)
		(void)na_fault("lock.pid"); /* the pid is a courtesy */
	na_cleanup_fd(&store->lock);
	store->lock = NA_TAKE_FD(fd);
	return 0;
}

static bool same_folder(const struct na_store *store)
{
	struct stat ours, there;

	return fstat(store->folder, &ours) == 0 && ours.st_nlink > 0 &&
	       stat(store->options.path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

/*
 * The folder was deleted or replaced. The segment being written is made anew out of what its
 * descriptor still reads; the others are gone.
 */
static void leave_folder(struct na_store *store)
{
	size_t others = store->segments.count - (store->fd >= 0);

	for (size_t i = 0; i < others; i++)
		na_store_lose(store, i, NA_JOURNAL_DAMAGED);
	for (; others; others--)
		na_segments_remove(&store->segments, 0);
	store->condemned = store->fd >= 0;
	store->state_fresh = false;
	na_store_close_folder(store);
}

/*
 * A journal that appears late, as its file system was mounted late: it is an older name of ours. Or
 * its state could not be read before; then some of what it has to tell may have been told.
 */
static int adopt(struct na_store *store)
{
	struct na_state there;
	int error = na_state_load(store->folder, &there);

	if (error < 0)
		return error == -ENOENT || error == -EBADMSG ? 0 : error;
	store->state.generation = there.generation;
	store->loaded = there;
	if (memcmp(there.journal, store->state.journal, sizeof(there.journal)) != 0) {
		na_state_rename(&store->state, there.journal);
		return 0;
	}
	store->state.first_position = there.first_position;
	store->state.held = there.held;
	for (unsigned int i = 0; i < NA_JOURNAL_REASON_COUNT; i++) {
		there.losses[i].serial = 0;
		na_losses_add(&store->losses, i, &there.losses[i]);
	}
	return 0;
}

static bool is_low(const struct na_store *store)
{
	const struct na_tail_head *head = store->tail.head;

	return head->sequence + store->options.sequence_block / 2 >=
		       store->state.sequence_reserved ||
	       head->end + NA_POSITION_BLOCK(store) / 2 >= store->state.position_reserved;
}

static void tally(struct na_segment_scan *scan, const struct na_frame *frame)
{
	if (frame->kind != NA_FRAME_EVENT)
		return;
	scan->last_sequence = ((const struct na_frame_event *)frame)->sequence;
	if (!scan->events++)
		scan->first_sequence = scan->last_sequence;
}

/* The frames from `written` on that go to one file, and what is in them. */
static void gather(const struct na_store *store, uint64_t end, struct na_segment_scan *ret_run)
{
	uint64_t from = store->tail.head->written, at = from;

	*ret_run = (struct na_segment_scan){0};
	while (at < end && at - from < WRITE_BYTES) {
		const struct na_frame *frame =
			(const struct na_frame *)na_tail_at(&store->tail, at);

		assert(frame->size >= sizeof(*frame));
		if (frame->kind == NA_FRAME_HEAD && at != from)
			break;
		tally(ret_run, frame);
		at += frame->size;
	}
	ret_run->valid = at - from;
}

static void skip(struct na_store *store, const struct na_segment_scan *run)
{
	const struct na_state_loss loss = {run->first_sequence, run->last_sequence, run->events, 0};
	struct na_tail_head *head = store->tail.head;
	uint64_t to = head->written + run->valid;

	na_losses_add(&store->losses, NA_JOURNAL_DAMAGED, &loss);
	store->state_behind = true;
	store->synced = to;
	na_store_move(store, &head->written, to);
	na_store_move(store, &head->kept, to);
}

/*
 * A segment that is left is durable, whatever was asked for: so a crash tears the last one only,
 * and a start need not read the others.
 */
static int leave_segment(struct na_store *store)
{
	int error = na_store_sync(store);

	if (error < 0)
		return error;
	na_cleanup_fd(&store->fd);
	store->fd = -1;
	store->skipping = false;
	return 0;
}

static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

static int at_head(struct na_store *store)
{
	uint64_t written = store->tail.head->written;
	int error;

	if (store->fd >= 0 && store->segments.items[store->segments.count - 1].position == written)
		return 0; /* begun, and then its first write failed */
	error = leave_segment(store);
	if (error < 0)
		return error;
	do
		error = na_segment_file_begin(store, written);
	while (error == -EAGAIN || (is_full(error) && na_retention_free_one(store) == 0));
	return error;
}

static int put_run(struct na_store *store, const struct na_segment_scan *run)
{
	struct na_segment *segment = &store->segments.items[store->segments.count - 1];
	struct na_tail_head *head = store->tail.head;
	uint64_t written = head->written;
	int error;

	na_fault("write");
	if (run->valid >= ALLOCATE_BYTES)
		na_segment_allocate(store->fd, written - segment->position, run->valid);
	error = na_segment_write(store->fd, written - segment->position,
				 na_tail_at(&store->tail, written), (size_t)run->valid);
	if (error < 0)
		return error;
	na_fault("write.done");
	segment->bytes = written + run->valid - segment->position;
	segment->events += run->events;
	if (run->events)
		segment->last_sequence = run->last_sequence;
	na_store_move(store, &head->written, written + run->valid);
	if (store->options.sync == NA_JOURNAL_SYNC_NONE)
		na_store_move(store, &head->kept, written + run->valid);
	return 0;
}

static int write_run(struct na_store *store, const struct na_segment_scan *run)
{
	int error;

	do
		error = put_run(store, run);
	while (is_full(error) && na_retention_free_one(store) == 0);
	if (error < 0 && !is_full(error)) {
		store->write_errors++;
		store->condemned = true;
	}
	return error;
}

/* Bytes without a HEAD in front of them that is on disk cannot be read there. */
static void check_open(struct na_store *store)
{
	if (store->fd >= 0 || store->skipping)
		return;
	store->skipping = true;
	atomic_store(&store->roll, true);
}

/* The range of what `index` holds and no reader has had. */
static struct na_state_loss unread(struct na_store *store, size_t index, uint64_t from)
{
	const struct na_segment *segment = &store->segments.items[index];
	uint64_t last = segment->last_sequence;
	struct na_segment_scan scan;
	char name[NA_SEGMENT_NAME_SIZE];

	na_segment_name(segment->position, name);
	NA_CLOSE int fd = openat(store->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && na_segment_scan(fd, from, &scan) == 0 &&
	    (scan.ended || index + 1 == store->segments.count))
		return (struct na_state_loss){scan.first_sequence, scan.last_sequence, scan.events,
					      0};
	if (segment->events)
		return (struct na_state_loss){segment->first_sequence, last, segment->events, 0};
	if (index + 1 < store->segments.count)
		last = store->segments.items[index + 1].first_sequence - 1;
	if (last < segment->first_sequence)
		return (struct na_state_loss){0};
	return (struct na_state_loss){segment->first_sequence, last,
				      last - segment->first_sequence + 1, 0};
}

/*
 * What the tail says of its losses is also in the state before anything behind them is on disk:
 * that may outlive the tail.
 */
static void look_at_loss(struct na_store *store)
{
	uint32_t number = na_tail_slot_get(store->tail.head, &store->slot);

	store->state_behind |= number != store->slot_number;
	store->slot_number = number;
}

static void save_slot(const struct na_store *store, struct na_state *state)
{
	const struct na_tail_slot *slot = &store->slot;

	state->tail_loss = slot->loss;
	state->tail_reason = slot->reason;
	if (slot->told_end > store->synced)
		na_loss_merge(&state->told[slot->told_reason], &slot->told);
}

/* Capture has ended; a next start that finds the tail as well ignores its slot. */
static void save_tail_loss(struct na_store *store, struct na_state *state)
{
	struct na_tail_slot slot;

	(void)na_tail_slot_get(store->tail.head, &slot);
	if (!slot.loss.count)
		return;
	slot.loss.serial = na_losses_serial(&store->losses, slot.reason);
	na_loss_merge(&state->losses[slot.reason], &slot.loss);
}

/* What is dropped is told when its file is gone: until then it can be read. */
static void hold(struct na_store *store, struct na_state_loss *loss)
{
	struct na_state_loss *held = &store->state.held;

	if (!held->count)
		loss->serial = na_losses_serial(&store->losses, NA_JOURNAL_DROPPED);
	na_loss_merge(held, loss);
}

/* ------------------------------------------------------------------------------------------- */

void na_state_rename(struct na_state *state, const uint8_t older[16])
{
	memmove(state->previous[1], state->previous[0], sizeof(state->previous) - 16);
	memcpy(state->previous[0], older, 16);
}

bool na_state_is_ours(void *context, const uint8_t journal[16])
{
	const struct na_state *state = context;
	bool ours = memcmp(journal, state->journal, 16) == 0;

	for (unsigned int i = 0; i < NA_STATE_PREVIOUS; i++)
		ours |= memcmp(journal, state->previous[i], 16) == 0;
	return ours;
}

int na_store_open_folder(struct na_store *store, struct na_buffer *why)
{
	const char *path = store->options.path;
	bool made = mkdir(path, 0750) == 0;
	NA_CLOSE int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error;

	if (folder < 0) {
		error = -errno;
		na_buffer_printf(why, "%s: %s", path, strerrordesc_np(-error));
		return error;
	}
	if (made)
		na_segment_share(folder, 0750, store->options.group);
	error = take_lock(store, folder, why);
	if (error < 0)
		return error;
	store->folder = NA_TAKE_FD(folder);
	return 0;
}

void na_store_close_folder(struct na_store *store)
{
	na_cleanup_fd(&store->folder);
	na_cleanup_fd(&store->lock);
	store->folder = store->lock = -1;
}

int na_store_ready(struct na_store *store)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct stat status;
	int error;

	if (store->folder >= 0 && !same_folder(store))
		leave_folder(store);
	if (store->folder < 0) {
		error = na_store_open_folder(store, &why);
		if (error < 0)
			return error;
		error = adopt(store);
		if (error < 0) {
			na_store_close_folder(store);
			return error;
		}
	}
	if (store->fd >= 0 && fstat(store->fd, &status) == 0 && status.st_nlink == 0)
		store->condemned = true;
	look_at_loss(store);
	if (!store->state_fresh || store->state_behind || is_low(store))
		return na_store_state(store);
	return 0;
}

int na_store_state(struct na_store *store)
{
	const struct na_tail_head *head = store->tail.head;
	uint64_t sequence = head->sequence + 1 + store->options.sequence_block;
	uint64_t position = head->end + NA_POSITION_BLOCK(store);
	struct na_state next = store->state;
	int error;

	if (store->folder < 0)
		return -ENOENT;
	next.closed = 0;
	if (is_low(store) || !store->state_fresh) {
		next.sequence_reserved =
			sequence > next.sequence_reserved ? sequence : next.sequence_reserved;
		next.position_reserved =
			position > next.position_reserved ? position : next.position_reserved;
	}
	na_losses_save(&store->losses, &next);
	save_slot(store, &next);
	error = store->loaded.generation
			? na_state_confirm(store->folder, &store->loaded, store->options.group)
			: 0;
	if (error < 0)
		return error;
	store->loaded.generation = 0;
	error = na_state_store(store->folder, &next, store->options.group);
	if (error < 0)
		return error;
	store->state = next;
	store->gone = next.first_position;
	store->state_fresh = true;
	store->state_behind = false;
	return 0;
}

int na_store_write(struct na_store *store, uint64_t end)
{
	struct na_tail_head *head = store->tail.head;
	struct na_segment_scan run;
	int error = 0;

	while (!error && head->written < end) {
		const struct na_frame *frame =
			(const struct na_frame *)na_tail_at(&store->tail, head->written);

		if (store->condemned) {
			error = na_segment_file_remake(store);
			continue;
		}
		if (frame->kind == NA_FRAME_HEAD)
			error = at_head(store);
		if (error < 0)
			break;
		check_open(store);
		gather(store, end, &run);
		if (store->skipping)
			skip(store, &run);
		else
			error = write_run(store, &run);
	}
	return error;
}

int na_store_sync(struct na_store *store)
{
	struct na_tail_head *head = store->tail.head;
	uint64_t written = head->written;

	if (store->condemned)
		return na_segment_file_remake(store);
	if (store->fd >= 0 && store->synced != written) {
		store->syncs++;
		/* Who finds it after a kill cannot trust that file: segment_file.c. */
		atomic_store(&head->syncing, 1);
		na_fault("sync");
		if (fdatasync(store->fd) < 0) {
			store->sync_errors++;
			store->condemned = true;
			return -errno;
		}
	}
	atomic_store(&head->syncing, 0);
	store->synced = written;
	na_losses_durable(&store->losses, written);
	if (head->kept != written)
		na_store_move(store, &head->kept, written);
	return 0;
}

int na_store_end(struct na_store *store)
{
	const struct na_tail_head *head = store->tail.head;
	struct na_state next = store->state;
	int error;

	if (store->folder < 0)
		return -ENOENT;
	next.closed = 1;
	next.sequence_reserved = head->sequence + 1;
	na_losses_durable(&store->losses, store->synced);
	next.position_reserved = head->end;
	na_losses_save(&store->losses, &next);
	save_tail_loss(store, &next);
	next.tail_loss = (struct na_state_loss){0};
	na_fault("close.state");
	error = na_state_store(store->folder, &next, store->options.group);
	if (error < 0)
		return error;
	store->state = next;
	atomic_store(&store->tail.head->closed, 1);
	na_fault("close.done");
	return 0;
}

void na_store_lose(struct na_store *store, size_t index, enum na_journal_reason reason)
{
	const struct na_segment *segment = &store->segments.items[index];
	const struct na_journal_options *options = &store->options;
	uint64_t from = segment->position;
	struct na_state_loss loss;

	/* Deleted unread is a loss; damaged is one for whoever wants to read it again as well. */
	if (segment->damaged || segment->position < store->state.first_position)
		return;
	if (reason == NA_JOURNAL_DROPPED)
		from = options->needed ? options->needed(options->cursors, store->state.journal)
				       : UINT64_MAX;
	if (from > segment->position && from >= segment->position + segment->bytes)
		return;
	loss = unread(store, index, from > segment->position ? from - segment->position : 0);
	if (reason == NA_JOURNAL_DROPPED)
		hold(store, &loss);
	else
		na_losses_add(&store->losses, reason, &loss);
	store->state_behind = true;
}

void na_store_done(struct na_store *store)
{
	na_cleanup_fd(&store->fd);
	store->fd = -1;
	na_store_close_folder(store);
	na_segments_done(&store->segments);
	na_losses_done(&store->losses);
}

void na_store_move(struct na_store *store, _Atomic uint64_t *position, uint64_t to)
{
	atomic_store_explicit(position, to, memory_order_release);
	na_store_wake_readers(store->tail.head);
}

void na_store_wake_readers(struct na_tail_head *head)
{
	atomic_fetch_add(&head->moved, 1);
	syscall(SYS_futex, &head->moved, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
