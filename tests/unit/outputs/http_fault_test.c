/* SPDX-License-Identifier: Apache-2.0 */
/* Output http: what is acknowledged and rejected, against what the far end really took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http_fixture.h"

static struct far_end far, other;
static struct far_end *const both[] = {&far, &other};
static struct http_fixture fixture;

static const enum far_dialect all[] = {FAR_ELASTIC, FAR_SPLUNK, FAR_WEBHOOK};

static void begin(enum far_dialect dialect)
{
	far_end_start(&far, dialect, NULL);
	http_fixture_init(&fixture, (enum na_http_dialect_name)dialect, "http", both, 1);
	http_fixture_open(&fixture);
}

static void end(unsigned int twice)
{
	http_fixture_compare(&fixture, both, 1, twice);
	http_fixture_close(&fixture);
	far_end_stop(&far);
}

/* What each dialect lets come twice when the far end took it and could not say so. */
static unsigned int repeats(enum far_dialect dialect, unsigned int records)
{
	return dialect == FAR_ELASTIC ? 0 : records;
}

static void all_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		http_fixture_put(&fixture, 1, 100);
		http_fixture_put(&fixture, 101, 101);
		http_fixture_drive(&fixture, 101);
		assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
		assert_int_equal(fixture.changes, 0);
		end(0);
	}
}

static void uncompressed(void **state)
{
	(void)state;
	far_end_start(&far, FAR_WEBHOOK, NULL);
	http_fixture_init(&fixture, NA_HTTP_WEBHOOK, "http", both, 1);
	fixture.options.compression = NA_HTTP_NO_COMPRESSION;
	fixture.options.body = NA_HTTP_ARRAY;
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 3);
	http_fixture_drive(&fixture, 3);
	assert_string_equal(far.last_body.data, "[{\"n\":1},{\"n\":2},{\"n\":3}]");
	assert_null(strstr(far.last_head.data, "Content-Encoding"));
	assert_non_null(strstr(far.last_head.data, "POST / HTTP/1.1"));
	end(0);
}

static void what_elastic_gets(void **state)
{
	(void)state;
	begin(FAR_ELASTIC);
	http_fixture_put(&fixture, 1, 1);
	http_fixture_drive(&fixture, 1);
	assert_non_null(strstr(far.last_head.data, "POST /logs/_bulk?filter_path=errors,"));
	assert_non_null(strstr(far.last_head.data, "Content-Encoding: gzip"));
	assert_non_null(strstr(far.last_head.data, "Content-Type: application/x-ndjson"));
	assert_string_equal(far.last_body.data, "{\"create\":{\"_id\":\"id-1\"}}\n{\"n\":1}\n");
	end(0);
}

/* Far ends that took nothing, or everything, and in each case did not say so. */
struct fault {
	const char *name;
	struct far_step step;
	bool taken; /* all of it, before it went wrong */
	bool hangs; /* a time-out ends it */
	const char *words;
};

static const struct fault faults[] = {
	{"503", {FAR_STATUS, 503, NULL, "busy"}, false, false, "status 503: busy"},
	{"500", {FAR_STATUS, 500, NULL, NULL}, false, false, "status 500"},
	{"reset in the body", {FAR_RESET, 0, NULL, NULL}, false, false, NULL},
	{"answer lost", {FAR_LOSE, 0, NULL, NULL}, true, false, NULL},
	{"half closed", {FAR_HALF_CLOSE, 0, NULL, NULL}, true, false, NULL},
	{"hangs", {FAR_HANG, 0, NULL, NULL}, false, true, "no reply in time"},
	{"takes it and hangs", {FAR_TAKE_AND_HANG, 0, NULL, NULL}, true, true, "no reply in time"},
	{"answer cut off", {FAR_CUT, 0, NULL, NULL}, true, false, NULL},
	{"answer without end", {FAR_ENDLESS, 0, NULL, NULL}, true, false, "too large"},
};

static void fault_of(enum far_dialect dialect, const struct fault *fault)
{
	print_message("%s, dialect %d\n", fault->name, dialect);
	begin(dialect);
	far_end_script(&far, fault->step);
	http_fixture_put(&fixture, 1, 20);
	if (fault->hangs) {
		http_fixture_drive_requests(&fixture, &far, 1);
		assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
		http_fixture_skip(31);
	}
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	assert_int_equal(fixture.done, 0);
	if (fault->words)
		assert_non_null(strstr(fixture.why, fault->words));
	assert_int_equal(far_end_taken(&far, 1), fault->taken);
	http_fixture_skip(1);
	http_fixture_drive(&fixture, 20);
	assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
	end(fault->taken ? repeats(dialect, 20) : 0);
}

static void faults_of_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(faults) / sizeof(*faults); k++)
			fault_of(all[i], &faults[k]);
}

/* 200, and it cannot be what is said: nothing is acknowledged. */
static void unbelievable(enum far_dialect dialect, struct far_step step)
{
	begin(dialect);
	far_end_script(&far, step);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	assert_int_equal(fixture.done, 0);
	http_fixture_skip(1);
	http_fixture_drive(&fixture, 20);
	end(repeats(dialect, 20));
}

static void unbelievable_answers(void **state)
{
	static const char *const items[] = {
		"{\"items\":[]}",
		"{\"errors\":false}",
		"[]",
		"",
		"{\"items\":{}}",
		"{\"items\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}",
		"{\"errors\":false,\"items\":[{\"index\":{\"status\":201}}]}",
	};
	static const char *const codes[] = {
		"", "{}", "[]", "{\"code\":\"0\"}", "{\"code\":9}", "{\"text\":\"Success\"}"};

	(void)state;
	unbelievable(FAR_ELASTIC, (struct far_step){.act = FAR_GARBAGE});
	unbelievable(FAR_ELASTIC, (struct far_step){.act = FAR_ONE_LESS});
	unbelievable(FAR_ELASTIC, (struct far_step){.act = FAR_ONE_MORE});
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
		unbelievable(FAR_ELASTIC, (struct far_step){.act = FAR_BODY, .body = items[i]});
	unbelievable(FAR_SPLUNK, (struct far_step){.act = FAR_GARBAGE});
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		unbelievable(FAR_SPLUNK, (struct far_step){.act = FAR_BODY, .body = codes[i]});
}

static void nobody_there(void **state)
{
	(void)state;
	far_end_start(&far, FAR_WEBHOOK, NULL);
	http_fixture_init(&fixture, NA_HTTP_WEBHOOK, "http", both, 1);
	far_end_stop(&far);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	assert_int_equal(fixture.done, 0);
	http_fixture_close(&fixture);
}

/* A person must act; what came back then goes. */
static void holds(int status, const char *words)
{
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		far_end_script(&far, (struct far_step){FAR_STATUS, status, NULL, "no"});
		http_fixture_put(&fixture, 1, 20);
		http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
		assert_non_null(strstr(fixture.why, words));
		/* Not before its time. */
		http_fixture_skip(50);
		http_fixture_work(&fixture, 3);
		assert_int_equal(fixture.done, 0);
		http_fixture_skip(11);
		http_fixture_drive(&fixture, 20);
		assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
		end(0);
	}
}

static void holds_for_a_person(void **state)
{
	(void)state;
	holds(401, "status 401: no; are user, password_file or token_file right?");
	holds(403, "status 403");
	holds(404, "are url and index right?");
	holds(405, "dialect");
	holds(307, "is not followed");
}

/* A busy far end says when. Seconds, and a date. */
static void waits_as_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		far_end_script(&far,
			       (struct far_step){FAR_STATUS, 429, "Retry-After: 100\r\n", "busy"});
		http_fixture_put(&fixture, 1, 20);
		http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
		assert_non_null(strstr(fixture.why, "status 429: busy"));
		http_fixture_skip(90);
		http_fixture_work(&fixture, 3);
		assert_int_equal(far.requests, 1);
		http_fixture_skip(11);
		http_fixture_drive(&fixture, 20);
		end(0);
	}
}

static void waits_until_a_date(void **state)
{
	char header[80];
	time_t then = (time_t)(na_clock_wall_ns() / NA_NS_PER_SEC) + 100;
	struct tm tm;

	(void)state;
	gmtime_r(&then, &tm);
	strftime(header, sizeof(header), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	begin(FAR_WEBHOOK);
	far_end_script(&far, (struct far_step){FAR_STATUS, 503, header, NULL});
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	http_fixture_skip(80);
	http_fixture_work(&fixture, 3);
	assert_int_equal(far.requests, 1);
	http_fixture_skip(21);
	http_fixture_drive(&fixture, 20);
	end(0);
}

/* One 429 is how far ends say that they are busy: nobody is woken for it. */
static void short_wait_is_quiet(void **state)
{
	(void)state;
	begin(FAR_WEBHOOK);
	far_end_script(&far, (struct far_step){FAR_STATUS, 429, NULL, NULL});
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_requests(&fixture, &far, 1);
	http_fixture_work(&fixture, 3);
	http_fixture_skip(1);
	http_fixture_drive(&fixture, 20);
	assert_int_equal(fixture.changes, 0);
	end(0);
}

static void too_large_is_halved(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		far.bytes_max = 700;
		http_fixture_put(&fixture, 1, 100);
		http_fixture_drive(&fixture, 100);
		assert_true(far.largest < 100);
		assert_int_equal(fixture.changes, 0);
		end(0);
	}
}

static void one_that_is_too_large(void **state)
{
	(void)state;
	begin(FAR_WEBHOOK);
	far.item_status[2] = 413;
	http_fixture_put(&fixture, 1, 1);
	http_fixture_drive(&fixture, 1);
	/* Alone: is it this one, or does it take nothing any more? */
	http_fixture_put(&fixture, 2, 2);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	http_fixture_skip(1);
	http_fixture_put(&fixture, 3, 3);
	http_fixture_drive(&fixture, 3);
	assert_true(fixture.rejected[2]);
	assert_non_null(strstr(fixture.reason, "status 413: "));
	end(0);
}

static void poison_among_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		far.item_status[17] = far.item_status[40] = 400;
		http_fixture_put(&fixture, 1, 50);
		http_fixture_drive(&fixture, 50);
		assert_true(fixture.rejected[17] && fixture.rejected[40]);
		assert_non_null(strstr(fixture.reason, all[i] == FAR_ELASTIC
							       ? "status 400 of an item: "
								 "some_exception: field [x] of"
							       : "status 400: "));
		assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
		end(0);
	}
}

static void culprit_is_named(void **state)
{
	(void)state;
	begin(FAR_SPLUNK);
	far.names_culprit = true;
	far.item_status[17] = 400;
	http_fixture_put(&fixture, 1, 50);
	http_fixture_drive(&fixture, 50);
	assert_true(fixture.rejected[17]);
	/* The whole, what is in front, the one, what is behind. */
	assert_int_equal(far.requests, 4);
	end(0);
}

/* A far end that never took anything may be the wrong one: no dead letters on its word. */
static void refusing_everything_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		for (int n = 1; n <= 8; n++)
			far.item_status[n] = 400;
		http_fixture_put(&fixture, 1, 8);
		http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
		assert_int_equal(fixture.done, 0);
		FAR_LOCKED(&far, for (int n = 1; n <= 7; n++) far.item_status[n] = 0);
		http_fixture_skip(61);
		http_fixture_drive(&fixture, 8);
		assert_true(fixture.rejected[8]);
		assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
		end(0);
	}
}

/* So may one that took everything before: a certificate has expired, an index was closed. */
static void refusing_everything_from_now_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		http_fixture_put(&fixture, 1, 8);
		http_fixture_drive(&fixture, 8);
		for (int n = 9; n <= 308; n++)
			far.item_status[n] = 400;
		http_fixture_put(&fixture, 9, 308);
		for (int k = 0; k < 10; k++) {
			http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
			http_fixture_settle(&fixture);
			http_fixture_skip(61);
		}
		assert_int_equal(fixture.done, 8);
		assert_true(far.requests < 100);
		FAR_LOCKED(&far,
			   for (int n = 9; n <= 308; n++) if (n != 99) far.item_status[n] = 0);
		for (int k = 0; k < 20 && fixture.done < 308; k++) {
			http_fixture_skip(61);
			http_fixture_work(&fixture, 20);
			http_fixture_settle(&fixture);
		}
		assert_int_equal(fixture.done, 308);
		assert_true(fixture.rejected[99]);
		assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
		end(0);
	}
}

static void busy_items_go_alone(void **state)
{
	(void)state;
	begin(FAR_ELASTIC);
	far.item_status[5] = 429;
	far.item_status[9] = 503;
	far.item_times[5] = far.item_times[9] = 1;
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive(&fixture, 18);
	assert_false(fixture.acknowledged[5] || fixture.acknowledged[9]);
	http_fixture_skip(1);
	http_fixture_drive(&fixture, 20);
	assert_string_equal(far.last_body.data, "{\"create\":{\"_id\":\"id-5\"}}\n{\"n\":5}\n"
						"{\"create\":{\"_id\":\"id-9\"}}\n{\"n\":9}\n");
	end(0);
}

static void denied_items_hold(void **state)
{
	(void)state;
	begin(FAR_ELASTIC);
	far.item_status[5] = 403;
	far.item_times[5] = 1;
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive(&fixture, 19);
	assert_int_equal(fixture.state, NA_OUTPUT_HELD);
	http_fixture_skip(61);
	http_fixture_drive(&fixture, 20);
	end(0);
}

static void somebody_elses_document(void **state)
{
	(void)state;
	begin(FAR_ELASTIC);
	far.foreign[3] = far.foreign[4] = true;
	fixture.resent[4] = true;
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive(&fixture, 5);
	assert_true(fixture.rejected[3]);
	assert_non_null(strstr(fixture.reason, "status 409"));
	/* This one may have been sent by us before: it is believed to be ours. */
	assert_true(fixture.acknowledged[4]);
	FAR_LOCKED(&far, far.taken[4] = 1);
	end(0);
}

/* A conflict after a request that never left is none of ours. */
static void refused_connection_is_not_sent(void **state)
{
	(void)state;
	far_end_prepare(&far, FAR_ELASTIC, NULL);
	http_fixture_init(&fixture, NA_HTTP_ELASTIC, "http", both, 1);
	http_fixture_open(&fixture);
	far.foreign[1] = true;
	http_fixture_put(&fixture, 1, 2);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	far_end_listen(&far);
	http_fixture_skip(1);
	http_fixture_drive(&fixture, 2);
	assert_true(fixture.rejected[1]);
	assert_non_null(strstr(fixture.reason, "status 409"));
	assert_true(fixture.acknowledged[2]);
	end(0);
}

/* One after a request that was refused may be. */
static void refused_request_may_be_sent(void **state)
{
	(void)state;
	begin(FAR_ELASTIC);
	far.foreign[1] = true;
	far_end_script(&far, (struct far_step){FAR_STATUS, 503, NULL, NULL});
	http_fixture_put(&fixture, 1, 1);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	http_fixture_skip(1);
	http_fixture_drive(&fixture, 1);
	/* It left: 503 may have come from between us and who took it. */
	assert_true(fixture.acknowledged[1]);
	FAR_LOCKED(&far, far.taken[1] = 1);
	end(0);
}

/* libcurl sends again by itself when a kept connection is dead: the conflict is our own. */
static void dead_connection(void **state)
{
	(void)state;
	begin(FAR_ELASTIC);
	http_fixture_put(&fixture, 1, 1);
	http_fixture_drive(&fixture, 1);
	far_end_script(&far, (struct far_step){.act = FAR_LOSE});
	http_fixture_put(&fixture, 2, 2);
	http_fixture_skip(1);
	http_fixture_work(&fixture, 2);
	http_fixture_skip(2);
	http_fixture_drive(&fixture, 2);
	assert_true(fixture.acknowledged[2]);
	end(0);
}

static void await_at_once(unsigned int wanted)
{
	unsigned int at_once;

	do {
		http_fixture_work(&fixture, 1);
		FAR_LOCKED(&far, at_once = far.at_once);
	} while (at_once != wanted);
	/* Time for one too many to show. */
	http_fixture_work(&fixture, 5);
	FAR_LOCKED(&far, assert_int_equal(far.at_once, wanted));
}

static void number_in_flight_adapts(void **state)
{
	(void)state;
	begin(FAR_WEBHOOK);
	FAR_LOCKED(&far, far.hold = true);
	for (uint64_t n = 1; n <= 40; n++)
		http_fixture_put(&fixture, n, n);
	await_at_once(1);
	FAR_LOCKED(&far, far.hold = false);
	http_fixture_drive(&fixture, 40);
	FAR_LOCKED(&far, far.hold = true);
	for (uint64_t n = 41; n <= 80; n++)
		http_fixture_put(&fixture, n, n);
	await_at_once(4);
	/* Busy: half of it, and then again more. */
	for (int i = 0; i < 4; i++)
		far_end_script(&far,
			       (struct far_step){FAR_STATUS, 429, "Retry-After: 100\r\n", NULL});
	FAR_LOCKED(&far, far.hold = false);
	await_at_once(0);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	FAR_LOCKED(&far, far.hold = true);
	http_fixture_skip(101);
	await_at_once(2);
	FAR_LOCKED(&far, far.hold = false);
	http_fixture_drive(&fixture, 80);
	FAR_LOCKED(&far, far.hold = true);
	for (uint64_t n = 81; n <= 100; n++)
		http_fixture_put(&fixture, n, n);
	await_at_once(4);
	FAR_LOCKED(&far, far.hold = false);
	http_fixture_drive(&fixture, 100);
	end(0);
}

/* What is not full waits while others are on their way. */
static void small_ones_are_gathered(void **state)
{
	(void)state;
	begin(FAR_WEBHOOK);
	FAR_LOCKED(&far, far.hold = true);
	http_fixture_put(&fixture, 1, 10);
	http_fixture_drive_requests(&fixture, &far, 1);
	http_fixture_put(&fixture, 11, 12);
	http_fixture_put(&fixture, 13, 14);
	http_fixture_work(&fixture, 2);
	assert_int_equal(far.requests, 1);
	FAR_LOCKED(&far, far.hold = false);
	http_fixture_drive(&fixture, 14);
	assert_int_equal(far.requests, 2);
	end(0);
}

static void another_url_takes_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		far_end_start(&far, all[i], NULL);
		far_end_start(&other, all[i], NULL);
		http_fixture_init(&fixture, (enum na_http_dialect_name)all[i], "http", both, 2);
		http_fixture_open(&fixture);
		far_end_script(&far,
			       (struct far_step){FAR_STATUS, 503, "Retry-After: 500\r\n", NULL});
		http_fixture_put(&fixture, 1, 20);
		http_fixture_drive(&fixture, 20);
		/* The one that is down is told of, and left alone. */
		assert_int_equal(fixture.state, NA_OUTPUT_RETRYING);
		assert_int_equal(far_end_taken(&other, 20), 1);
		http_fixture_put(&fixture, 21, 30);
		http_fixture_drive(&fixture, 30);
		assert_int_equal(far.requests, 1);
		http_fixture_compare(&fixture, both, 2, 0);
		http_fixture_close(&fixture);
		far_end_stop(&far);
		far_end_stop(&other);
	}
}

static void several_urls_share(void **state)
{
	unsigned int first = 0, second = 0;

	(void)state;
	far_end_start(&far, FAR_WEBHOOK, NULL);
	far_end_start(&other, FAR_WEBHOOK, NULL);
	http_fixture_init(&fixture, NA_HTTP_WEBHOOK, "http", both, 2);
	http_fixture_open(&fixture);
	FAR_LOCKED(&far, far.hold = true);
	FAR_LOCKED(&other, other.hold = true);
	for (uint64_t n = 1; n <= 40; n++)
		http_fixture_put(&fixture, n, n);
	while (!first || !second) {
		http_fixture_work(&fixture, 1);
		FAR_LOCKED(&far, first = far.at_once);
		FAR_LOCKED(&other, second = other.at_once);
	}
	FAR_LOCKED(&far, far.hold = false);
	FAR_LOCKED(&other, other.hold = false);
	http_fixture_drive(&fixture, 40);
	http_fixture_compare(&fixture, both, 2, 0);
	http_fixture_close(&fixture);
	far_end_stop(&far);
	far_end_stop(&other);
}

static void drain_waits_for_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		http_fixture_put(&fixture, 1, 20);
		http_fixture_put(&fixture, 21, 22);
		na_output_http.drain(fixture.instance, na_clock_boot_ns() + 20 * NA_NS_PER_SEC);
		assert_int_equal(fixture.done, 22);
		end(0);
	}
}

/* Nobody can be reached before the deadline: it is not waited for. */
static void drain_gives_up(void **state)
{
	uint64_t before_ns;

	(void)state;
	begin(FAR_WEBHOOK);
	far_end_script(&far, (struct far_step){FAR_STATUS, 401, NULL, NULL});
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	before_ns = na_clock_boot_ns();
	na_output_http.drain(fixture.instance, before_ns + 20 * NA_NS_PER_SEC);
	assert_true(na_clock_boot_ns() - before_ns < 15 * NA_NS_PER_SEC);
	assert_int_equal(fixture.done, 0);
	http_fixture_close(&fixture);
	far_end_stop(&far);
}

static void close_with_all_under_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(all[i]);
		FAR_LOCKED(&far, far.hold = true);
		for (uint64_t n = 1; n <= 40; n++)
			http_fixture_put(&fixture, n, n);
		http_fixture_drive_requests(&fixture, &far, 1);
		http_fixture_close(&fixture);
		far_end_stop(&far);
	}
}

static void only_json_where_json_is_needed(void **state)
{
	struct na_output_record record = {
		.number = 1, .id = na_text_of("i"), .body = na_text_of("connect 1.2.3.4")};
	struct na_buffer why = {0};
	size_t taken = 0;

	(void)state;
	begin(FAR_ELASTIC);
	assert_int_equal(na_output_http.put(fixture.instance, &record, 1, &taken, &why),
			 NA_OUTPUT_LATER);
	assert_int_equal(fixture.state, NA_OUTPUT_HELD);
	assert_non_null(strstr(fixture.why, "format"));
	na_buffer_done(&why);
	end(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_arrive),
		cmocka_unit_test(uncompressed),
		cmocka_unit_test(what_elastic_gets),
		cmocka_unit_test(faults_of_all),
		cmocka_unit_test(unbelievable_answers),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(holds_for_a_person),
		cmocka_unit_test(waits_as_asked),
		cmocka_unit_test(waits_until_a_date),
		cmocka_unit_test(short_wait_is_quiet),
		cmocka_unit_test(too_large_is_halved),
		cmocka_unit_test(one_that_is_too_large),
		cmocka_unit_test(poison_among_others),
		cmocka_unit_test(culprit_is_named),
		cmocka_unit_test(refusing_everything_holds),
		cmocka_unit_test(refusing_everything_from_now_on),
		cmocka_unit_test(busy_items_go_alone),
		cmocka_unit_test(denied_items_hold),
		cmocka_unit_test(somebody_elses_document),
		cmocka_unit_test(refused_connection_is_not_sent),
		cmocka_unit_test(refused_request_may_be_sent),
		cmocka_unit_test(dead_connection),
		cmocka_unit_test(number_in_flight_adapts),
		cmocka_unit_test(small_ones_are_gathered),
		cmocka_unit_test(another_url_takes_over),
		cmocka_unit_test(several_urls_share),
		cmocka_unit_test(drain_waits_for_answers),
		cmocka_unit_test(drain_gives_up),
		cmocka_unit_test(close_with_all_under_way),
		cmocka_unit_test(only_json_where_json_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
