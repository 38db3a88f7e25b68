/* SPDX-License-Identifier: Apache-2.0 */
/* Output http, dialect splunk: acknowledgements of indexers, codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_fixture.h"

static struct far_end far;
static struct far_end *const one[] = {&far};
static struct http_fixture fixture;

static void begin(enum far_acks acks, enum na_http_ack ack)
{
	far_end_start(&far, FAR_SPLUNK, NULL);
	far.acks = acks;
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	fixture.options.ack = ack;
	http_fixture_open(&fixture);
}

static void end(unsigned int twice)
{
	http_fixture_compare(&fixture, one, 1, twice);
	http_fixture_close(&fixture);
	far_end_stop(&far);
}

static void set_acks(enum far_acks acks)
{
	FAR_LOCKED(&far, far.acks = acks);
}

/* So many questions later, none of which is answered with yes. */
static void drive_polls(unsigned int more)
{
	unsigned int until, polls, rounds = 0;

	FAR_LOCKED(&far, until = far.polls + more);
	do {
		assert_true(rounds++ < 200);
		http_fixture_skip(1);
		http_fixture_work(&fixture, 5);
		FAR_LOCKED(&far, polls = far.polls);
	} while (polls < until);
	http_fixture_work(&fixture, 2);
}

/* Asking once a second until so many are done. */
static void drive_acks(unsigned int done)
{
	for (int i = 0; i < 200 && fixture.done < done; i++) {
		http_fixture_skip(1);
		http_fixture_work(&fixture, 5);
	}
	assert_int_equal(fixture.done, done);
}

static void what_it_gets(void **state)
{
	char host[256], expected[1024];
	const char *channel;

	(void)state;
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	snprintf(expected, sizeof(expected),
		 "{\"time\":1.000000005,\"host\":\"%s\",\"source\":\"netaudit\","
		 "\"sourcetype\":\"netaudit\",\"index\":\"audit\",\"event\":{\"n\":1}}"
		 "{\"time\":2.000000005,\"host\":\"%s\",\"source\":\"netaudit\","
		 "\"sourcetype\":\"netaudit\",\"index\":\"audit\",\"event\":{\"n\":2}}",
		 host, host);
	far_end_start(&far, FAR_SPLUNK, NULL);
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	http_token_write("secret-token\n");
	fixture.options.token_file = na_text_of(http_token_path);
	fixture.options.index = na_text_of("audit");
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 2);
	http_fixture_drive(&fixture, 2);
	assert_string_equal(far.last_body.data, expected);
	assert_non_null(strstr(far.last_head.data, "POST /services/collector/event HTTP/1.1"));
	assert_non_null(strstr(far.last_head.data, "Authorization: Splunk secret-token\r\n"));
	channel = strstr(far.last_head.data, "X-Splunk-Request-Channel: ");
	assert_non_null(channel);
	assert_int_equal(strcspn(channel + 26, "\r"), 36);
	assert_int_equal(channel[26 + 14], '4');
	end(0);
}

/* As people copy it. */
static void url_with_the_path(void **state)
{
	char url[128];

	(void)state;
	far_end_start(&far, FAR_SPLUNK, NULL);
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	snprintf(url, sizeof(url), "%s/x/services/collector/", fixture.url_texts[0]);
	fixture.urls[0] = na_text_of(url);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 2);
	http_fixture_drive(&fixture, 2);
	assert_non_null(strstr(far.last_head.data, "POST /x/services/collector/event HTTP/1.1"));
	end(0);
}

static void delivered_when_indexed(void **state)
{
	static const enum na_http_ack acks[] = {NA_HTTP_ACK_AUTO, NA_HTTP_ACK_REQUIRED};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(FAR_ACKS_FALSE, acks[i]);
		http_fixture_put(&fixture, 1, 20);
		http_fixture_drive_requests(&fixture, &far, 1);
		http_fixture_put(&fixture, 21, 30);
		drive_polls(3);
		assert_int_equal(fixture.done, 0);
		assert_int_equal(far_end_taken(&far, 30), 1);
		set_acks(FAR_ACKS_TRUE);
		drive_acks(30);
		assert_int_equal(fixture.worst, NA_OUTPUT_WORKING);
		end(0);
	}
}

static void never_acknowledged_is_sent_again(void **state)
{
	(void)state;
	begin(FAR_ACKS_FALSE, NA_HTTP_ACK_AUTO);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_requests(&fixture, &far, 1);
	drive_polls(1);
	http_fixture_skip(280);
	http_fixture_work(&fixture, 3);
	assert_int_equal(far.requests, 1);
	http_fixture_skip(21);
	http_fixture_drive_to(&fixture, NA_OUTPUT_RETRYING);
	assert_non_null(strstr(fixture.why, "300 s"));
	set_acks(FAR_ACKS_TRUE);
	http_fixture_skip(1);
	http_fixture_drive_requests(&fixture, &far, 2);
	drive_acks(20);
	end(20);
}

/* What says that it is there is lost, and said only once. */
static void lost_answer(void **state)
{
	(void)state;
	begin(FAR_ACKS_LOST, NA_HTTP_ACK_AUTO);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_requests(&fixture, &far, 1);
	drive_polls(3);
	assert_int_equal(fixture.done, 0);
	http_fixture_skip(301);
	http_fixture_drive_requests(&fixture, &far, 2);
	drive_acks(20);
	end(20);
}

static void acknowledge_batch(uint64_t from, uint64_t to)
{
	http_fixture_put(&fixture, from, to);
	drive_acks(fixture.done + (unsigned int)(to - from + 1));
}

static size_t count_channels(void)
{
	size_t count;

	FAR_LOCKED(&far, count = far.channel_count);
	return count;
}

/* It took a request, was started anew before it was indexed, and begins with 0 again: the number of
 * the next request is no word about the first. */
static void number_of_another(bool late)
{
	begin(FAR_ACKS_TRUE, NA_HTTP_ACK_REQUIRED);
	far_end_script(&far, (struct far_step){.act = FAR_FORGET});
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_requests(&fixture, &far, 1);
	http_fixture_settle(&fixture);
	FAR_LOCKED(&far, far.late = late);
	http_fixture_put(&fixture, 21, 40);
	http_fixture_drive_requests(&fixture, &far, 2);
	if (late)
		drive_polls(3);
	FAR_LOCKED(&far, far.late = false);
	drive_acks(20);
	assert_false(fixture.acknowledged[1]);
	drive_polls(2);
	assert_int_equal(fixture.done, 20);
	http_fixture_skip(301);
	drive_acks(40);
	end(0);
}

static void both_have_the_same_number(void **state)
{
	(void)state;
	number_of_another(false);
}

/* The number that is asked for is the other's, of which we do not know it yet. */
static void number_of_one_that_is_on_its_way(void **state)
{
	(void)state;
	number_of_another(true);
}

/* A channel serves one request behind the other, as long as it is fresh. */
static void channels_serve_again(void **state)
{
	(void)state;
	begin(FAR_ACKS_TRUE, NA_HTTP_ACK_AUTO);
	for (uint64_t n = 1; n <= 81; n += 20)
		acknowledge_batch(n, n + 19);
	assert_int_equal(count_channels(), 1);
	assert_int_equal(far.channels[0].next_ack, 5);
	http_fixture_skip(61);
	acknowledge_batch(101, 120);
	assert_int_equal(count_channels(), 2);
	end(0);
}

/* One that was used gets a number that is not above its last: the request is sent again, and for an
 * hour each has a new one. */
static void number_that_was_there_before(void **state)
{
	(void)state;
	begin(FAR_ACKS_TRUE, NA_HTTP_ACK_AUTO);
	acknowledge_batch(1, 20);
	FAR_LOCKED(&far, far.channel_count = 0);
	acknowledge_batch(21, 40);
	assert_int_equal(far.requests, 3);
	assert_int_equal(count_channels(), 2);
	FAR_LOCKED(&far, far.channel_count = 0);
	acknowledge_batch(41, 60);
	acknowledge_batch(61, 80);
	assert_int_equal(far.requests, 5);
	assert_int_equal(count_channels(), 2);
	http_fixture_skip(3601);
	acknowledge_batch(81, 100);
	acknowledge_batch(101, 120);
	assert_int_equal(count_channels(), 3);
	assert_int_equal(fixture.worst, NA_OUTPUT_WORKING);
	end(20);
}

/* libcurl sent it twice, over a new connection, and one number is not known: none other may have
 * that channel. Nor may one that is used be used again after a reply that did not come. */
static void channel_of_a_lost_reply(void **state)
{
	(void)state;
	begin(FAR_ACKS_TRUE, NA_HTTP_ACK_AUTO);
	acknowledge_batch(1, 20);
	far_end_script(&far, (struct far_step){.act = FAR_LOSE});
	acknowledge_batch(21, 40);
	assert_int_equal(far.requests, 3);
	acknowledge_batch(41, 60);
	assert_int_equal(count_channels(), 2);
	far_end_script(&far, (struct far_step){.act = FAR_CUT});
	acknowledge_batch(61, 80);
	assert_int_equal(far.requests, 6);
	assert_int_equal(count_channels(), 3);
	end(40);
}

static void without_acknowledgements(void **state)
{
	(void)state;
	begin(FAR_ACKS_NONE, NA_HTTP_ACK_AUTO);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive(&fixture, 20);
	assert_int_equal(far.polls, 0);
	end(0);
}

static void switched_off(void **state)
{
	(void)state;
	begin(FAR_ACKS_FALSE, NA_HTTP_ACK_OFF);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive(&fixture, 20);
	assert_int_equal(far.polls, 0);
	end(0);
}

/* Required, and not there: nothing is sent before somebody switched it on. */
static void required(void **state)
{
	(void)state;
	begin(FAR_ACKS_NONE, NA_HTTP_ACK_REQUIRED);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	assert_non_null(strstr(fixture.why, "ack: required"));
	http_fixture_skip(61);
	http_fixture_work(&fixture, 5);
	assert_int_equal(fixture.state, NA_OUTPUT_HELD);
	assert_int_equal(far.requests, 0);
	set_acks(FAR_ACKS_TRUE);
	http_fixture_skip(61);
	http_fixture_drive_requests(&fixture, &far, 1);
	drive_acks(20);
	assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
	end(0);
}

/* It said that it acknowledges, and then does not: seen by the reply. */
static void required_and_not_given(void **state)
{
	(void)state;
	begin(FAR_ACKS_TRUE, NA_HTTP_ACK_REQUIRED);
	far_end_script(&far, (struct far_step){.act = FAR_BODY, .body = "{\"code\":0}"});
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	assert_int_equal(fixture.done, 0);
	http_fixture_skip(61);
	http_fixture_drive_requests(&fixture, &far, 2);
	drive_acks(20);
	end(20);
}

/* Switched off while acknowledgements are awaited: sent again, and the weaker promise holds. */
static void taken_away(void **state)
{
	(void)state;
	begin(FAR_ACKS_FALSE, NA_HTTP_ACK_AUTO);
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_requests(&fixture, &far, 1);
	drive_polls(1);
	set_acks(FAR_ACKS_NONE);
	drive_acks(20);
	assert_int_equal(far.requests, 2);
	end(20);
}

static void balancers_cookie_is_kept(void **state)
{
	(void)state;
	begin(FAR_ACKS_FALSE, NA_HTTP_ACK_AUTO);
	far.wants_cookie = true;
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_requests(&fixture, &far, 1);
	drive_polls(1);
	set_acks(FAR_ACKS_TRUE);
	drive_acks(20);
	http_fixture_put(&fixture, 21, 40);
	http_fixture_drive_requests(&fixture, &far, 2);
	drive_acks(40);
	assert_int_equal(far.cookies_missing, 0);
	end(0);
}

static void drain_awaits_indexers(void **state)
{
	(void)state;
	begin(FAR_ACKS_TRUE, NA_HTTP_ACK_AUTO);
	http_fixture_put(&fixture, 1, 20);
	na_output_http.drain(fixture.instance, na_clock_boot_ns() + 20 * NA_NS_PER_SEC);
	assert_int_equal(fixture.done, 20);
	end(0);
}

struct code {
	int status;
	const char *body;
	enum na_output_state state;
	const char *words;
};

static void codes(void **state)
{
	static const struct code table[] = {
		{403, "{\"text\":\"Token is disabled\",\"code\":1}", NA_OUTPUT_HELD,
		 "Token is disabled; the token is disabled"},
		{401, "{\"text\":\"Token is required\",\"code\":2}", NA_OUTPUT_HELD,
		 "token_file is needed"},
		{401, "{\"text\":\"Invalid authorization\",\"code\":3}", NA_OUTPUT_HELD,
		 "token_file"},
		{403, "{\"text\":\"Invalid token\",\"code\":4}", NA_OUTPUT_HELD, "token_file"},
		{400, "{\"text\":\"Incorrect index\",\"code\":7}", NA_OUTPUT_HELD, "index"},
		{500, "{\"text\":\"Internal error\",\"code\":8}", NA_OUTPUT_RETRYING, "Internal"},
		{503, "{\"text\":\"Server is busy\",\"code\":9}", NA_OUTPUT_RETRYING, "busy"},
		{400, "{\"text\":\"Data channel is missing\",\"code\":10}", NA_OUTPUT_HELD,
		 "between"},
		{400, "{\"text\":\"Invalid data channel\",\"code\":11}", NA_OUTPUT_HELD, "between"},
		{503, "{\"text\":\"Queues are full\",\"code\":18}", NA_OUTPUT_RETRYING, "full"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		begin(FAR_ACKS_NONE, NA_HTTP_ACK_AUTO);
		far_end_script(&far,
			       (struct far_step){FAR_STATUS, table[i].status, NULL, table[i].body});
		http_fixture_put(&fixture, 1, 20);
		http_fixture_drive_to(&fixture, table[i].state);
		assert_non_null(strstr(fixture.why, table[i].words));
		assert_int_equal(fixture.done, 0);
		http_fixture_skip(61);
		http_fixture_drive(&fixture, 20);
		end(0);
	}
}

/* What is bad about an event: it gets alone, and is a dead letter when it is refused again. */
static void codes_of_events(void **state)
{
	static const int bad[] = {5, 6, 12, 13, 15};
	char first[128], alone[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(first, sizeof(first),
			 "{\"text\":\"Bad\",\"code\":%d,\"invalid-event-number\":3}", bad[i]);
		snprintf(alone, sizeof(alone), "{\"text\":\"Bad alone\",\"code\":%d}", bad[i]);
		far_end_start(&far, FAR_SPLUNK, NULL);
		http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
		fixture.options.requests = 1;
		http_fixture_open(&fixture);
		far_end_script(&far, (struct far_step){FAR_STATUS, 400, NULL, first});
		far_end_script(&far, (struct far_step){.act = FAR_ANSWER});
		far_end_script(&far, (struct far_step){FAR_STATUS, 400, NULL, alone});
		http_fixture_put(&fixture, 1, 20);
		http_fixture_drive(&fixture, 20);
		assert_true(fixture.rejected[4]);
		assert_non_null(strstr(fixture.reason, "status 400: Bad alone"));
		assert_int_equal(far.requests, 4);
		assert_int_equal(fixture.worst, NA_OUTPUT_WORKING);
		end(0);
	}
}

/* "ACK is disabled" to events, which is for questions: it is asked again after a wait, whatever we
 * want of acknowledgements. */
static void refuses_events_for_want_of_them(void **state)
{
	static const enum na_http_ack wanted[] = {NA_HTTP_ACK_AUTO, NA_HTTP_ACK_OFF};
	struct far_step step = {FAR_STATUS, 400, NULL,
				"{\"text\":\"ACK is disabled\",\"code\":14}"};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		begin(FAR_ACKS_NONE, wanted[i]);
		for (unsigned int n = 1; n <= 3; n++)
			far_end_script(&far, step);
		http_fixture_put(&fixture, 1, 20);
		for (unsigned int n = 1; n <= 3; n++) {
			http_fixture_drive_requests(&fixture, &far, n);
			http_fixture_work(&fixture, 5);
			FAR_LOCKED(&far, assert_int_equal(far.requests, n));
			assert_int_equal(fixture.state, NA_OUTPUT_RETRYING);
			assert_non_null(strstr(fixture.why, "status 400: ACK is disabled; "));
			http_fixture_skip(5);
		}
		http_fixture_drive(&fixture, 20);
		assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
		end(0);
	}
}

/* Then somebody must switch them on. */
static void refuses_events_and_they_are_required(void **state)
{
	(void)state;
	begin(FAR_ACKS_TRUE, NA_HTTP_ACK_REQUIRED);
	far_end_script(&far, (struct far_step){FAR_STATUS, 400, NULL,
					       "{\"text\":\"ACK is disabled\",\"code\":14}"});
	http_fixture_put(&fixture, 1, 20);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	http_fixture_work(&fixture, 5);
	assert_int_equal(far.requests, 1);
	assert_non_null(strstr(fixture.why, "ack: required"));
	http_fixture_skip(61);
	drive_acks(20);
	assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
	end(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_gets),
		cmocka_unit_test(url_with_the_path),
		cmocka_unit_test(delivered_when_indexed),
		cmocka_unit_test(never_acknowledged_is_sent_again),
		cmocka_unit_test(lost_answer),
		cmocka_unit_test(both_have_the_same_number),
		cmocka_unit_test(number_of_one_that_is_on_its_way),
		cmocka_unit_test(channels_serve_again),
		cmocka_unit_test(number_that_was_there_before),
		cmocka_unit_test(channel_of_a_lost_reply),
		cmocka_unit_test(without_acknowledgements),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(required),
		cmocka_unit_test(required_and_not_given),
		cmocka_unit_test(taken_away),
		cmocka_unit_test(balancers_cookie_is_kept),
		cmocka_unit_test(drain_awaits_indexers),
		cmocka_unit_test(codes),
		cmocka_unit_test(codes_of_events),
		cmocka_unit_test(refuses_events_for_want_of_them),
		cmocka_unit_test(refuses_events_and_they_are_required),
	};

	return cmocka_run_group_tests(tests, http_token_make, http_token_remove);
}
