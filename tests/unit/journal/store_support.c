/* SPDX-License-Identifier: Apache-2.0 */
/* A journal in a folder of its own. */
#include "store_support.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "journal/decoder.h"
#include "journal/tail.h"

#define FAR_NS (20 * NA_NS_PER_SEC)

static void remove_folder(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	rmdir(path);
}

static void add(struct na_harvest *harvest, const struct na_frame *frame, uint64_t epoch,
		uint64_t position)
{
	const struct na_frame_event *event = (const struct na_frame_event *)frame;

	if (harvest->count == harvest->size) {
		harvest->size = harvest->size ? 2 * harvest->size : 256;
		harvest->items = realloc(harvest->items, harvest->size * sizeof(*harvest->items));
		assert(harvest->items);
	}
	harvest->items[harvest->count++] =
		(struct na_found){event->sequence, epoch, event->wall_ns, position};
}

/* Frames until one is not whole. Bytes passed. */
static uint64_t walk(struct na_harvest *harvest, const char *data, uint64_t length,
		     uint64_t position, uint64_t *epoch)
{
	uint64_t at = 0;

	while (at < length) {
		const struct na_frame *frame = (const struct na_frame *)(data + at);

		if (na_frame_check(frame, length - at) < 0)
			break;
		if (frame->kind == NA_FRAME_HEAD)
			*epoch = ((const struct na_frame_head *)frame)->epoch;
		if (frame->kind == NA_FRAME_EVENT && position + at >= harvest->reached)
			add(harvest, frame, *epoch, position + at);
		at += frame->size;
	}
	if (position + at > harvest->reached)
		harvest->reached = position + at;
	return at;
}

static char *read_file(const char *path, uint64_t *ret_length)
{
	NA_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *data;

	if (fd < 0 || fstat(fd, &status) < 0)
		return NULL;
	data = malloc((size_t)status.st_size + 1);
	assert(data && read(fd, data, (size_t)status.st_size) == status.st_size);
	*ret_length = (uint64_t)status.st_size;
	return data;
}

/* What the tail has behind the segments: the ring unrolled. */
static void walk_tail(const struct na_world *world, struct na_harvest *harvest, uint64_t epoch)
{
	uint64_t length, from, end;
	NA_FREE char *data = read_file(world->tail, &length);
	struct na_tail_head head;

	if (!data)
		return;
	memcpy(&head, data, sizeof(head));
	from = head.written;
	end = head.end;
	assert(head.magic == NA_TAIL_MAGIC && end - from <= head.size);
	NA_FREE char *unrolled = malloc(end - from + 1);

	for (uint64_t at = from; at < end; at++)
		unrolled[at - from] = data[NA_TAIL_DATA + at % head.size];
	assert(walk(harvest, unrolled, end - from, from, &epoch) == end - from);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void __wrap_na_log(enum na_log_level level, const char *format, ...);

/* ------------------------------------------------------------------------------------------- */

/* A disk that fails on purpose is no news. */
void __wrap_na_log(enum na_log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

void na_world_init(struct na_world *world)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	*world = (struct na_world){0};
	snprintf(world->root, sizeof(world->root), "%s/netaudit-XXXXXX", base);
	assert(mkdtemp(world->root));
	snprintf(world->folder, sizeof(world->folder), "%.40s/journal", world->root);
	snprintf(world->tail, sizeof(world->tail), "%.40s/tail", world->root);
	world->options = (struct na_journal_options){
		.path = world->folder,
		.tail = world->tail,
		.group = -1,
		.max_size = UINT64_MAX,
		.tail_size = 64 << 10,
		.segment_size = 8 << 10,
		.sequence_block = 64,
		.sync = NA_JOURNAL_SYNC_INTERVAL,
		.machine = {1},
		.boot = {2},
	};
}

void na_world_done(struct na_world *world)
{
	remove_folder(world->folder);
	unlink(world->tail);
	remove_folder(world->root);
}

struct na_journal *na_world_open(struct na_world *world)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_journal *journal = NULL;
	int error = na_journal_open(&world->options, &journal, &why);

	if (error < 0)
		fprintf(stderr, "open: %d %.*s\n", error, (int)why.length, why.data);
	assert(!error && !why.length);
	return journal;
}

uint64_t na_soon(void)
{
	return na_clock_boot_ns() + FAR_NS;
}

uint64_t na_append(struct na_journal *journal, uint64_t stamp)
{
	static const char *const names[] = {"curl", "sshd", "postgres", "nginx: worker", "x"};
	uint64_t sequence = na_journal_next_sequence(journal);
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, stamp);
	NA_SET(&event, EVENT_SEQUENCE, (int64_t)sequence);
	NA_SET(&event, TIMESTAMP, stamp);
	NA_SET_TEXT(&event, PROCESS_NAME, names[stamp % 5]);
	NA_SET(&event, PROCESS_PID, (int64_t)(stamp % 5));
	NA_SET(&event, SOURCE_PORT, (int64_t)(stamp % 65536));
	assert(na_journal_append(journal, &event) == 0);
	return sequence;
}

bool na_tell(struct na_journal *journal, uint64_t stamp, struct na_journal_loss *ret_loss)
{
	return na_journal_take_loss(journal, ret_loss) && na_append(journal, stamp) > 0;
}

bool na_world_file(const struct na_world *world, const char *suffix, size_t n,
		   char path[2 * NA_TEST_PATH_SIZE])
{
	DIR *stream = opendir(world->folder);
	char *names[4096];
	size_t count = 0;
	const struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		size_t length = strlen(entry->d_name), tail = strlen(suffix);

		if (entry->d_name[0] != '.' && length > tail &&
		    strcmp(entry->d_name + length - tail, suffix) == 0)
			names[count++] = strdup(entry->d_name);
		assert(count < sizeof(names) / sizeof(*names));
	}
	if (stream)
		closedir(stream);
	qsort(names, count, sizeof(*names), compare_names);
	if (n < count)
		snprintf(path, (size_t)2 * NA_TEST_PATH_SIZE, "%s/%.60s", world->folder, names[n]);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	return n < count;
}

void na_harvest(const struct na_world *world, struct na_harvest *ret_harvest)
{
	char path[2 * NA_TEST_PATH_SIZE];
	uint64_t epoch = 0;

	*ret_harvest = (struct na_harvest){0};
	for (size_t n = 0; na_world_file(world, ".segment", n, path); n++) {
		uint64_t length = 0;
		NA_FREE char *data = read_file(path, &length);
		uint64_t position = strtoull(strrchr(path, '/') + 1, NULL, 16);

		walk(ret_harvest, data, length, position, &epoch);
	}
	walk_tail(world, ret_harvest, epoch);
}

void na_harvest_done(struct na_harvest *harvest)
{
	free(harvest->items);
	*harvest = (struct na_harvest){0};
}

void na_world_has(const struct na_world *world, uint64_t first, uint64_t last)
{
	NA_CLEANUP(na_harvest_done) struct na_harvest found;

	na_harvest(world, &found);
	assert(found.count == last - first + 1);
	for (size_t i = 0; i < found.count; i++)
		assert(found.items[i].sequence == first + i);
}
