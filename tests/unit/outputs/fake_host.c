/* SPDX-License-Identifier: Apache-2.0 */
/* What an output says to its host. */
#include "fake_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

static struct fake_host *host_of(struct na_output_host *host)
{
	return (struct fake_host *)host;
}

static void acknowledge(struct na_output_host *pointer, uint64_t first, uint64_t last)
{
	struct fake_host *host = host_of(pointer);

	pthread_mutex_lock(&host->mutex);
	for (uint64_t number = first; number <= last; number++) {
		/* Nothing is acknowledged twice, or without having been offered. */
		if (number < 1 || number > FAKE_NUMBERS_MAX || host->acknowledged[number] ||
		    !host->bodies[number][0])
			abort();
		host->acknowledged[number] = true;
		host->count++;
	}
	pthread_mutex_unlock(&host->mutex);
}

static void reject(struct na_output_host *host, uint64_t number, const char *reason)
{
	(void)host;
	(void)number;
	(void)reason;
	abort(); /* stdout and file accept everything */
}

static void keep_why(struct fake_host *host, const char *why)
{
	snprintf(host->why, sizeof(host->why), "%s", why ? why : "");
}

static void failed(struct na_output_host *pointer, const char *reason)
{
	struct fake_host *host = host_of(pointer);

	pthread_mutex_lock(&host->mutex);
	host->failed++;
	keep_why(host, reason);
	pthread_mutex_unlock(&host->mutex);
}

static void say_state(struct na_output_host *pointer, enum na_output_state state, const char *why)
{
	struct fake_host *host = host_of(pointer);

	pthread_mutex_lock(&host->mutex);
	host->state = state;
	keep_why(host, why);
	pthread_mutex_unlock(&host->mutex);
}

/* ------------------------------------------------------------------------------------------- */

void fake_host_init(struct fake_host *host)
{
	memset(host, 0, sizeof(*host));
	pthread_mutex_init(&host->mutex, NULL);
	host->host = (struct na_output_host){.name = "test",
					     .acknowledge = acknowledge,
					     .reject = reject,
					     .failed = failed,
					     .state = say_state};
}

enum na_output_verdict fake_host_put(struct fake_host *host, const struct na_output *output,
				     struct na_output_instance *instance, uint64_t from,
				     uint64_t to, size_t *ret_taken)
{
	size_t count = (size_t)(to - from + 1);
	struct na_output_record *records = calloc(count, sizeof(*records));
	struct na_buffer why = {0};
	struct na_event event;
	enum na_output_verdict verdict;

	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	for (size_t i = 0; i < count; i++) {
		char *body = host->bodies[from + i];

		snprintf(body, sizeof(host->bodies[0]), "{\"n\":%llu}",
			 (unsigned long long)(from + i));
		records[i] = (struct na_output_record){.number = from + i,
						       .id = na_text_of("id"),
						       .body = na_text_of(body),
						       .event = &event};
	}
	*ret_taken = 0;
	verdict = output->put(instance, records, count, ret_taken, &why);
	pthread_mutex_lock(&host->mutex);
	if (why.length)
		snprintf(host->why, sizeof(host->why), "%.*s", (int)why.length, why.data);
	pthread_mutex_unlock(&host->mutex);
	na_buffer_done(&why);
	/* Whoever kept one of them is found by AddressSanitizer. */
	free(records);
	return verdict;
}

uint64_t fake_host_count(struct fake_host *host)
{
	uint64_t count;

	pthread_mutex_lock(&host->mutex);
	count = host->count;
	pthread_mutex_unlock(&host->mutex);
	return count;
}

enum na_output_state fake_host_state(struct fake_host *host, char why[256])
{
	enum na_output_state state;

	pthread_mutex_lock(&host->mutex);
	state = host->state;
	memcpy(why, host->why, sizeof(host->why));
	pthread_mutex_unlock(&host->mutex);
	return state;
}
