/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest bytes of the stream, in a file in tmpfs that survives its writer: written by the
 * capture thread, taken to segments by the writer thread, followed by readers of other processes.
 *
 * A ring: position p is at p % size, and the file's data is mapped twice in a row, so that every
 * frame is contiguous. The head page is shared memory; who writes what stands at each member.
 */
#ifndef NA_TAIL_H
#define NA_TAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define NA_TAIL_MAGIC UINT64_C(0x6c6961742d616e31)
#define NA_TAIL_PAGE 4096 /* the smallest of any machine: the head fits, the ring is a multiple */
#define NA_TAIL_DATA                                                                               \
	65536 /* data begin here: at a page's beginning where pages are largest (arm64) */

#define NA_TAIL_REASONS 8 /* room for enum na_journal_reason */

struct na_tail_loss {
	_Atomic uint64_t first, last, count; /* sequence numbers; count 0: none */
	_Atomic uint64_t reason;             /* enum na_journal_reason */
};

/* Of the losses of a reason, those up to `serial` are told by the event `sequence`. */
struct na_tail_told {
	_Atomic uint64_t sequence; /* 0: by none */
	_Atomic uint64_t serial;   /* of struct na_state_loss */
};

struct na_tail_head {
	uint64_t magic;
	uint32_t layout; /* NA_JOURNAL_LAYOUT */
	uint32_t zero;
	uint64_t size; /* of the ring, a multiple of the page size */
	uint8_t journal[16], boot[16];
	_Atomic uint64_t epoch; /* of whom it is written by */
	uint64_t
		first; /* the position that its stream began at: what is in front is on disk only */

	/*
	 * Capture thread. A reader copies a frame, then reads `begin` (acquire): what lies in front
	 * of it may have been written over meanwhile. `end` is stored (release) behind whole frames
	 * only.
	 */
	_Atomic uint64_t begin; /* bytes in front of this are gone, or being written over */
	_Atomic uint64_t end;   /* bytes in front of this are there */

	/* Writer thread. */
	_Atomic uint64_t written; /* in segments */
	_Atomic uint64_t kept;    /* as durable as asked for: the ring may forget them */
	_Atomic uint32_t moved;   /* a futex: grows when readers should look again */
	_Atomic uint32_t closed;  /* 1: its writer ended in order */

	/*
	 * Capture thread. What was lost before the last event that found room, and is not told of:
	 * slot `loss_slot & 1`; the other one is being written. Lost since then is what lies
	 * between the stream's last event and `sequence`. The slot's loss is told once slot_told
	 * is in the stream and behind it; those of the writer are once `told` says so, by an event
	 * that is in the stream. So a kill between any two stores neither forgets a loss nor tells
	 * it twice.
	 */
	struct na_tail_loss loss[2];
	_Atomic uint32_t loss_slot;
	uint32_t zero2;
	_Atomic uint64_t slot_told; /* sequence number of the last event that told a slot's loss */
	uint64_t zero3[7];
	_Atomic uint64_t sequence; /* of the last event that was numbered, lost or not */
	_Atomic uint64_t stored;   /* of the last event in the stream */
	_Atomic uint64_t settled;  /* events with lower numbers get no late facts behind `end` */
	struct na_tail_told told[NA_TAIL_REASONS][2]; /* the older one is written over */
	/* Of the slots: what was told in front of that position, of slots before. */
	struct na_tail_loss loss_told[2];
	_Atomic uint64_t loss_told_end[2];

	/* Writer thread. 1: the last segment's file is being synced, or that has failed. */
	_Atomic uint64_t syncing;
};

struct na_tail {
	struct na_tail_head *head;
	char *data; /* 2 * size bytes; NULL when not mapped */
	uint64_t size;
	int fd;
};

/*
 * Makes or opens the tail for its writer: allocated in full, locked in memory where that is allowed
 * (*ret_locked). A tail of another boot or journal, of another size or damaged is made anew;
 * *ret_kept tells whether what it held is still there. -EBUSY: another process writes it; -ENOSPC:
 * /run has no room; other errno: `why`.
 */
int na_tail_create(const char *path, uint64_t size, const uint8_t journal[16],
		   const uint8_t boot[16], struct na_tail *ret_tail, bool *ret_kept,
		   bool *ret_locked, struct na_buffer *why);

/* For a reader, read-only. -ENOENT: there is none; -EBADMSG: no tail of this layout. */
int na_tail_open(const char *path, struct na_tail *ret_tail);

void na_tail_close(struct na_tail *tail);

static inline const char *na_tail_at(const struct na_tail *tail, uint64_t position)
{
	return tail->data + position % tail->size;
}

/*
 * A reader's: copies the frame at `position` and proves that it was not written over. Returns its
 * size; 0: there is none yet; -ESTALE: gone (it is in a segment, if at all); -EBADMSG.
 */
int na_tail_read(const struct na_tail *tail, uint64_t position, void *buffer, size_t size);

/* Until `moved` is no longer `seen`, or the time-out, or a signal. */
void na_tail_wait(const struct na_tail *tail, uint32_t seen, uint64_t timeout_ns);

#endif
