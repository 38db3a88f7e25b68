/* SPDX-License-Identifier: Apache-2.0 */
/* All under one mutex, except for what it calls of the host. */
#include "fake_output.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"

#define WAIT_S 30

_Thread_local unsigned int fake_exempt;

struct fake_output {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct fake_script script;
	struct fake_record *records;
	size_t count, size;
	unsigned int opened, reopened, refused;
	struct na_output_instance *instance; /* the current one */
};

struct na_output_instance {
	struct fake_output *fake;
	struct na_output_host *host;
	unsigned int number;
	pthread_t thread;
	bool has_thread, stop;
	uint64_t *pending; /* numbers that the thread acknowledges */
	size_t count, size;
	uint64_t random;
};

static void lock(struct fake_output *fake)
{
	fake_exempt++;
	pthread_mutex_lock(&fake->mutex);
}

static void unlock(struct fake_output *fake)
{
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->mutex);
	fake_exempt--;
}

/* Marks first: who awaits a delivery then looks at the host finds it there soon, not never. */
static void acknowledge(struct na_output_instance *instance, uint64_t first, uint64_t last)
{
	struct fake_output *fake = instance->fake;

	instance->host->acknowledge(instance->host, first, last);
	lock(fake);
	for (size_t i = 0; i < fake->count; i++) {
		struct fake_record *record = &fake->records[i];

		if (record->instance == instance->number && record->number >= first &&
		    record->number <= last)
			record->acknowledged = true;
	}
	unlock(fake);
}

static void *acknowledge_shuffled(void *argument)
{
	struct na_output_instance *instance = argument;
	struct fake_output *fake = instance->fake;

	for (;;) {
		uint64_t number;
		size_t pick;

		pthread_mutex_lock(&fake->mutex);
		while (!instance->count && !instance->stop)
			pthread_cond_wait(&fake->changed, &fake->mutex);
		if (instance->stop) {
			pthread_mutex_unlock(&fake->mutex);
			return NULL;
		}
		instance->random = instance->random * 6364136223846793005u + 1;
		pick = (size_t)(instance->random >> 33) % instance->count;
		number = instance->pending[pick];
		instance->pending[pick] = instance->pending[--instance->count];
		pthread_mutex_unlock(&fake->mutex);
		acknowledge(instance, number, number);
	}
}

static void keep(struct na_output_instance *instance, const struct na_output_record *record)
{
	struct fake_output *fake = instance->fake;
	struct fake_record *kept;

	if (fake->count == fake->size) {
		fake->size = fake->size ? fake->size * 2 : 64;
		fake->records = realloc(fake->records, fake->size * sizeof(*fake->records));
		if (!fake->records)
			abort();
	}
	kept = &fake->records[fake->count++];
	*kept = (struct fake_record){
		.number = record->number,
		.instance = instance->number,
		.body = strndup(record->body.data, record->body.length),
		.resent = record->resent,
		.type = record->event->type,
		.has_outcome = na_event_has(record->event, NA_FIELD_EVENT_OUTCOME),
	};
	for (int field = 0; field < NA_FIELD_COUNT; field++)
		if (field != NA_FIELD_EVENT_OUTCOME &&
		    na_event_has(record->event, (enum na_field)field))
			abort(); /* see fake_fields */
	snprintf(kept->id, sizeof(kept->id), "%.*s", (int)record->id.length, record->id.data);
}

static void keep_pending(struct na_output_instance *instance, uint64_t number)
{
	if (instance->count == instance->size) {
		instance->size = instance->size ? instance->size * 2 : 64;
		instance->pending =
			realloc(instance->pending, instance->size * sizeof(*instance->pending));
		if (!instance->pending)
			abort();
	}
	instance->pending[instance->count++] = number;
}

static bool is_rejected(const struct fake_script *script, const struct na_output_record *record)
{
	return script->rejects && strlen(script->rejects) == record->id.length &&
	       memcmp(script->rejects, record->id.data, record->id.length) == 0;
}

static bool use_up(unsigned int *count)
{
	if (!*count)
		return false;
	--*count;
	return true;
}

/* The verdict of a put that takes nothing; TAKEN: it takes. */
static enum na_output_verdict refuse(struct na_output_instance *instance,
				     struct fake_script *ret_script, struct na_buffer *why)
{
	struct fake_output *fake = instance->fake;
	bool later;

	lock(fake);
	*ret_script = fake->script;
	later = use_up(&fake->script.later);
	unlock(fake);
	if (later)
		na_buffer_append_string(why, "the far end is slow");
	return later ? NA_OUTPUT_LATER : NA_OUTPUT_TAKEN;
}

/* How many are taken; stops in front of one that is rejected. */
static size_t take(struct na_output_instance *instance, const struct fake_script *script,
		   const struct na_output_record *records, size_t count)
{
	size_t taken = 0;

	lock(instance->fake);
	while (taken < count && (!script->takes || taken < script->takes)) {
		if (is_rejected(script, &records[taken]) && !script->rejects_later)
			break;
		keep(instance, &records[taken]);
		if (script->acknowledge == FAKE_SHUFFLED)
			keep_pending(instance, records[taken].number);
		taken++;
	}
	unlock(instance->fake);
	return taken;
}

/* In put, all but what is rejected later. */
static void acknowledge_taken(struct na_output_instance *instance, const struct fake_script *script,
			      const struct na_output_record *records, size_t taken)
{
	for (size_t i = 0; i < taken; i++)
		if (is_rejected(script, &records[i]))
			instance->host->reject(instance->host, records[i].number, "bad field");
		else if (script->acknowledge == FAKE_AT_ONCE)
			acknowledge(instance, records[i].number, records[i].number);
}

/* ------------------------------------------------------------------------------------------- */

static na_output_check fake_check;
static na_output_open fake_open;
static na_output_fields fake_fields;
static na_output_put fake_put;
static na_output_work fake_work;
static na_output_reopen fake_reopen;
static na_output_drain fake_drain;
static na_output_close fake_close;

static void fake_fields(const void *options, na_output_take_field *take_field, void *context)
{
	(void)options;
	take_field(context, NA_FIELD_EVENT_OUTCOME);
}

static int fake_check(const void *options, struct na_buffer *why)
{
	(void)options;
	(void)why;
	return 0;
}

static int fake_open(const void *options, struct na_output_host *host,
		     struct na_output_instance **ret_instance, struct na_buffer *why)
{
	struct fake_output *fake = *(struct fake_output *const *)options;
	struct na_output_instance *instance = calloc(1, sizeof(*instance));

	if (!host->retry_min_ns || host->retry_max_ns < host->retry_min_ns)
		abort(); /* every test has configured them */
	lock(fake);
	if (!instance || use_up(&fake->script.refuses)) {
		fake->refused++;
		unlock(fake);
		free(instance);
		na_buffer_append_string(why, "nobody answers");
		return -ECONNREFUSED;
	}
	instance->fake = fake;
	instance->host = host;
	instance->number = ++fake->opened;
	instance->random = instance->number;
	fake->instance = instance;
	unlock(fake);
	instance->has_thread =
		pthread_create(&instance->thread, NULL, acknowledge_shuffled, instance) == 0;
	*ret_instance = instance;
	return 0;
}

static enum na_output_verdict fake_put(struct na_output_instance *instance,
				       const struct na_output_record *records, size_t count,
				       size_t *ret_taken, struct na_buffer *why)
{
	struct fake_output *fake = instance->fake;
	struct fake_script script;
	bool broken, fails;

	if (refuse(instance, &script, why) != NA_OUTPUT_TAKEN)
		return NA_OUTPUT_LATER;
	if (script.ends) {
		instance->host->state(instance->host, NA_OUTPUT_ENDED, "nobody reads");
		return NA_OUTPUT_BROKEN;
	}
	*ret_taken = take(instance, &script, records, count);
	lock(fake);
	broken = use_up(&fake->script.broken);
	fails = !broken && use_up(&fake->script.fails);
	unlock(fake);
	if (broken)
		return NA_OUTPUT_BROKEN;
	if (fails)
		instance->host->failed(instance->host, "no delivery report");
	else
		acknowledge_taken(instance, &script, records, *ret_taken);
	if (*ret_taken < count && is_rejected(&script, &records[*ret_taken]) &&
	    !script.rejects_later) {
		na_buffer_append_string(why, "mapping \"conflict\"");
		return NA_OUTPUT_REJECT;
	}
	return NA_OUTPUT_TAKEN;
}

static enum na_output_verdict fake_work(struct na_output_instance *instance, uint64_t timeout_ns)
{
	(void)instance;
	(void)timeout_ns;
	return NA_OUTPUT_TAKEN;
}

static void fake_reopen(struct na_output_instance *instance)
{
	lock(instance->fake);
	instance->fake->reopened++;
	unlock(instance->fake);
}

static void fake_drain(struct na_output_instance *instance, uint64_t deadline_ns)
{
	struct fake_output *fake = instance->fake;

	pthread_mutex_lock(&fake->mutex);
	while (instance->count && na_clock_boot_ns() < deadline_ns)
		pthread_cond_wait(&fake->changed, &fake->mutex);
	pthread_mutex_unlock(&fake->mutex);
}

static void fake_close(struct na_output_instance *instance)
{
	lock(instance->fake);
	instance->stop = true;
	instance->fake->instance = NULL;
	unlock(instance->fake);
	if (instance->has_thread)
		pthread_join(instance->thread, NULL);
	free(instance->pending);
	free(instance);
}

const struct na_output na_fake_output = {
	.name = "fake",
	.promise = "What the test says.",
	.options_size = sizeof(struct fake_output *),
	.check = fake_check,
	.fields = fake_fields,
	.open = fake_open,
	.put = fake_put,
	.work = fake_work,
	.reopen = fake_reopen,
	.drain = fake_drain,
	.close = fake_close,
};

struct fake_output *fake_output_new(const struct fake_script *script)
{
	struct fake_output *fake = calloc(1, sizeof(*fake));

	if (!fake)
		abort();
	pthread_mutex_init(&fake->mutex, NULL);
	pthread_cond_init(&fake->changed, NULL);
	fake->script = *script;
	return fake;
}

void fake_output_free(struct fake_output *fake)
{
	for (size_t i = 0; i < fake->count; i++)
		free(fake->records[i].body);
	free(fake->records);
	pthread_cond_destroy(&fake->changed);
	pthread_mutex_destroy(&fake->mutex);
	free(fake);
}

void fake_output_set(struct fake_output *fake, const struct fake_script *script)
{
	lock(fake);
	fake->script = *script;
	unlock(fake);
}

void fake_output_acknowledge(struct fake_output *fake)
{
	struct na_output_instance *instance;

	lock(fake);
	instance = fake->instance;
	unlock(fake);
	if (instance)
		acknowledge(instance, 1, UINT64_MAX);
}

size_t fake_output_count(struct fake_output *fake)
{
	size_t count;

	lock(fake);
	count = fake->count;
	unlock(fake);
	return count;
}

struct fake_record fake_output_record(struct fake_output *fake, size_t i)
{
	struct fake_record record;

	lock(fake);
	if (i >= fake->count)
		abort();
	record = fake->records[i];
	unlock(fake);
	return record;
}

/* Under the mutex. */
static size_t find(const struct fake_output *fake, const char *id, bool delivered)
{
	size_t found = 0;

	for (size_t i = 0; i < fake->count; i++)
		found += strcmp(fake->records[i].id, id) == 0 &&
			 (!delivered || fake->records[i].acknowledged);
	return found;
}

size_t fake_output_find(struct fake_output *fake, const char *id)
{
	size_t found;

	lock(fake);
	found = find(fake, id, false);
	unlock(fake);
	return found;
}

size_t fake_output_find_delivered(struct fake_output *fake, const char *id)
{
	size_t found;

	lock(fake);
	found = find(fake, id, true);
	unlock(fake);
	return found;
}

/* Under the mutex; false: no change came in time. */
static bool await_change(struct fake_output *fake)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	return pthread_cond_timedwait(&fake->changed, &fake->mutex, &until) == 0;
}

bool fake_output_await(struct fake_output *fake, size_t count)
{
	bool in_time = true;

	pthread_mutex_lock(&fake->mutex);
	while (in_time && fake->count < count)
		in_time = await_change(fake);
	pthread_mutex_unlock(&fake->mutex);
	return in_time;
}

bool fake_output_await_delivered(struct fake_output *fake, const char *id)
{
	bool in_time = true;

	pthread_mutex_lock(&fake->mutex);
	while (in_time && !find(fake, id, true))
		in_time = await_change(fake);
	pthread_mutex_unlock(&fake->mutex);
	return in_time;
}

unsigned int fake_output_opened(struct fake_output *fake)
{
	unsigned int opened;

	lock(fake);
	opened = fake->opened;
	unlock(fake);
	return opened;
}

unsigned int fake_output_reopened(struct fake_output *fake)
{
	unsigned int reopened;

	lock(fake);
	reopened = fake->reopened;
	unlock(fake);
	return reopened;
}
