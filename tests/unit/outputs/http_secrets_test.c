/* SPDX-License-Identifier: Apache-2.0 */
/* Output http: secrets from files, which are replaced, and which no message tells. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_fixture.h"

static struct far_end far;
static struct far_end *const one[] = {&far};
static struct http_fixture fixture;
static char token_path[] = "/tmp/http_secrets_test.XXXXXX";

static void write_token(const char *token)
{
	int fd = open(token_path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, token, strlen(token)), strlen(token));
	close(fd);
}

static void end(void)
{
	http_fixture_compare(&fixture, one, 1, 0);
	http_fixture_close(&fixture);
	far_end_stop(&far);
}

static void token_is_replaced(void **state)
{
	(void)state;
	far_end_start(&far, FAR_SPLUNK, NULL);
	far.wants = "Authorization: Splunk new-token\r\n";
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	write_token("old-token\n");
	fixture.options.token_file = na_text_of(token_path);
	http_fixture_open(&fixture);
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	/* The file changes while it waits. */
	write_token("new-token\n");
	http_fixture_skip(61);
	http_fixture_drive(&fixture, 5);
	/* And while it works: at once. */
	FAR_LOCKED(&far, far.wants = "Authorization: Splunk third\r\n");
	write_token("third");
	fixture.worst = NA_OUTPUT_WORKING;
	http_fixture_put(&fixture, 6, 10);
	http_fixture_drive(&fixture, 10);
	assert_int_equal(fixture.worst, NA_OUTPUT_WORKING);
	end();
}

static void secrets_stay_secret(void **state)
{
	(void)state;
	far_end_start(&far, FAR_SPLUNK, NULL);
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	write_token("old-token\n");
	fixture.options.token_file = na_text_of(token_path);
	http_fixture_open(&fixture);
	far_end_script(&far, (struct far_step){FAR_STATUS, 401, NULL,
					       "you sent Authorization: Splunk old-token"});
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	assert_null(strstr(fixture.why, "old-token"));
	assert_non_null(strstr(fixture.why, "status 401: (its words hold our secret"));
	http_fixture_skip(61);
	http_fixture_drive(&fixture, 5);
	end();
}

/* As some write it in JSON. */
static void escaped_secret_stays_secret(void **state)
{
	(void)state;
	far_end_start(&far, FAR_SPLUNK, NULL);
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	write_token("a/b/token\n");
	fixture.options.token_file = na_text_of(token_path);
	http_fixture_open(&fixture);
	far_end_script(&far, (struct far_step){FAR_STATUS, 401, NULL, "[\"a\\/b\\/token\"]"});
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	assert_non_null(strstr(fixture.why, "status 401: (its words hold our secret"));
	http_fixture_skip(61);
	http_fixture_drive(&fixture, 5);
	end();
}

/* Replies to a token that was replaced meanwhile. */
static void old_secret_stays_secret(void **state)
{
	struct far_step step = {FAR_STATUS, 401, NULL, "no: old-token"};

	(void)state;
	far_end_start(&far, FAR_SPLUNK, NULL);
	http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
	write_token("old-token\n");
	fixture.options.token_file = na_text_of(token_path);
	http_fixture_open(&fixture);
	write_token("new-token\n");
	far_end_script(&far, step);
	far_end_script(&far, step);
	http_fixture_put(&fixture, 1, 5);
	http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
	assert_null(strstr(fixture.why, "old-token"));
	assert_non_null(strstr(fixture.why, "status 401: (its words hold our secret"));
	http_fixture_skip(61);
	http_fixture_drive(&fixture, 5);
	end();
}

static void basic_stays_secret(void **state)
{
	static const char *const echoes[] = {"you sent dTpzM2NyZXQ=", "you sent dTpzM2NyZXQ",
					     "s3cret is wrong"};

	(void)state;
	write_token("s3cret\n");
	for (size_t i = 0; i < sizeof(echoes) / sizeof(*echoes); i++) {
		far_end_start(&far, FAR_SPLUNK, NULL);
		http_fixture_init(&fixture, NA_HTTP_SPLUNK, "http", one, 1);
		far.wants = "Authorization: Basic dTpzM2NyZXQ=\r\n";
		fixture.options.user = na_text_of("u");
		fixture.options.password_file = na_text_of(token_path);
		http_fixture_open(&fixture);
		far_end_script(&far, (struct far_step){FAR_STATUS, 403, NULL, echoes[i]});
		http_fixture_put(&fixture, 1, 5);
		http_fixture_drive_to(&fixture, NA_OUTPUT_HELD);
		assert_null(strstr(fixture.why, "you sent"));
		assert_null(strstr(fixture.why, "s3cret"));
		assert_non_null(strstr(fixture.why, "status 403: (its words hold our secret"));
		http_fixture_skip(61);
		http_fixture_drive(&fixture, 5);
		end();
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
	write_token("one\r\nX: two");
	fixture.options.token_file = na_text_of(token_path);
	assert_int_not_equal(http_fixture_try_open(&fixture), 0);
	assert_null(strstr(fixture.why, "two"));
	write_token("token");
	http_fixture_open(&fixture);
	assert_int_equal(fixture.state, NA_OUTPUT_WORKING);
	end();
}

static int make_token_file(void **state)
{
	int fd = mkstemp(token_path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_token_file(void **state)
{
	(void)state;
	return unlink(token_path);
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

	return cmocka_run_group_tests(tests, make_token_file, remove_token_file);
}
