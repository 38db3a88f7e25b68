/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What far ends of output `http` answer, in any bytes: no record is told of twice or forgotten,
 * none is delivered without a 2xx, none is dead unless others were accepted, no message holds our
 * token. Without a network: replies go to where libcurl's go.
 *
 * The input is text: "DIALECT ACK RECORDS", by their first letters and a digit, then replies that
 * begin with a line "@STATUS", or "@?STATUS" of one to a question for acknowledgements.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "http/instance.h"

#define RECORDS_MAX 9
#define REPLIES_MAX 16
#define TOKEN "s3cr3t/t0k3n"

struct far_host {
	struct na_output_host host; /* first, for the cast */
	bool done[RECORDS_MAX + 1];
	size_t acknowledged, rejected;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char token_path[] = "/dev/shm/netaudit-replies.XXXXXX";

static void note_done(struct far_host *host, uint64_t number)
{
	assert(number >= 1 && number <= RECORDS_MAX && !host->done[number]);
	host->done[number] = true;
}

static void acknowledge(struct na_output_host *pointer, uint64_t first, uint64_t last)
{
	struct far_host *host = (struct far_host *)pointer;

	assert(first <= last);
	for (uint64_t number = first; number <= last; number++)
		note_done(host, number);
	host->acknowledged += last - first + 1;
}

static void check_words(const char *words)
{
	assert(words[0] && strlen(words) < 2048);
	for (const char *at = words; *at; at++)
		assert(*at >= ' ' && *at <= '~');
	assert(!strstr(words, TOKEN));
}

static void reject(struct na_output_host *pointer, uint64_t number, const char *reason)
{
	struct far_host *host = (struct far_host *)pointer;

	note_done(host, number);
	check_words(reason);
	host->rejected++;
}

static void failed(struct na_output_host *host, const char *reason)
{
	(void)host;
	(void)reason;
	abort(); /* what fails is sent again by the output itself */
}

static void say_state(struct na_output_host *host, enum na_output_state state, const char *why)
{
	(void)host;
	assert(state == NA_OUTPUT_WORKING || why);
	if (why)
		check_words(why);
}

static void remove_token(void)
{
	unlink(token_path);
}

static void write_token(void)
{
	int fd = mkstemp(token_path);

	assert(fd >= 0 && write(fd, TOKEN, strlen(TOKEN)) == (ssize_t)strlen(TOKEN));
	close(fd);
	atexit(remove_token);
	na_log_set_level(NA_LOG_ERROR);
}

/* Where `letter` stands in `letters`; 0 if nowhere. */
static unsigned int choice(char letter, const char *letters)
{
	const char *at = letter ? strchr(letters, letter) : NULL;

	return at ? (unsigned int)(at - letters) : 0;
}

static struct na_http_options options_of(const char *text)
{
	static const struct na_text url = {"http://192.0.2.1:1", 18};
	const struct na_text none = na_text_of("");
	char letters[2] = {0};

	(void)sscanf(text, "%c %c", &letters[0], &letters[1]);
	return (struct na_http_options){
		.dialect = choice(letters[0], "esw"),
		.ack = choice(letters[1], "aro"),
		.url = {(struct na_text *)&url, 1},
		.index = na_text_of("logs"),
		.source = none,
		.sourcetype = none,
		.ca_file = none,
		.cert_file = none,
		.key_file = none,
		.user = none,
		.password_file = none,
		.token_file = na_text_of(token_path),
		.proxy = none,
		.proxy_user = none,
		.proxy_password_file = none,
		.compression = NA_HTTP_NO_COMPRESSION,
		.requests = 4,
		.timeout = 30 * NA_NS_PER_SEC,
		.batch_bytes = 1u << 20,
	};
}

/* One request with all of them, every other one perhaps sent before. How many. */
static size_t add_records(struct na_output_instance *instance, const char *text)
{
	struct na_http_request *request = na_http_request_new();
	unsigned int count = 0;

	(void)sscanf(text, "%*c %*c %1u", &count);
	count = count ? count : 1;
	for (unsigned int number = 1; number <= count; number++) {
		struct na_http_record record = {.number = number,
						.id = na_text_of("id"),
						.body = na_text_of("{\"n\":1}"),
						.maybe_sent = number % 2};

		assert(request && na_http_request_add(request, &record) == 0);
	}
	TAILQ_INSERT_TAIL(&instance->ready, request, entry);
	return count;
}

/* As send.c and transfer.c do it. */
static void answer_request(struct na_output_instance *instance, const struct na_http_result *result)
{
	struct na_http_request *request = TAILQ_FIRST(&instance->ready);
	struct na_http_transfer *transfer = na_http_transfer_get(instance);

	assert(request && transfer);
	TAILQ_REMOVE(&instance->ready, request, entry);
	for (size_t i = 0; i < request->count; i++)
		request->records[i].fate = NA_HTTP_OPEN;
	transfer->server = instance->servers;
	transfer->request = request;
	transfer->posts = 1;
	if (instance->dialect->ack_path) {
		request->channel = na_http_channel_take(instance->servers);
		assert(request->channel);
	}
	na_http_settle(instance, transfer, result);
	assert(!transfer->request);
	na_http_transfer_put(instance, transfer);
}

static void note_waiting(const struct na_http_requests *requests, bool *waits)
{
	const struct na_http_request *request;

	TAILQ_FOREACH(request, requests, entry)
	{
		assert(request->count);
		for (size_t i = 0; i < request->count; i++) {
			uint64_t number = request->records[i].number;

			assert(number <= RECORDS_MAX && !waits[number]);
			waits[number] = true;
		}
	}
}

/* Each record is done, or waits in one place. */
static void check_all(const struct na_output_instance *instance, const struct far_host *host,
		      size_t count)
{
	bool waits[RECORDS_MAX + 1] = {0};

	note_waiting(&instance->ready, waits);
	note_waiting(&instance->awaiting, waits);
	for (size_t number = 1; number <= count; number++)
		assert(waits[number] != host->done[number]);
	assert(!host->rejected || instance->servers->accepted);
}

/* About the first that is waited for. */
static void answer_question(struct na_output_instance *instance,
			    const struct na_http_result *result)
{
	const struct na_http_request *request = TAILQ_FIRST(&instance->awaiting);
	struct na_http_transfer transfer = {.server = instance->servers};

	if (request)
		memcpy(transfer.channel, request->channel->name, sizeof(transfer.channel));
	na_http_ack_settle(instance, &transfer, result);
}

/* "?STATUS\nBODY", up to `end`. */
static void answer(struct na_output_instance *instance, struct far_host *host, const char *at,
		   const char *end)
{
	bool question = *at == '?';
	const char *line = memchr(at, '\n', (size_t)(end - at));
	struct na_http_result result = {0};
	size_t before = host->acknowledged;

	/* What libcurl lets through has three digits. */
	result.status = atoi(at + question);
	if (result.status < 100 || result.status > 999)
		result.error = "no reply";
	if (result.error)
		result.status = 0;
	if (line)
		result.body = (struct na_text){line + 1, (size_t)(end - line - 1)};
	if (question)
		answer_question(instance, &result);
	else if (!TAILQ_EMPTY(&instance->ready))
		answer_request(instance, &result);
	assert(host->acknowledged == before || (result.status >= 200 && result.status < 300));
}

static void run(struct na_output_instance *instance, struct far_host *host, const char *text,
		const char *end)
{
	size_t count = add_records(instance, text);
	const char *at = memmem(text, (size_t)(end - text), "\n@", 2);

	for (int i = 0; at && i < REPLIES_MAX; i++) {
		const char *next;

		at += 2;
		next = memmem(at, (size_t)(end - at), "\n@", 2);
		answer(instance, host, at, next ? next : end);
		check_all(instance, host, count);
		at = next;
	}
}

/* ------------------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool prepared;
	NA_FREE char *text = malloc(size + 1);
	struct far_host host = {.host = {.name = "fuzz",
					 .acknowledge = acknowledge,
					 .reject = reject,
					 .failed = failed,
					 .state = say_state}};
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	struct na_output_instance *instance;
	struct na_http_options options;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!prepared)
		write_token();
	prepared = true;
	options = options_of(text);
	assert(na_output_http.open(&options, &host.host, &instance, &why) == 0);
	run(instance, &host, text, text + size);
	na_output_http.close(instance);
	return 0;
}
