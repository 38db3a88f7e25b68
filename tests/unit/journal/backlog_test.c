/* SPDX-License-Identifier: Apache-2.0 */
/* Memory with a backlog of 10 GiB. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "reader_fixture.h"

static uint64_t resident_kb(void)
{
	NA_FCLOSE FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	uint64_t kb = 0;

	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtoull(line + 6, NULL, 10);
	return kb;
}

/* A frame of a kind of the future, with 128 KiB of zeros that take no room on the disk. */
static uint64_t put_large(int fd, uint64_t offset, const char *zeros)
{
	struct na_frame frame = {.size = NA_FRAME_MAX, .kind = 200};

	frame.crc = na_crc32c(0, (const char *)&frame + 4, sizeof(frame) - 4);
	frame.crc = na_crc32c(frame.crc, zeros, NA_FRAME_MAX - sizeof(frame));
	assert_int_equal(pwrite(fd, &frame, sizeof(frame), (off_t)offset), sizeof(frame));
	assert_int_equal(ftruncate(fd, (off_t)(offset + NA_FRAME_MAX)), 0);
	return offset + NA_FRAME_MAX;
}

/* 10 GiB in segments of 16 MiB. */
static void memory_is_flat_with_a_large_backlog(void **state)
{
	NA_FREE char *zeros = calloc(1, NA_FRAME_MAX);
	uint64_t before = 0, most = 0, events = 0;

	(void)state;
	for (uint64_t i = 0; i < 640; i++) {
		NA_CLOSE int fd = -1;
		uint64_t offset;
		char path[128];

		made_begin(&made);
		made_events(&made, 20);
		made_write(&made);
		made_path(&made, made.position, path);
		fd = open(path, O_RDWR | O_CLOEXEC);
		offset = made.segment.length;
		while (offset < (16 << 20))
			offset = put_large(fd, offset, zeros);
		na_buffer_clear(&made.segment);
		made.position += offset;
	}
	open_with(NULL);
	while (na_reader_next(reader, &item) == NA_READER_EVENT) {
		uint64_t kb;

		if (events++ % 200)
			continue;
		kb = resident_kb();
		if (events == 1)
			before = kb;
		if (kb > most)
			most = kb;
	}
	assert_int_equal(events, 640 * 20);
	assert_int_equal(na_reader_next(reader, &item), NA_READER_END);
	assert_true(na_reader_position(reader) >= UINT64_C(10) << 30);
	printf("resident: %" PRIu64 " KiB at first, at most %" PRIu64 "\n", before, most);
	assert_true(most - before < 2048);
}

int main(void)
{
#ifdef __SANITIZE_ADDRESS__
	puts("skipped: AddressSanitizer keeps what is freed, so memory is not flat");
	return 77;
#endif
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(memory_is_flat_with_a_large_backlog, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
