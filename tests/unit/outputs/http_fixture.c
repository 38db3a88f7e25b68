/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the tests of output `http`. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/instance.h"
#include "http_fixture.h"

#define PATIENCE_NS (20 * NA_NS_PER_SEC)

static atomic_uint_fast64_t ahead_ns;
char http_token_path[] = "/tmp/http_token.XXXXXX";

uint64_t __real_na_clock_boot_ns(void);
uint64_t __wrap_na_clock_boot_ns(void);

uint64_t __wrap_na_clock_boot_ns(void)
{
	return __real_na_clock_boot_ns() + ahead_ns;
}

static struct http_fixture *fixture_of(struct na_output_host *host)
{
	return (struct http_fixture *)host;
}

static void note_done(struct http_fixture *fixture, uint64_t number, bool *list)
{
	assert_in_range(number, 1, FAR_NUMBERS_MAX - 1);
	assert_true(fixture->offered[number]);
	assert_false(fixture->acknowledged[number] || fixture->rejected[number]);
	list[number] = true;
	fixture->done++;
	/* Nobody may look at it from now on. */
	memset(fixture->bodies[number], 'x', sizeof(fixture->bodies[number]));
	memset(fixture->ids[number], 'x', sizeof(fixture->ids[number]));
}

static void acknowledge(struct na_output_host *host, uint64_t first, uint64_t last)
{
	assert_true(first <= last);
	for (uint64_t number = first; number <= last; number++)
		note_done(fixture_of(host), number, fixture_of(host)->acknowledged);
}

static void reject(struct na_output_host *host, uint64_t number, const char *reason)
{
	struct http_fixture *fixture = fixture_of(host);

	note_done(fixture, number, fixture->rejected);
	snprintf(fixture->reason, sizeof(fixture->reason), "%s", reason);
}

static void failed(struct na_output_host *host, const char *reason)
{
	(void)reason;
	fixture_of(host)->failed++;
}

static void say_state(struct na_output_host *host, enum na_output_state state, const char *why)
{
	struct http_fixture *fixture = fixture_of(host);

	fixture->changes += state != fixture->state;
	fixture->state = state;
	if (state > fixture->worst)
		fixture->worst = state;
	if (state != NA_OUTPUT_WORKING)
		snprintf(fixture->why, sizeof(fixture->why), "%s", why);
}

static void set_text(struct na_text *text, const char *value)
{
	*text = na_text_of(value);
}

/* ------------------------------------------------------------------------------------------- */

void http_fixture_init(struct http_fixture *fixture, enum na_http_dialect_name dialect,
		       const char *scheme, struct far_end *const *far_ends, size_t count)
{
	struct na_http_options *options = &fixture->options;
	struct na_text *texts[] = {
		&options->ca_file, &options->cert_file,     &options->key_file,
		&options->user,    &options->password_file, &options->token_file,
		&options->proxy,   &options->proxy_user,    &options->proxy_password_file};

	memset(fixture, 0, sizeof(*fixture));
	fixture->host = (struct na_output_host){.name = "test",
						.retry_min_ns = 500 * NA_NS_PER_MS,
						.retry_max_ns = 60 * NA_NS_PER_SEC,
						.acknowledge = acknowledge,
						.reject = reject,
						.failed = failed,
						.state = say_state};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		set_text(texts[i], "");
	set_text(&options->index, dialect == NA_HTTP_ELASTIC ? "logs" : "");
	set_text(&options->source, "netaudit");
	set_text(&options->sourcetype, "netaudit");
	options->dialect = dialect;
	options->verify = true;
	options->timeout = 30 * NA_NS_PER_SEC;
	options->requests = 4;
	options->batch_bytes = 1u << 20;
	for (size_t i = 0; i < count; i++) {
		snprintf(fixture->url_texts[i], sizeof(fixture->url_texts[i]), "%s://localhost:%u",
			 scheme, far_ends[i]->port);
		set_text(&fixture->urls[i], fixture->url_texts[i]);
	}
	options->url = (struct na_texts){fixture->urls, count};
}

int http_fixture_try_open(struct http_fixture *fixture)
{
	struct na_buffer why = {0};
	int error = na_output_http.check(&fixture->options, &why);

	assert_int_equal(error, 0);
	error = na_output_http.open(&fixture->options, &fixture->host, &fixture->instance, &why);
	if (error)
		snprintf(fixture->reason, sizeof(fixture->reason), "%.*s", (int)why.length,
			 why.data);
	na_buffer_done(&why);
	return error;
}

void http_fixture_open(struct http_fixture *fixture)
{
	assert_int_equal(http_fixture_try_open(fixture), 0);
}

void http_fixture_close(struct http_fixture *fixture)
{
	na_output_http.close(fixture->instance);
	fixture->instance = NULL;
	/* What fails is sent again by the output itself. */
	assert_int_equal(fixture->failed, 0);
}

void http_fixture_put(struct http_fixture *fixture, uint64_t from, uint64_t to)
{
	size_t count = (size_t)(to - from + 1), taken = 0;
	struct na_output_record *records = calloc(count, sizeof(*records));
	struct na_buffer why = {0};
	struct na_event event;

	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	for (size_t i = 0; i < count; i++) {
		uint64_t number = from + i;
		char *body = fixture->bodies[number], *id = fixture->ids[number];

		snprintf(body, sizeof(fixture->bodies[0]), "{\"n\":%llu}",
			 (unsigned long long)number);
		snprintf(id, sizeof(fixture->ids[0]), "id-%llu", (unsigned long long)number);
		fixture->offered[number] = true;
		records[i] = (struct na_output_record){
			.number = number,
			.id = na_text_of(id),
			.body = na_text_of(fixture->text ? fixture->text : body),
			.event = &event,
			.wall_ns = number * NA_NS_PER_SEC + 5,
			.resent = fixture->resent[number]};
	}
	assert_int_equal(na_output_http.put(fixture->instance, records, count, &taken, &why),
			 NA_OUTPUT_TAKEN);
	assert_int_equal(taken, count);
	na_buffer_done(&why);
	/* Whoever kept one of them is found by AddressSanitizer. */
	free(records);
}

void http_fixture_work(struct http_fixture *fixture, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++)
		assert_int_equal(na_output_http.work(fixture->instance, 10 * NA_NS_PER_MS),
				 NA_OUTPUT_TAKEN);
}

void http_fixture_settle(struct http_fixture *fixture)
{
	uint64_t until_ns = __real_na_clock_boot_ns() + PATIENCE_NS;

	do {
		assert_true(__real_na_clock_boot_ns() < until_ns);
		http_fixture_work(fixture, 1);
	} while (!TAILQ_EMPTY(&fixture->instance->flying));
}

void http_fixture_drive(struct http_fixture *fixture, unsigned int done)
{
	uint64_t until_ns = __real_na_clock_boot_ns() + PATIENCE_NS;

	while (fixture->done < done) {
		if (__real_na_clock_boot_ns() > until_ns)
			fail_msg("%u of %u are done; state %d: %s", fixture->done, done,
				 fixture->state, fixture->why);
		http_fixture_work(fixture, 1);
	}
	assert_int_equal(fixture->done, done);
}

void http_fixture_drive_to(struct http_fixture *fixture, enum na_output_state state)
{
	uint64_t until_ns = __real_na_clock_boot_ns() + PATIENCE_NS;

	while (fixture->state != state) {
		if (__real_na_clock_boot_ns() > until_ns)
			fail_msg("state %d is not %d: %s", fixture->state, state, fixture->why);
		http_fixture_work(fixture, 1);
	}
}

void http_fixture_drive_requests(struct http_fixture *fixture, struct far_end *far,
				 unsigned int requests)
{
	uint64_t until_ns = __real_na_clock_boot_ns() + PATIENCE_NS;
	unsigned int came = 0;

	while (came < requests) {
		if (__real_na_clock_boot_ns() > until_ns)
			fail_msg("%u requests came, not %u; state %d: %s", came, requests,
				 fixture->state, fixture->why);
		http_fixture_work(fixture, 1);
		FAR_LOCKED(far, came = far->requests);
	}
}

void http_fixture_skip(uint64_t seconds)
{
	http_fixture_skip_ns(seconds * NA_NS_PER_SEC);
}

void http_fixture_skip_ns(uint64_t ns)
{
	ahead_ns += ns;
}

void http_fixture_compare(struct http_fixture *fixture, struct far_end *const *far_ends,
			  size_t count, unsigned int twice)
{
	unsigned int repeated = 0;

	for (uint64_t number = 1; number < FAR_NUMBERS_MAX; number++) {
		unsigned int taken = 0;

		for (size_t i = 0; i < count; i++)
			taken += far_end_taken(far_ends[i], number);
		if (fixture->acknowledged[number] && !taken)
			fail_msg("%u is acknowledged and not there", (unsigned int)number);
		if (fixture->rejected[number] && taken)
			fail_msg("%u is rejected and there", (unsigned int)number);
		if (fixture->offered[number] && !fixture->acknowledged[number] &&
		    !fixture->rejected[number])
			fail_msg("nobody knows of %u", (unsigned int)number);
		repeated += taken > 1;
	}
	assert_true(repeated <= twice);
}

int http_token_make(void **state)
{
	int fd = mkstemp(http_token_path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int http_token_remove(void **state)
{
	(void)state;
	return unlink(http_token_path);
}

void http_token_write(const char *token)
{
	int fd = open(http_token_path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, token, strlen(token)), strlen(token));
	close(fd);
}
