/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without libFuzzer: streams of random records, and the same with flipped bits, through a fuzz
 * target. They are made of the rows, so they follow the layout. Usage: PROGRAM [STREAMS]
 *        with a folder's name behind it, writes the streams there as seeds for libFuzzer.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/capture/random_record.h"

#define STREAM_MAX 16384
#define POOL 8 /* cookies, inodes, pids: so few that records meet */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The identity of sockets and processes from a small pool, else no two records are about one. */
static void make_meet(struct na_random *random, struct na_record_header *record)
{
	uint8_t *body = (uint8_t *)(record + 1);
	uint64_t cookie = na_random_below(random, POOL), inode = na_random_below(random, POOL);

	record->pid = (uint32_t)na_random_below(random, POOL);
	record->start_ns = record->pid;
	record->tid = record->pid;
	if (record->type == NA_RECORD_EXEC || record->size < sizeof(*record) + 16)
		return;
	memcpy(body, &cookie, sizeof(cookie));
	if (record->type != NA_RECORD_BIND)
		memcpy(body + 8, &inode, sizeof(inode));
}

static size_t make_stream(struct na_random *random, uint8_t *stream)
{
	static _Alignas(8) uint8_t record[NA_RANDOM_RECORD_MAX];
	struct na_record_header *header = (struct na_record_header *)record;
	size_t size = 0;

	for (;;) {
		memset(record, 0, sizeof(record));
		na_random_record(random, 0, 0, header);
		header->time_ns = na_random_below(random, 10000);
		make_meet(random, header);
		if (size + header->size > STREAM_MAX)
			return size;
		memcpy(stream + size, record, header->size);
		size += ((size_t)header->size + 7) & ~(size_t)7;
	}
}

static void flip_bits(struct na_random *random, uint8_t *stream, size_t size)
{
	for (uint64_t flips = na_random_below(random, 64); flips; flips--)
		stream[na_random_below(random, size)] ^= (uint8_t)(1 << na_random_below(random, 8));
}

static void write_seed(const char *folder, unsigned long number, const uint8_t *stream, size_t size)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%lu", folder, number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, stream, size) != (ssize_t)size) {
		perror(path);
		exit(1);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	static _Alignas(8) uint8_t stream[STREAM_MAX + NA_RANDOM_RECORD_MAX];
	unsigned long streams = argc > 1 ? strtoul(argv[1], NULL, 10) : 3000;
	struct na_random random = na_random_new("records");

	for (unsigned long i = 0; i < streams; i++) {
		size_t size = make_stream(&random, stream);

		if (argc > 2)
			write_seed(argv[2], i, stream, size);
		LLVMFuzzerTestOneInput(stream, size);
		flip_bits(&random, stream, size);
		LLVMFuzzerTestOneInput(stream, size);
	}
	return 0;
}
