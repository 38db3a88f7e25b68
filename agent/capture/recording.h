/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of `run --record` and `--replay`: the raw records, as the rings gave them, with what of the
 * host their meaning depends on. One thread.
 *
 * Layout (little endian), version NA_RECORDING_VERSION:
 *   head    magic "NETAUDIT", version u32, layout u32 (NA_LAYOUT_VERSION), boot id 16 bytes,
 *           wall offset u64 (boot time to wall time, ns), CRC-32C of the head so far u32
 *   blocks  length u32 (bytes of records, a multiple of 8, at most NA_RECORDING_BLOCK_MAX), CRC-32C
 *           of them u32, records one after another, each padded to 8 bytes with zeros
 *   end     length u32 = 0, CRC-32C u32 of the number, number of records u64: a file without it
 *           was cut off; nothing follows it
 */
#ifndef NA_RECORDING_H
#define NA_RECORDING_H

#include <stdint.h>

#include "base/buffer.h"
#include "capture/ring.h"
#include "record.h"

#define NA_RECORDING_VERSION 1
#define NA_RECORDING_BLOCK_MAX 65536

struct na_recording_head {
	uint8_t boot_id[16];
	uint64_t wall_offset_ns;
};

struct na_recorder;

/*
 * Makes or empties the file, for its owner alone: records hold command lines. Negative errno.
 */
int na_recorder_open(const char *path, const struct na_recording_head *head,
		     struct na_recorder **ret_recorder);

/*
 * Buffers; writes a block when NA_RECORDING_BLOCK_MAX is reached. Negative errno of the write: the
 * file ends there, and later calls return the same. -EINVAL: not a valid record, left out.
 */
int na_recorder_add(struct na_recorder *recorder, const struct na_record_header *record);

/*
 * Writes what is buffered and the end. The recorder is gone whatever comes back; the first error of
 * its life does. Not synced to the disk.
 */
int na_recorder_close(struct na_recorder **recorder);

struct na_replay;

/*
 * Opens a file, or anything that can be read in order (a pipe). -EBADMSG: not such a file, another
 * version or layout, or a checksum that does not fit; `why` got one sentence with the offset.
 * -ENOMEM, or of the system calls.
 */
int na_replay_open(const char *path, struct na_replay **ret_replay, struct na_buffer *why);
void na_replay_close(struct na_replay **replay);

/* Borrowed. */
const struct na_recording_head *na_replay_head(const struct na_replay *replay);

/*
 * Passes on all records, once, through the same merge as the rings (one ring), so that their order
 * in the file may be any within NA_MERGE_WINDOW_NS of recorded time. Memory is bounded: where more
 * than 64 MiB fall within one window, the earliest are passed on without waiting for it. 0;
 * -EBADMSG with `why` and other errors of reading (what came before was passed on); -ENOMEM; the
 * taker's non-zero value.
 */
int na_replay_run(struct na_replay *replay, na_record_take *take, void *context,
		  struct na_buffer *why);

#endif
