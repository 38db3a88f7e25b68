/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A refused group halves the limit, an accepted one doubles it again; not where the size was the
 * reason, for good. Where nothing is on its way
 * and one message alone came back, it was alone in its batch: the others of a batch share its fate.
 */
#include "kafka/again.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "kafka/report.h"

#define SIZE_MIN 64
#define BATCH_BYTES_MIN 1024
#define REASON_MAX 256
#define ALONE_MAX 32 /* so many refused alone and nothing accepted: it is not the messages */

struct na_kafka_again_entry {
	rd_kafka_message_t message; /* payload: the host's; key: ours; err: why it was refused */
	rd_kafka_headers_t *headers;
	bool settled;
};

static size_t lesser(size_t one, size_t other)
{
	return one < other ? one : other;
}

static size_t bytes_of(const struct na_kafka_again_entry *entry)
{
	return entry->message.len + entry->message.key_len;
}

static void release(struct na_kafka_again_entry *entry)
{
	free(entry->message.key);
	if (entry->headers)
		rd_kafka_headers_destroy(entry->headers);
	*entry = (struct na_kafka_again_entry){0};
}

static int make_room(struct na_kafka_again *again)
{
	size_t size = again->size ? again->size * 2 : SIZE_MIN;
	struct na_kafka_again_entry *entries;

	if (again->count < again->size)
		return 0;
	entries = reallocarray(again->entries, size, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	again->entries = entries;
	again->size = size;
	return 0;
}

static int copy(const rd_kafka_message_t *message, struct na_kafka_again_entry *ret_entry)
{
	NA_FREE void *key = message->key_len ? malloc(message->key_len) : NULL;
	rd_kafka_headers_t *headers;

	if (message->key_len && !key)
		return -ENOMEM;
	if (key)
		memcpy(key, message->key, message->key_len);
	*ret_entry = (struct na_kafka_again_entry){.message = *message};
	ret_entry->message.key = NA_TAKE_POINTER(key);
	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		ret_entry->headers = rd_kafka_headers_copy(headers);
	return 0;
}

/* NULL: it is none of those on their way again. */
static struct na_kafka_again_entry *find(struct na_kafka_again *again,
					 const rd_kafka_message_t *message)
{
	for (size_t i = 0; i < again->group; i++)
		if (again->entries[i].message._private == message->_private)
			return &again->entries[i];
	return NULL;
}

static bool is_size(rd_kafka_resp_err_t error)
{
	const char *words;

	return na_kafka_report_read(error, &words) == NA_KAFKA_TOO_LARGE;
}

static void note_failed(struct na_kafka_again *again, rd_kafka_resp_err_t error, size_t bytes)
{
	if (is_size(error) && (!again->least_failed || bytes < again->least_failed))
		again->least_failed = bytes;
}

/* Has its topic accepted something since it refused one alone? Where it is in the list; or the end.
 */
static size_t find_topic(const struct na_kafka_again *again, const rd_kafka_message_t *message)
{
	size_t i = 0;

	while (i < again->topic_count && again->topics[i] != message->rkt)
		i++;
	return i;
}

static void reject(struct na_kafka_again_entry *entry, struct na_output_host *host)
{
	const rd_kafka_message_t *message = &entry->message;
	char reason[REASON_MAX];
	const char *words;

	na_kafka_report_read(message->err, &words);
	snprintf(reason, sizeof(reason), "%s: %s (%zu bytes, topic %s)", words,
		 rd_kafka_err2str(message->err), message->len, rd_kafka_topic_name(message->rkt));
	host->reject(host, na_kafka_message_number(message), reason);
	entry->settled = true;
}

/* The first one was alone and is refused. Where that is not believed it goes behind the others. */
static void judge_alone(struct na_kafka_again *again, struct na_output_host *host)
{
	struct na_kafka_again_entry first = again->entries[0];
	size_t topic = find_topic(again, &first.message);

	note_failed(again, first.message.err, bytes_of(&first));
	if (topic < again->topic_count) {
		again->topics[topic] = again->topics[--again->topic_count];
		reject(&again->entries[0], host);
		return;
	}
	memmove(again->entries, again->entries + 1, (again->count - 1) * sizeof(first));
	again->entries[again->count - 1] = first;
	again->alone++;
}

/* Those that were refused alone are tried once more when their topic has accepted another. */
static void bring_back(struct na_kafka_again *again)
{
	for (size_t i = again->count - again->alone; i < again->count; i++)
		if (find_topic(again, &again->entries[i].message) < again->topic_count)
			again->alone = 0;
}

/* Those that are settled go, the others keep their order. */
static void compact(struct na_kafka_again *again)
{
	size_t to = 0;

	for (size_t from = 0; from < again->count; from++) {
		struct na_kafka_again_entry *entry = &again->entries[from];

		if (entry->settled)
			release(entry);
		else
			again->entries[to++] = *entry;
	}
	again->count = to;
}

/* The first time that all have come back. */
static void begin(struct na_kafka_again *again, const struct na_kafka_producer *producer,
		  struct na_output_host *host)
{
	size_t bytes = 0;

	for (size_t i = 0; i < again->count; i++)
		bytes += bytes_of(&again->entries[i]);
	bytes = lesser(bytes, (size_t)producer->batch_bytes);
	again->limit = again->most = bytes / 2;
	again->first_failed = is_size(again->entries[0].message.err) ? bytes : 0;
	again->least_failed = 0;
	if (again->count == 1)
		judge_alone(again, host);
}

/* All of the group have their reports. */
static void conclude(struct na_kafka_again *again, struct na_output_host *host)
{
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (size_t i = 0; i < again->group; i++)
		if (!again->entries[i].settled)
			error = again->entries[i].message.err;
	if (!error) {
		again->limit = lesser(again->limit * 2 + 1, again->most);
	} else if (again->group == 1) {
		judge_alone(again, host);
	} else {
		note_failed(again, error, again->group_bytes);
		again->limit = again->group_bytes / 2;
		if (is_size(error))
			again->most = again->limit;
	}
	again->group = 0;
}

/* Those in front may be bad ones all: before that is believed of the rest, its last one is tried.
 */
static void choose_last(struct na_kafka_again *again)
{
	struct na_kafka_again_entry first = again->entries[0];
	size_t last = again->count - again->alone - 1;

	again->entries[0] = again->entries[last];
	again->entries[last] = first;
	again->limit = 0;
}

static int send_group(struct na_kafka_again *again, struct na_kafka_producer *producer)
{
	again->group_bytes = 0;
	while (again->group < again->count - again->alone) {
		struct na_kafka_again_entry *entry = &again->entries[again->group];
		size_t bytes = bytes_of(entry);
		rd_kafka_headers_t *headers = NULL;

		if (again->group && again->group_bytes + bytes > again->limit)
			break;
		if (entry->headers)
			headers = rd_kafka_headers_copy(entry->headers);
		if (na_kafka_producer_send_again(producer, &entry->message, headers)) {
			if (headers)
				rd_kafka_headers_destroy(headers);
			return again->group ? 0 : -EIO;
		}
		again->group++;
		again->group_bytes += bytes;
	}
	return 0;
}

/* Batches shall stay below what was too large; a record larger than a batch teaches nothing. */
static long learned(const struct na_kafka_again *again, const struct na_kafka_producer *producer)
{
	size_t failed = again->least_failed ? again->least_failed : again->first_failed;
	long bytes = (long)(failed / 2);

	if (!failed || failed > (size_t)producer->batch_bytes)
		return 0;
	bytes = bytes < BATCH_BYTES_MIN ? BATCH_BYTES_MIN : bytes;
	return bytes < producer->batch_bytes ? bytes : 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_kafka_again_refused(struct na_kafka_again *again, const rd_kafka_message_t *message)
{
	struct na_kafka_again_entry *entry = find(again, message);

	if (entry) {
		entry->message.err = message->err;
		return 0;
	}
	if (make_room(again) < 0 || copy(message, &again->entries[again->count]) < 0)
		return -ENOMEM;
	again->count++;
	return 0;
}

void na_kafka_again_settled(struct na_kafka_again *again, const rd_kafka_message_t *message)
{
	struct na_kafka_again_entry *entry = find(again, message);

	if (entry)
		entry->settled = true;
	if (again->count && find_topic(again, message) == again->topic_count &&
	    again->topic_count < NA_KAFKA_AGAIN_TOPICS_MAX)
		again->topics[again->topic_count++] = message->rkt;
}

int na_kafka_again_step(struct na_kafka_again *again, struct na_kafka_producer *producer,
			struct na_output_host *host, long *ret_batch_bytes,
			rd_kafka_resp_err_t *ret_refused)
{
	*ret_batch_bytes = 0;
	if (!again->count || producer->in_flight)
		return 0;
	if (again->group)
		conclude(again, host);
	else
		begin(again, producer, host);
	compact(again);
	bring_back(again);
	if (again->alone && (again->alone == again->count || again->alone > ALONE_MAX)) {
		*ret_refused = again->entries[again->count - 1].message.err;
		return -EBADMSG;
	}
	if (again->alone == ALONE_MAX)
		choose_last(again);
	if (again->count)
		return send_group(again, producer);
	again->topic_count = 0;
	*ret_batch_bytes = learned(again, producer);
	return 0;
}

void na_kafka_again_done(struct na_kafka_again *again)
{
	for (size_t i = 0; i < again->count; i++)
		release(&again->entries[i]);
	free(again->entries);
	*again = (struct na_kafka_again){0};
}
