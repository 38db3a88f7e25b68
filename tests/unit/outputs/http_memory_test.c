/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output http when the n-th allocation fails, of its own, of libcurl's and of jansson's: what is
 * acknowledged is there, and in the end all of it. The far end's threads are spared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>

#include "../config/failing_memory.h"
#include "http_fixture.h"

#define RECORDS 12
#define EACH 150 /* of the first ones each fails; then one in seven */

static struct far_end far;
static struct far_end *const one[] = {&far};
static struct http_fixture fixture;

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

/* One try; whether all that is left was offered. */
static void offer(bool *offered)
{
	struct na_output_record records[RECORDS];
	size_t count = 0, taken = 0;
	struct na_buffer why = {0};

	for (uint64_t n = 1; n <= RECORDS; n++) {
		if (fixture.acknowledged[n])
			continue;
		snprintf(fixture.bodies[n], sizeof(fixture.bodies[n]), "{\"n\":%u}", (unsigned)n);
		snprintf(fixture.ids[n], sizeof(fixture.ids[n]), "id-%u", (unsigned)n);
		fixture.offered[n] = true;
		records[count++] = (struct na_output_record){.number = n,
							     .id = na_text_of(fixture.ids[n]),
							     .body = na_text_of(fixture.bodies[n]),
							     .resent = fixture.resent[n]};
	}
	*offered = true;
	/* Taken may be a part: the rest is offered again. */
	for (size_t at = 0, tries = 0; at < count; at += taken, tries++) {
		assert_true(tries < 5);
		taken = 0;
		na_buffer_done(&why);
		na_output_http.put(fixture.instance, records + at, count - at, &taken, &why);
	}
	na_buffer_done(&why);
}

/* One round; whoever is broken is opened again and offered what is left. */
static void go_round(bool *offered)
{
	struct na_buffer why = {0};

	if (!fixture.instance) {
		na_output_http.open(&fixture.options, &fixture.host, &fixture.instance, &why);
		na_buffer_done(&why);
		*offered = false;
	}
	if (fixture.instance && !*offered)
		offer(offered);
	if (!fixture.instance ||
	    na_output_http.work(fixture.instance, 10 * NA_NS_PER_MS) == NA_OUTPUT_TAKEN)
		return;
	na_output_http.close(fixture.instance);
	fixture.instance = NULL;
	memset(fixture.resent, true, sizeof(fixture.resent));
}

/* false: there are fewer allocations. */
static bool try_at(enum far_dialect dialect, unsigned long n)
{
	bool offered = false, has_failed;

	far_end_start(&far, dialect, NULL);
	far.acks = FAR_ACKS_TRUE;
	http_fixture_init(&fixture, (enum na_http_dialect_name)dialect, "http", one, 1);
	na_memory_fail_at(n);
	for (int i = 0; fixture.done < RECORDS; i++) {
		if (i == 300)
			fail_msg("allocation %lu: %u done, %u requests, %u questions, state %d: %s",
				 n, fixture.done, far.requests, far.polls, fixture.state,
				 fixture.why);
		go_round(&offered);
		/* Not so fast that a reply would be late. An acknowledgement that found no memory
		 * is not given again: 300 s. */
		if (i % 3 == 2)
			http_fixture_skip(i < 60 ? 2 : 301);
	}
	has_failed = na_memory_has_failed();
	na_memory_fail_at(0);
	http_fixture_compare(&fixture, one, 1, dialect == FAR_ELASTIC ? 0 : RECORDS);
	http_fixture_close(&fixture);
	far_end_stop(&far);
	return has_failed;
}

static void each_allocation(void **state)
{
	static const enum far_dialect dialects[] = {FAR_ELASTIC, FAR_SPLUNK};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		unsigned long n = 1;

		while (try_at(dialects[i], n))
			n += n < EACH ? 1 : 7;
		print_message("dialect %d: %lu allocations\n", dialects[i], n);
		assert_true(n > 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation)};

	/* The output asks for it again, and gets what is there. */
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, __wrap_malloc, free, __wrap_realloc,
			     __wrap_strdup, __wrap_calloc);
	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
