/* SPDX-License-Identifier: Apache-2.0 */
/* Files of `run --record` and `--replay`. */
#include "capture/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "capture/merge.h"
#include "capture/record_check.h"

#define BLOCKS_HELD_MAX 1024 /* 64 MiB */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "files are little endian, records are the host's");
_Static_assert(NA_RECORDING_BLOCK_MAX >= NA_RECORD_SIZE_MAX, "a block holds any record");

struct file_head {
	uint8_t magic[8];
	uint32_t version;
	uint32_t layout;
	uint8_t boot_id[16];
	uint64_t wall_offset_ns;
	uint32_t crc;
	uint32_t not_in_the_file; /* padding */
};

#define FILE_HEAD_BYTES offsetof(struct file_head, not_in_the_file)

struct block_head {
	uint32_t length;
	uint32_t crc;
};

struct file_end {
	struct block_head head;
	uint64_t records;
};

static const uint8_t magic[8] = "NETAUDIT";

struct na_recorder {
	int fd;
	int error; /* the first one sticks */
	uint64_t records;
	struct block_head block; /* followed by its records */
	uint8_t data[NA_RECORDING_BLOCK_MAX];
};

/* Blocks stay until the merge has passed on what they hold. */
struct block {
	struct block *next;
	uint64_t end; /* bytes of records in the file up to and with this block */
	size_t length;
	_Alignas(8) uint8_t data[NA_RECORDING_BLOCK_MAX];
};

struct na_replay {
	int fd;
	uint64_t offset; /* in the file */
	uint64_t added;  /* bytes of records given to the merge */
	uint64_t records;
	uint64_t latest_ns;
	struct na_recording_head head;
	struct na_merge *merge;
	struct block *first, *last; /* held, in order */
	struct block *spare;
	size_t held;
};

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static int write_all(int fd, const void *data, size_t length)
{
	const uint8_t *at = data;

	while (length > 0) {
		ssize_t count = write(fd, at, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		at += count;
		length -= (size_t)count;
	}
	return 0;
}

static void write_block(struct na_recorder *recorder)
{
	if (recorder->error < 0 || !recorder->block.length)
		return;
	recorder->block.crc = na_crc32c(0, recorder->data, recorder->block.length);
	recorder->error = write_all(recorder->fd, &recorder->block,
				    sizeof(recorder->block) + recorder->block.length);
	recorder->block.length = 0;
}

static void write_end(struct na_recorder *recorder)
{
	struct file_end end = {.records = recorder->records};

	end.head.crc = na_crc32c(0, &end.records, sizeof(end.records));
	if (!recorder->error)
		recorder->error = write_all(recorder->fd, &end, sizeof(end));
}

static struct file_head make_head(const struct na_recording_head *head)
{
	struct file_head made = {
		.version = NA_RECORDING_VERSION,
		.layout = NA_LAYOUT_VERSION,
		.wall_offset_ns = head->wall_offset_ns,
	};

	memcpy(made.magic, magic, sizeof(made.magic));
	memcpy(made.boot_id, head->boot_id, sizeof(made.boot_id));
	made.crc = na_crc32c(0, &made, offsetof(struct file_head, crc));
	return made;
}

/* Bytes read, fewer than `length` only at the end of the file; negative errno. */
static ssize_t read_all(struct na_replay *replay, void *data, size_t length)
{
	size_t got = 0;

	while (got < length) {
		ssize_t count = read(replay->fd, (uint8_t *)data + got, length - got);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		got += (size_t)count;
	}
	replay->offset += got;
	return (ssize_t)got;
}

static int damaged(struct na_buffer *why, const char *what, uint64_t offset)
{
	na_buffer_printf(why, "%s at offset %" PRIu64, what, offset);
	return -EBADMSG;
}

/* All of it or an error. */
static int read_exactly(struct na_replay *replay, void *data, size_t length, struct na_buffer *why)
{
	ssize_t got = read_all(replay, data, length);

	if (got < 0)
		return (int)got;
	return (size_t)got == length ? 0 : damaged(why, "cut off", replay->offset);
}

static int check_head(const struct file_head *head, struct na_buffer *why)
{
	if (memcmp(head->magic, magic, sizeof(magic)) != 0)
		return damaged(why, "not a recording of netaudit: no magic", 0);
	if (head->version != NA_RECORDING_VERSION)
		return damaged(why, "a recording of another version, says the head",
			       offsetof(struct file_head, version));
	if (head->crc != na_crc32c(0, head, offsetof(struct file_head, crc)))
		return damaged(why, "the head's checksum does not fit",
			       offsetof(struct file_head, crc));
	if (head->layout != NA_LAYOUT_VERSION)
		return damaged(why, "records of another layout, says the head",
			       offsetof(struct file_head, layout));
	return 0;
}

static int read_head(struct na_replay *replay, struct na_buffer *why)
{
	struct file_head head;
	int error = read_exactly(replay, &head, FILE_HEAD_BYTES, why);

	if (!error)
		error = check_head(&head, why);
	if (error < 0)
		return error;
	memcpy(replay->head.boot_id, head.boot_id, sizeof(head.boot_id));
	replay->head.wall_offset_ns = head.wall_offset_ns;
	return 0;
}

static struct block *take_block(struct na_replay *replay)
{
	struct block *block = replay->spare;

	if (!block)
		return malloc(sizeof(*block));
	replay->spare = block->next;
	return block;
}

static void keep_spare(struct na_replay *replay, struct block *block)
{
	block->next = replay->spare;
	replay->spare = block;
}

static void free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
}

static void hold(struct na_replay *replay, struct block *block)
{
	block->next = NULL;
	if (replay->last)
		replay->last->next = block;
	else
		replay->first = block;
	replay->last = block;
	replay->held++;
}

static void release_blocks(struct na_replay *replay)
{
	uint64_t released = na_merge_released(replay->merge, 0, replay->added);

	while (replay->first && replay->first->end <= released) {
		struct block *block = replay->first;

		replay->first = block->next;
		if (!replay->first)
			replay->last = NULL;
		keep_spare(replay, block);
		replay->held--;
	}
}

static int read_end(struct na_replay *replay, uint32_t crc, struct na_buffer *why)
{
	uint64_t start = replay->offset - sizeof(struct block_head), records;
	int error = read_exactly(replay, &records, sizeof(records), why);
	ssize_t more;
	uint8_t byte;

	if (error < 0)
		return error;
	if (crc != na_crc32c(0, &records, sizeof(records)))
		return damaged(why, "the end's checksum does not fit", start);
	if (records != replay->records)
		return damaged(why, "the end counts other records than came", start);
	more = read_all(replay, &byte, sizeof(byte));
	if (more < 0)
		return (int)more;
	return more ? damaged(why, "there is something behind the end", replay->offset - 1) : 0;
}

static int read_data(struct na_replay *replay, const struct block_head *head, struct block *block,
		     struct na_buffer *why)
{
	uint64_t start = replay->offset - sizeof(*head);
	int error;

	if (head->length > sizeof(block->data) || head->length % 8)
		return damaged(why, "a block of impossible length", start);
	error = read_exactly(replay, block->data, head->length, why);
	if (error < 0)
		return error;
	if (head->crc != na_crc32c(0, block->data, head->length))
		return damaged(why, "the checksum does not fit that of the block", start);
	block->length = head->length;
	return 0;
}

/* 1: a block that was checked, which is held from now on; 0: the end; negative errno. */
static int read_block(struct na_replay *replay, struct na_buffer *why)
{
	struct block_head head;
	struct block *block;
	int error = read_exactly(replay, &head, sizeof(head), why);

	if (error < 0)
		return error;
	if (!head.length)
		return read_end(replay, head.crc, why);
	block = take_block(replay);
	if (!block)
		return -ENOMEM;
	error = read_data(replay, &head, block, why);
	if (error < 0) {
		keep_spare(replay, block);
		return error;
	}
	block->end = replay->added + block->length;
	hold(replay, block);
	return 1;
}

static int add_records(struct na_replay *replay, const struct block *block, struct na_buffer *why)
{
	for (size_t at = 0; at < block->length;) {
		struct na_merge_entry entry = {
			.record = (const struct na_record_header *)(block->data + at),
			.position = replay->added,
		};
		int error;

		if (!na_record_valid(entry.record, block->length - at))
			return damaged(why, "a record that makes no sense",
				       replay->offset - block->length + at);
		error = na_merge_add(replay->merge, 0, &entry);
		if (error < 0)
			return error;
		if (entry.record->time_ns > replay->latest_ns)
			replay->latest_ns = entry.record->time_ns;
		at += padded(entry.record->size);
		replay->added += padded(entry.record->size);
		replay->records++;
	}
	return 0;
}

static bool is_due(const struct na_replay *replay, uint64_t until_ns)
{
	return replay->held > BLOCKS_HELD_MAX || na_merge_earliest_ns(replay->merge) <= until_ns;
}

/* 0 or the taker's value. */
static int pass_on(struct na_replay *replay, uint64_t until_ns, na_record_take *take, void *context)
{
	const struct na_record_header *record;
	size_t ring;
	int result = 0;

	while (!result && is_due(replay, until_ns) &&
	       na_merge_take(replay->merge, UINT64_MAX, &ring, &record)) {
		result = take(context, record);
		release_blocks(replay);
	}
	return result;
}

static uint64_t window_before(uint64_t time_ns)
{
	return time_ns > NA_MERGE_WINDOW_NS ? time_ns - NA_MERGE_WINDOW_NS : 0;
}

/* A block more; after the last, or damage, all that is left is due. Returns as na_replay_run. */
static int run_block(struct na_replay *replay, na_record_take *take, void *context,
		     struct na_buffer *why, bool *ret_more)
{
	int got = read_block(replay, why);
	int error = got > 0 ? add_records(replay, replay->last, why) : got;
	bool more = got > 0 && !error;
	int result = pass_on(replay, more ? window_before(replay->latest_ns) : UINT64_MAX, take,
			     context);

	*ret_more = more;
	return result ? result : error;
}

/* ------------------------------------------------------------------------------------------- */

int na_recorder_open(const char *path, const struct na_recording_head *head,
		     struct na_recorder **ret_recorder)
{
	NA_FREE struct na_recorder *recorder = malloc(sizeof(*recorder));
	NA_CLOSE int fd = -1;
	struct file_head made = make_head(head);
	int error;

	if (!recorder)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = write_all(fd, &made, FILE_HEAD_BYTES);
	if (error < 0)
		return error;
	recorder->fd = NA_TAKE_FD(fd);
	recorder->error = 0;
	recorder->records = 0;
	recorder->block.length = 0;
	*ret_recorder = NA_TAKE_POINTER(recorder);
	return 0;
}

int na_recorder_add(struct na_recorder *recorder, const struct na_record_header *record)
{
	size_t size = padded(record->size);
	uint8_t *to;

	if (!na_record_valid(record, record->size))
		return -EINVAL;
	if (recorder->block.length + size > sizeof(recorder->data))
		write_block(recorder);
	if (recorder->error < 0)
		return recorder->error;
	to = recorder->data + recorder->block.length;
	memcpy(to, record, record->size);
	memset(to + record->size, 0, size - record->size);
	recorder->block.length += (uint32_t)size;
	recorder->records++;
	return 0;
}

int na_recorder_close(struct na_recorder **pointer)
{
	NA_FREE struct na_recorder *recorder = NA_TAKE_POINTER(*pointer);

	if (!recorder)
		return 0;
	write_block(recorder);
	write_end(recorder);
	if (close(recorder->fd) < 0 && !recorder->error)
		recorder->error = -errno;
	return recorder->error;
}

int na_replay_open(const char *path, struct na_replay **ret_replay, struct na_buffer *why)
{
	struct na_replay *replay = calloc(1, sizeof(*replay));
	int error;

	if (!replay)
		return -ENOMEM;
	replay->fd = open(path, O_RDONLY | O_CLOEXEC);
	error = replay->fd < 0 ? -errno : read_head(replay, why);
	if (!error) {
		replay->merge = na_merge_new(1);
		error = replay->merge ? 0 : -ENOMEM;
	}
	if (error < 0)
		na_replay_close(&replay);
	else
		*ret_replay = replay;
	return error;
}

void na_replay_close(struct na_replay **pointer)
{
	struct na_replay *replay = NA_TAKE_POINTER(*pointer);

	if (!replay)
		return;
	na_merge_free(replay->merge);
	free_blocks(replay->first);
	free_blocks(replay->spare);
	na_cleanup_fd(&replay->fd);
	free(replay);
}

const struct na_recording_head *na_replay_head(const struct na_replay *replay)
{
	return &replay->head;
}

int na_replay_run(struct na_replay *replay, na_record_take *take, void *context,
		  struct na_buffer *why)
{
	bool more = true;
	int result = 0;

	while (more && !result)
		result = run_block(replay, take, context, why, &more);
	return result;
}
