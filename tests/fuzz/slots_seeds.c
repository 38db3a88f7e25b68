/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without libFuzzer: state and cursor files as they are written, and the same with bits flipped and
 * ends cut off. Usage: PROGRAM
 */
#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/capture/random_record.h"
#include "base/cleanup.h"
#include "journal/cursor.h"
#include "journal/state.h"

#define CHANGED 3000
#define FILE_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes of a file that two stores made; `name` in `folder`. */
static size_t make_state(const char *folder, uint8_t *data)
{
	NA_CLOSE int in = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct na_state state = {.epoch = 3, .sequence_reserved = 9, .closed = 1};
	NA_CLOSE int fd = -1;

	assert(na_state_store(in, &state, -1) == 0 && na_state_store(in, &state, -1) == 0);
	fd = openat(in, NA_STATE_FILE, O_RDONLY | O_CLOEXEC);
	unlinkat(in, NA_STATE_FILE, 0);
	return (size_t)read(fd, data, FILE_MAX);
}

static size_t make_cursor(const char *folder, uint8_t *data)
{
	struct na_cursor cursor = {.position = 77, .sequence = 5, .own = 1};
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};
	NA_CLOSE int fd = -1;

	na_buffer_printf(&path, "%s/made.cursor", folder);
	na_buffer_append_char(&path, '\0');
	assert(na_cursor_store(path.data, &cursor, false) == 0);
	assert(na_cursor_store(path.data, &cursor, false) == 0);
	fd = open(path.data, O_RDONLY | O_CLOEXEC);
	unlink(path.data);
	return (size_t)read(fd, data, FILE_MAX);
}

static void try_changed(struct na_random *random, const uint8_t *made, size_t size)
{
	uint8_t data[FILE_MAX];

	LLVMFuzzerTestOneInput(made, size);
	for (int i = 0; i < CHANGED; i++) {
		size_t length = na_random_below(random, 4) ? size : na_random_below(random, size);

		memcpy(data, made, size);
		for (uint64_t flips = na_random_below(random, 4); flips; flips--)
			data[na_random_below(random, size)] ^=
				(uint8_t)(1 << na_random_below(random, 8));
		LLVMFuzzerTestOneInput(data, length);
	}
}

/* ------------------------------------------------------------------------------------------- */

int main(void)
{
	char folder[] = "/dev/shm/netaudit-seeds.XXXXXX";
	struct na_random random = na_random_new("slots");
	uint8_t made[FILE_MAX];

	assert(mkdtemp(folder));
	try_changed(&random, made, make_state(folder, made));
	try_changed(&random, made, make_cursor(folder, made));
	rmdir(folder);
	return 0;
}
