/* SPDX-License-Identifier: Apache-2.0 */
/* The event with number n is at position 100 n. */
#include "fake_journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/reader.h"

#define STEP 100
#define CURSORS_MAX 8

struct stored {
	char path[512];
	struct na_cursor cursor;
};

static struct {
	pthread_mutex_t mutex;
	struct na_event events[FAKE_EVENTS_MAX];
	char ids[FAKE_EVENTS_MAX][48];
	uint64_t count, first;
	uint8_t uuid;
	unsigned int generation;
	unsigned int failures;
	int error;
	struct stored cursors[CURSORS_MAX];
	size_t cursor_count;
	int store_error, load_error;
	struct na_event constants;
	unsigned int constants_version;
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct na_reader {
	uint64_t next; /* sequence */
	na_reader_wanted *wanted;
	void *context;
	unsigned int constants_version;
	struct na_event constants;
	struct na_event_parts parts;
};

static void lock(void)
{
	pthread_mutex_lock(&fake.mutex);
}

static void unlock(void)
{
	pthread_mutex_unlock(&fake.mutex);
}

static struct stored *find_cursor(const char *path)
{
	for (size_t i = 0; i < fake.cursor_count; i++)
		if (strcmp(fake.cursors[i].path, path) == 0)
			return &fake.cursors[i];
	return NULL;
}

/* What all events of the type have in common is the part that is numbered as the type. */
static const struct na_event_parts *parts_of(struct na_reader *reader, enum na_event_type type)
{
	static const enum na_field fields[] = {NA_FIELD_EVENT_ACTION,  NA_FIELD_EVENT_CATEGORY,
					       NA_FIELD_EVENT_DATASET, NA_FIELD_EVENT_KIND,
					       NA_FIELD_EVENT_TYPE,    NA_FIELD_NA_EVENT};
	struct na_event_parts *parts = &reader->parts;

	*parts = (struct na_event_parts){.count = 1, .items[0].number = type + 1u};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		parts->items[0].fields[fields[i] / 64] |= UINT64_C(1) << fields[i] % 64;
	return parts;
}

/* Under the lock. */
static int step(struct na_reader *reader, struct na_reader_item *item)
{
	struct na_frame_event frame = {0};
	const struct na_event *event;

	if (fake.failures) {
		fake.failures--;
		return fake.error;
	}
	if (reader->next < fake.first) {
		item->gap = (struct na_reader_gap){.first_sequence = reader->next,
						   .last_sequence = fake.first - 1,
						   .position = fake.first * STEP,
						   .reason = "segments were deleted"};
		reader->next = fake.first;
		return NA_READER_GAP;
	}
	if (reader->next > fake.count)
		return NA_READER_END;
	event = &fake.events[reader->next];
	frame.sequence = reader->next;
	frame.wall_ns = event->f_TIMESTAMP;
	if (reader->wanted && !reader->wanted(reader->context, event->type, &frame)) {
		reader->next++;
		return step(reader, item);
	}
	item->event = *event;
	item->parts = parts_of(reader, event->type);
	item->position = reader->next * STEP;
	item->next = item->position + STEP;
	item->sequence = reader->next++;
	memset(item->journal, fake.uuid, sizeof(item->journal));
	reader->constants = fake.constants;
	reader->constants_version = fake.constants_version;
	item->constants = &reader->constants;
	return NA_READER_EVENT;
}

/* ------------------------------------------------------------------------------------------- */

void fake_journal_reset(uint8_t uuid)
{
	lock();
	fake.count = 0;
	fake.first = 1;
	fake.uuid = uuid;
	fake.failures = 0;
	fake.cursor_count = 0;
	fake.store_error = fake.load_error = 0;
	unlock();
	fake_journal_set_host("one");
}

void fake_journal_replace(uint8_t uuid)
{
	lock();
	fake.count = 0;
	fake.first = 1;
	fake.uuid = uuid;
	unlock();
}

void fake_journal_set_host(const char *name)
{
	lock();
	memset(&fake.constants, 0, sizeof(fake.constants));
	NA_SET_TEXT(&fake.constants, HOST_NAME, name);
	fake.constants_version++;
	unlock();
}

uint64_t fake_journal_append(const struct na_event *event)
{
	struct na_event *kept;
	uint64_t sequence;

	lock();
	sequence = ++fake.count;
	if (sequence >= FAKE_EVENTS_MAX)
		abort();
	kept = &fake.events[sequence];
	*kept = *event;
	snprintf(fake.ids[sequence], sizeof(fake.ids[sequence]), "j%02x-1-%llu", fake.uuid,
		 (unsigned long long)sequence);
	NA_SET_TEXT(kept, EVENT_ID, fake.ids[sequence]);
	NA_SET(kept, EVENT_SEQUENCE, (int64_t)sequence);
	if (!na_event_has(kept, NA_FIELD_TIMESTAMP))
		NA_SET(kept, TIMESTAMP, FAKE_START_NS + sequence * NA_NS_PER_MS);
	unlock();
	return sequence;
}

struct na_event fake_event(enum na_event_type type, uint8_t host)
{
	struct na_event event;

	na_event_init(&event, type, 1);
	if (strcmp(event.f_EVENT_KIND.data, "state") == 0)
		return event;
	NA_SET_TEXT(&event, PROCESS_EXECUTABLE, "/usr/bin/curl");
	NA_SET_TEXT(&event, NETWORK_DIRECTION, "egress");
	NA_SET_TEXT(&event, NA_CONNECTION_ID, "b-1");
	NA_SET(&event, DESTINATION_IP,
	       ((struct na_address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, host}}));
	NA_SET(&event, DESTINATION_PORT, 443);
	return event;
}

void fake_journal_drop(uint64_t sequence)
{
	lock();
	fake.first = sequence + 1;
	unlock();
}

void fake_journal_fail(int error, unsigned int count)
{
	lock();
	fake.error = error;
	fake.failures = count;
	unlock();
}

void fake_cursor_fail(int error)
{
	lock();
	fake.store_error = error;
	unlock();
}

void fake_cursor_damage(int error)
{
	lock();
	fake.load_error = error;
	unlock();
}

bool fake_cursor(struct na_cursor *ret_cursor)
{
	bool found;

	lock();
	found = fake.cursor_count > 0;
	if (found)
		*ret_cursor = fake.cursors[0].cursor;
	unlock();
	return found;
}

int na_reader_open(const struct na_reader_options *options, struct na_reader **ret_reader,
		   struct na_buffer *why)
{
	struct na_reader *reader = calloc(1, sizeof(*reader));

	(void)options;
	(void)why;
	if (!reader)
		return -ENOMEM;
	reader->next = 1;
	*ret_reader = reader;
	return 0;
}

void na_reader_close(struct na_reader **reader)
{
	free(*reader);
	*reader = NULL;
}

int na_reader_seek_first(struct na_reader *reader)
{
	lock();
	reader->next = fake.first;
	unlock();
	return 0;
}

int na_reader_seek_end(struct na_reader *reader)
{
	lock();
	reader->next = fake.count + 1;
	unlock();
	return 0;
}

int na_reader_seek_position(struct na_reader *reader, uint64_t position)
{
	reader->next = (position + STEP - 1) / STEP;
	return 0;
}

void na_reader_set_wanted(struct na_reader *reader, na_reader_wanted *wanted, void *context)
{
	reader->wanted = wanted;
	reader->context = context;
}

int na_reader_next(struct na_reader *reader, struct na_reader_item *ret_item)
{
	int found;

	lock();
	found = step(reader, ret_item);
	unlock();
	return found;
}

/* Its length is no matter of these tests: they wait for what comes out. */
void na_reader_wait(struct na_reader *reader, uint64_t timeout_ns)
{
	static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	struct timespec until;

	(void)reader;
	timeout_ns = timeout_ns > NA_NS_PER_MS ? NA_NS_PER_MS : timeout_ns;
	clock_gettime(CLOCK_REALTIME, &until);
	timeout_ns += (uint64_t)until.tv_nsec;
	until.tv_sec += (time_t)(timeout_ns / NA_NS_PER_SEC);
	until.tv_nsec = (long)(timeout_ns % NA_NS_PER_SEC);
	pthread_mutex_lock(&mutex);
	pthread_cond_timedwait(&never, &mutex, &until);
	pthread_mutex_unlock(&mutex);
}

void na_reader_wake(struct na_reader *reader)
{
	(void)reader;
}

unsigned int na_reader_constants_version(const struct na_reader *reader)
{
	return reader->constants_version;
}

uint64_t na_reader_position(const struct na_reader *reader)
{
	return reader->next * STEP;
}

uint64_t na_reader_last_sequence(struct na_reader *reader)
{
	uint64_t last;

	(void)reader;
	lock();
	last = fake.count;
	unlock();
	return last;
}

int na_cursor_load(const char *path, struct na_cursor *ret_cursor, struct na_buffer *why)
{
	const struct stored *stored;
	int error;

	(void)why;
	lock();
	stored = find_cursor(path);
	error = fake.load_error ? fake.load_error : stored ? 0 : -ENOENT;
	fake.load_error = 0;
	if (!error)
		*ret_cursor = stored->cursor;
	unlock();
	return error;
}

int na_cursor_store(const char *path, const struct na_cursor *cursor, bool sync)
{
	struct stored *stored;
	int error;

	(void)sync;
	lock();
	error = fake.store_error;
	stored = find_cursor(path);
	if (!error && !stored && fake.cursor_count < CURSORS_MAX) {
		stored = &fake.cursors[fake.cursor_count++];
		snprintf(stored->path, sizeof(stored->path), "%s", path);
	}
	if (!error && stored)
		stored->cursor = *cursor;
	unlock();
	return error;
}
