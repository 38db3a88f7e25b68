/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start finds. Two cases:
 *
 * The tail is there (its writer was killed, or ended in order): it holds what is not in segments
 * yet, and the last number. Nothing is lost, and the stream goes on behind its end.
 *
 * The tail is gone (the machine stopped): what is not in segments is lost. Numbers go on behind
 * what the state had reserved, and the loss names those between.
 *
 * Without a state, numbers are taken from segments and tail, and go on a block behind them.
 */
#include "journal/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/decoder.h"
#include "journal/fault.h"
#include "journal/recover_internal.h"
#include "journal/store_internal.h"

#define EPOCHS_UNSEEN 1024 /* starts that may have left no segment */

static bool is_zero(const uint8_t id[16])
{
	static const uint8_t zero[16];

	return memcmp(id, zero, 16) == 0;
}

/* Random, RFC 9562 version 4. */
static void make_uuid(uint8_t id[16])
{
	while (getrandom(id, 16, 0) != 16)
		;
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

static bool accept_all(void *context, const uint8_t journal[16])
{
	(void)context;
	(void)journal;
	return true;
}

/* The journal that a tail of this boot is of. */
static bool peek_tail(const struct na_store *store, uint8_t journal[16], uint64_t *ret_epoch)
{
	NA_CLOSE int fd = open(store->options.tail, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct na_tail_head head;

	if (fd < 0 || pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    head.magic != NA_TAIL_MAGIC || head.layout != NA_JOURNAL_LAYOUT ||
	    memcmp(head.boot, store->options.boot, sizeof(head.boot)) != 0)
		return false;
	memcpy(journal, head.journal, 16);
	*ret_epoch = head.epoch;
	return true;
}

/* Without a state: the journal is the newest segment's, or the tail's, or a new one. */
static int find_name(struct na_store *store, struct recovery *recovery)
{
	struct na_segments *all = &store->segments;
	int error = 0;

	if (store->folder >= 0)
		error = na_segments_load(store->folder, accept_all, NULL, all);
	if (error < 0)
		return error;
	recovery->epoch = recovery->tail_epoch;
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].epoch > recovery->epoch)
			recovery->epoch = all->items[i].epoch;
	if (recovery->tail_there)
		memcpy(store->state.journal, recovery->tail_journal, 16);
	else if (all->count)
		memcpy(store->state.journal, all->items[all->count - 1].journal, 16);
	else
		make_uuid(store->state.journal);
	/* A start that found nothing, or a tail, knows its epoch; segments may lack the newest. */
	if (all->count && !recovery->tail_there)
		recovery->epoch += EPOCHS_UNSEEN;
	na_segments_done(all);
	memcpy(store->state.machine, store->options.machine, 16);
	return 0;
}

/* A clone goes on as another journal. The tail proves that this machine is the same as before. */
static void check_machine(struct na_store *store, const struct recovery *recovery)
{
	uint8_t *machine = store->state.machine;
	const uint8_t *now = store->options.machine;

	if (is_zero(now) || memcmp(machine, now, 16) == 0)
		return;
	if (!is_zero(machine) && (!recovery->tail_there ||
				  memcmp(recovery->tail_journal, store->state.journal, 16) != 0)) {
		uint8_t older[16];

		memcpy(older, store->state.journal, 16);
		na_state_rename(&store->state, older);
		make_uuid(store->state.journal);
	}
	memcpy(machine, now, 16);
}

static int load(struct na_store *store, struct recovery *recovery)
{
	int error = store->folder < 0 ? -ENOENT : na_state_load(store->folder, &store->state);

	recovery->tail_there = peek_tail(store, recovery->tail_journal, &recovery->tail_epoch);
	recovery->state_there = error == 0;
	store->loaded = store->state;
	recovery->epoch = store->state.epoch;
	if (error < 0 && error != -ENOENT && error != -EBADMSG)
		na_store_close_folder(store); /* nothing may be stored over what is there */
	if (error < 0) {
		store->state = store->loaded = (struct na_state){0};
		error = find_name(store, recovery);
		if (error == -ENOMEM)
			return error;
	}
	if (recovery->tail_there && recovery->tail_epoch > recovery->epoch)
		recovery->epoch = recovery->tail_epoch;
	check_machine(store, recovery);
	if (store->folder < 0)
		return 0;
	error = na_segments_load(store->folder, na_state_is_ours, &store->state, &store->segments);
	if (error < 0)
		return error == -ENOMEM ? error : 0;
	return 0;
}

/* Goes over the frames of the tail that are not in files, and cuts the end where one is damaged. */
static void check_frames(struct na_tail *tail, struct na_segment_scan *ret_scan, bool *ret_cut)
{
	struct na_tail_head *head = tail->head;
	uint64_t at = head->written, end = head->end;

	*ret_scan = (struct na_segment_scan){0};
	*ret_cut = false;
	while (at < end) {
		const struct na_frame *frame = (const struct na_frame *)na_tail_at(tail, at);

		if (na_frame_check(frame, (size_t)(end - at)) < 0) {
			*ret_cut = true;
			atomic_store(&head->end, at);
			return;
		}
		if (frame->kind == NA_FRAME_EVENT)
			ret_scan->last_sequence = ((const struct na_frame_event *)frame)->sequence;
		if (frame->kind == NA_FRAME_EVENT && !ret_scan->events++)
			ret_scan->first_sequence = ret_scan->last_sequence;
		at += frame->size;
	}
}

/* The last segment's file and how far it is whole; false: it is not of the tail's stream. */
static bool open_last(struct na_store *store, struct recovery *recovery, int *fd,
		      struct na_segment_scan *scan)
{
	const struct na_tail_head *head = store->tail.head;
	size_t count = store->segments.count;
	struct na_segment *segment = count ? &store->segments.items[count - 1] : NULL;
	char name[NA_SEGMENT_NAME_SIZE];

	if (!segment || segment->position < head->first || segment->position > head->written ||
	    segment->position < store->state.first_position)
		return false;
	recovery->last = segment->first_sequence - 1;
	na_segment_name(segment->position, name);
	*fd = openat(store->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0 || na_segment_scan(*fd, 0, scan) < 0)
		return false;
	if (scan->events)
		recovery->last = scan->last_sequence;
	segment->events = scan->events;
	segment->last_sequence = scan->last_sequence;
	segment->bytes = scan->valid;
	recovery->position = segment->position + scan->valid;
	return true;
}

/*
 * Opens the file that the bytes at `written` belong to. What the files lack and the tail still has
 * is written again; when that is not all of it, the segment is given up from there on.
 */
static void resume_file(struct na_store *store, struct recovery *recovery)
{
	struct na_tail_head *head = store->tail.head;
	struct na_segment_scan scan;
	NA_CLOSE int fd = -1;

	/* Bytes behind `kept` may be in memory only, after a sync that failed: written again. */
	atomic_store(&head->written, head->kept);
	recovery->position = head->first;
	if (store->state.first_position > head->first)
		recovery->position = store->state.first_position;
	if (open_last(store, recovery, &fd, &scan))
		store->fd = NA_TAKE_FD(fd);
	if (recovery->position >= head->written)
		return;
	if (recovery->position < head->begin) {
		recovery->gap = true;
		na_cleanup_fd(&store->fd);
		store->fd = -1;
		return;
	}
	atomic_store(&head->kept, recovery->position);
	atomic_store(&head->written, recovery->position);
}

/* What the file lacks and the tail has no more. */
static void lose_between(struct na_store *store, uint64_t last, uint64_t first)
{
	const struct na_state_loss loss = {last + 1, first - 1, first - 1 - last, 0};

	if (first > last + 1)
		na_losses_add(&store->losses, NA_JOURNAL_DAMAGED, &loss);
}

static void use_tail(struct na_store *store, struct recovery *recovery)
{
	struct na_tail_head *head = store->tail.head;
	struct na_segment_scan scan;
	uint64_t last;
	bool cut;

	if (store->folder >= 0)
		resume_file(store, recovery);
	check_frames(&store->tail, &scan, &cut);
	last = scan.events ? scan.last_sequence : recovery->last;
	/* It may be one behind, killed between two stores of publish(); where the end was cut it
	 * speaks of what is no more. */
	if (!cut && head->stored > last)
		last = head->stored;
	na_recover_losses(store, last, !cut);
	if (recovery->gap)
		lose_between(store, recovery->last, scan.events ? scan.first_sequence : last + 1);
	na_recover_tail_losses(store, last, cut);
	/* With no sync asked for `kept` says nothing of the disk. */
	store->synced = store->fd < 0 ? head->kept
				      : store->segments.items[store->segments.count - 1].position;
	store->condemned = store->fd >= 0 && head->syncing;
	recovery->next = head->sequence + 1;
}

/* The last segment after a crash: torn bytes go, and the last number is what is in front of them.
 */
static void check_last(struct na_store *store, struct recovery *recovery)
{
	size_t count = store->segments.count;
	struct na_segment *segment = count ? &store->segments.items[count - 1] : NULL;
	char name[NA_SEGMENT_NAME_SIZE];
	struct na_segment_scan scan;

	if (!segment)
		return;
	recovery->last = segment->first_sequence - 1;
	recovery->position = segment->position + segment->bytes;
	na_segment_name(segment->position, name);
	NA_CLOSE int fd = openat(store->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || na_segment_scan(fd, 0, &scan) < 0)
		return;
	if (scan.events)
		recovery->last = scan.last_sequence;
	recovery->seen = recovery->last;
	if (scan.ended || na_recover_has_frames(fd, scan.valid, &recovery->seen))
		return;
	na_fault("recover.cut");
	if (ftruncate(fd, (off_t)scan.valid) == 0 && fsync(fd) == 0)
		segment->bytes = scan.valid;
}

static void use_segments(struct na_store *store, struct recovery *recovery)
{
	const struct na_state *state = &store->state;
	uint64_t seen = store->segments.seen + sizeof(struct na_frame_head), next;
	struct na_state_loss loss;

	check_last(store, recovery);
	if (store->segments.seen && seen > recovery->position)
		recovery->position = seen;
	next = (recovery->seen > recovery->last ? recovery->seen : recovery->last) + 1;
	if (recovery->state_there) {
		if (state->sequence_reserved > next)
			next = state->sequence_reserved;
		if (state->position_reserved > recovery->position)
			recovery->position = state->position_reserved;
	} else if (store->segments.count || store->segments.seen) {
		next += store->options.sequence_block;
		recovery->position += NA_POSITION_BLOCK(store);
	} else if (store->folder < 0) {
		/* A folder may appear later that has positions of its own: these are above them. */
		recovery->position = na_clock_wall_ns();
	}
	recovery->position =
		(recovery->position + NA_FRAME_ALIGN - 1) & ~(NA_FRAME_ALIGN - UINT64_C(1));
	recovery->next = next;
	na_recover_losses(store, UINT64_MAX, false);
	loss = (struct na_state_loss){recovery->last + 1, next - 1, next - 1 - recovery->last, 0};
	if (!state->closed && state->tail_loss.count &&
	    state->tail_reason < NA_JOURNAL_REASON_COUNT)
		na_losses_add(&store->losses, state->tail_reason, &state->tail_loss);
	store->state.tail_loss = (struct na_state_loss){0};
	if (!state->closed)
		na_losses_add(&store->losses, NA_JOURNAL_CRASH, &loss);
}

/* An epoch that a crash may forget, as the folder cannot be written: a random one comes once. */
static uint64_t unsafe_epoch(uint64_t epoch)
{
	uint32_t random;

	while (getrandom(&random, sizeof(random), 0) != sizeof(random))
		;
	return epoch + (random | 1u);
}

static void begin_epoch(struct na_store *store, const struct recovery *recovery, bool kept)
{
	struct na_tail_head *head = store->tail.head;

	if (!kept) {
		atomic_store(&head->begin, recovery->position);
		atomic_store(&head->written, recovery->position);
		atomic_store(&head->kept, recovery->position);
		atomic_store(&head->end, recovery->position);
		atomic_store(&head->stored, recovery->next - 1);
		head->first = recovery->position;
		store->synced = recovery->position;
	}
	atomic_store(&head->sequence, recovery->next - 1);
	store->state.closed = 0;
	store->state.epoch = recovery->epoch + 1;
	if (na_store_ready(store) < 0)
		store->state.epoch = unsafe_epoch(store->state.epoch);
	head->epoch = store->state.epoch;
	atomic_store(&head->closed, 0);
	na_fault("tail.handover");
}

/* ------------------------------------------------------------------------------------------- */

bool na_recover_has_frames(int fd, uint64_t from, uint64_t *last)
{
	off_t size = lseek(fd, 0, SEEK_END);
	size_t length = size > (off_t)from ? (size_t)size - (size_t)from : 0;
	bool found = false;

	if (length > NA_RECOVER_SEARCH_MAX)
		length = NA_RECOVER_SEARCH_MAX;
	NA_FREE char *data = malloc(length ? length : 1);

	if (!data || na_segment_read(fd, from, data, length) < 0)
		return true; /* not known: nothing is cut */
	for (size_t at = 0; at + sizeof(struct na_frame) <= length; at += NA_FRAME_ALIGN) {
		const struct na_frame *frame = (const struct na_frame *)(data + at);

		if (na_frame_check(frame, length - at) < 0)
			continue;
		found = true;
		if (frame->kind == NA_FRAME_EVENT)
			*last = ((const struct na_frame_event *)frame)->sequence;
	}
	return found;
}

int na_recover(struct na_store *store, struct na_buffer *why)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer ignored = {0};
	struct recovery recovery = {0};
	bool kept, locked;
	int error = na_store_open_folder(store, &ignored);

	if (error == -EBUSY) {
		na_buffer_append(why, ignored.data, ignored.length);
		return error;
	}
	error = load(store, &recovery);
	if (error < 0) {
		na_buffer_printf(why, "%s: out of memory", store->options.path);
		return error;
	}
	na_fault("tail.create");
	error = na_tail_create(store->options.tail, store->options.tail_size, store->state.journal,
			       store->options.boot, &store->tail, &kept, &locked, why);
	if (error < 0)
		return error;
	store->tail_locked = locked;
	if (store->options.group >= 0)
		na_segment_share(store->tail.fd, 0640, store->options.group);
	if (kept)
		use_tail(store, &recovery);
	else
		use_segments(store, &recovery);
	begin_epoch(store, &recovery, kept);
	return 0;
}
