/* SPDX-License-Identifier: Apache-2.0 */
/* Output http: secrets from files, which are replaced, and which no message tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http_fixture.h"

static struct far_end far;
static struct far_end *const one[] = {&far};
static struct http_fixture fixture;

static void end(void)
{
	http_fixture_compare(&fixture, one, 1, 0);
	http_fixture_close(&fixture);
	far_end_stop(&far);
}

static void begin(const char *token)
{
	far_end_start(&far, FAR_SPLUNK, NULL);
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	http_token_write(token);
	fixture.options.token_file = na_text_of(http_token_path);
	http_fixture_open(&fixture);
}

/* The far end says our secret: `status` is told, its words are not. Then it takes all. */
static void hold_and_go_on(const char *status, const char *secret)
{
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	assert_non_null(strstr(fixture.why, status));
	assert_non_null(strstr(fixture.why, ": (its words hold our secret"));
	assert_null(strstr(fixture.why, secret));
	assert_null(strstr(fixture.why, "you sent"));
	http_fixture_skip(61);
	http_fixture_drive(&fixture, 5);
	end();
}

static void token_is_replaced(void **state)
{
	(void)state;
	far_end_start(&far, FAR_SPLUNK, NULL);
	far.wants = "Authorization: Splunk new-token\r\n";
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	http_token_write("old-token\n");
	fixture.options.token_file = na_text_of(http_token_path);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	/* The file changes while it waits. */
	http_token_write("new-token\n");
	http_fixture_skip(61);
	http_fixture_drive(&fixture, 5);
	/* And while it works: at once. */
	FAR_LOCKED(&far, far.wants = "Authorization: Splunk third\r\n");
	http_token_write("third");
	fixture.worst = NA_OUTPUT_WORKING;
	http_fixture_put(&fixture, 6, 10);
	http_fixture_drive(&fixture, 10);
	assert_int_equal(fixture.worst, NA_OUTPUT_WORKING);
	end();
}

static void secrets_stay_secret(void **state)
{
	(void)state;
	begin("old-token\n");
	far_end_script(&far, (struct far_step){FAR_STATUS, 401, NULL,
					       "you sent Authorization: Splunk old-token"});
	hold_and_go_on("status 401", "old-token");
}

/* As some write it in JSON. */
static void escaped_secret_stays_secret(void **state)
{
	(void)state;
	begin("a/b/token\n");
	far_end_script(&far, (struct far_step){FAR_STATUS, 401, NULL, "[\"a\\/b\\/token\"]"});
	hold_and_go_on("status 401", "b\\/token");
}

/* Replies to a token that was replaced meanwhile. */
static void old_secret_stays_secret(void **state)
{
	struct far_step step = {FAR_STATUS, 401, NULL, "no: old-token"};

	(void)state;
	begin("old-token\n");
	http_token_write("new-token\n");
	far_end_script(&far, step);
	far_end_script(&far, step);
	hold_and_go_on("status 401", "old-token");
}

static void basic_stays_secret(void **state)
{
	static const char *const echoes[] = {"you sent dTpzM2NyZXQ=", "you sent dTpzM2NyZXQ",
					     "s3cret is wrong"};

	(void)state;
	http_token_write("s3cret\n");
	for (size_t i = 0; i < sizeof(echoes) / sizeof(*echoes); i++) {
		far_end_start(&far, FAR_SPLUNK, NULL);
		http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
		far.wants = "Authorization: Basic dTpzM2NyZXQ=\r\n";
		fixture.options.user = na_text_of("u");
		fixture.options.password_file = na_text_of(http_token_path);
		http_fixture_open(&fixture);
		far_end_script(&far, (struct far_step){FAR_STATUS, 403, NULL, echoes[i]});
		hold_and_go_on("status 403", "s3cret");
	}
}

static void secret_that_cannot_be_read(void **state)
{
	(void)state;
	far_end_start(&far, FAR_SPLUNK, NULL);
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	fixture.options.token_file = na_text_of("/nonexistent/token");
	assert_int_not_equal(http_fixture_try_open(&fixture), 0);
	assert_int_equal(fixture.state, NA_OUTPUT_HELD);
	assert_non_null(strstr(fixture.why, "/nonexistent/token"));
	assert_non_null(strstr(fixture.reason, "/nonexistent/token"));
	/* A line's end within it would be a header field of its own. */
	http_token_write("one\r\nX: two");
	fixture.options.token_file = na_text_of(http_token_path);
	assert_int_not_equal(http_fixture_try_open(&fixture), 0);
	assert_null(strstr(fixture.why, "two"));
	http_token_write("token");
	http_fixture_open(&fixture);
	assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_is_replaced),
		cmocka_unit_test(secrets_stay_secret),
		cmocka_unit_test(escaped_secret_stays_secret),
		cmocka_unit_test(old_secret_stays_secret),
		cmocka_unit_test(basic_stays_secret),
		cmocka_unit_test(secret_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, http_token_make, http_token_remove);
}
