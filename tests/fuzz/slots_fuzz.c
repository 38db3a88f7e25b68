/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State and cursor files of any bytes: they are taken whole or refused with a reason, and what is
 * taken is the same after it was stored.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "journal/cursor.h"
#include "journal/state.h"

#define CURSOR "x.cursor"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/netaudit-slots.XXXXXX"; /* in memory: stores are synced */

static void remove_folder(void)
{
	char path[sizeof(folder) + sizeof(CURSOR)];

	snprintf(path, sizeof(path), "%s/" CURSOR, folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/" NA_STATE_FILE, folder);
	unlink(path);
	rmdir(folder);
}

static void write_file(int in, const char *name, const uint8_t *data, size_t size)
{
	NA_CLOSE int fd = openat(in, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

static void try_state(int in)
{
	struct na_state state, again;
	int error = na_state_load(in, &state);

	assert(error == 0 || error == -EBADMSG);
	if (error)
		return;
	assert(na_state_store(in, &state, -1) == 0 && na_state_load(in, &again) == 0);
	assert(memcmp(&state, &again, sizeof(state)) == 0);
}

static void try_cursor(const char *path)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_cursor cursor, again;
	int error = na_cursor_load(path, &cursor, &why);

	assert(error == 0 || (error == -EBADMSG && why.length));
	na_cursor_lowest(folder, (const uint8_t[16]){0});
	if (error)
		return;
	assert(na_cursor_store(path, &cursor, false) == 0);
	assert(na_cursor_load(path, &again, &why) == 0);
	assert(memcmp(&cursor, &again, sizeof(cursor)) == 0);
}

/* ------------------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int in = -1;
	char path[sizeof(folder) + sizeof(CURSOR)];

	if (in < 0) {
		assert(mkdtemp(folder));
		atexit(remove_folder);
		in = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	snprintf(path, sizeof(path), "%s/" CURSOR, folder);
	write_file(in, NA_STATE_FILE, data, size);
	write_file(in, CURSOR, data, size);
	try_state(in);
	try_cursor(path);
	return 0;
}
