/* SPDX-License-Identifier: Apache-2.0 */
/* Output http: what is no configuration, and what the sandbox is told of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "http/http.h"

struct taken {
	char paths[8][64];
	char hosts[8][64];
	unsigned int ports[8];
	size_t path_count, endpoint_count;
};

static struct na_text urls[2];
static struct na_config_pair pairs[1];

static struct na_http_options good(enum na_http_dialect_name dialect)
{
	struct na_text none = {"", 0};

	urls[0] = na_text_of("https://siem.example:9200");
	return (struct na_http_options){.dialect = dialect,
					.url = {urls, 1},
					.index = na_text_of("logs-netaudit.network-default"),
					.source = none,
					.sourcetype = none,
					.user = none,
					.password_file = none,
					.token_file = none,
					.proxy = none,
					.proxy_user = none,
					.proxy_password_file = none,
					.ca_file = none,
					.cert_file = none,
					.key_file = none};
}

static void assert_fine(const struct na_http_options *options)
{
	struct na_buffer why = {0};

	assert_int_equal(na_output_http.check(options, &why), 0);
	assert_int_equal(why.length, 0);
	na_buffer_done(&why);
}

static void assert_wrong(const struct na_http_options *options, const char *words)
{
	struct na_buffer why = {0};

	assert_int_not_equal(na_output_http.check(options, &why), 0);
	na_buffer_append_char(&why, '\0');
	if (!strstr(why.data, words))
		fail_msg("\"%s\" is not in: %s", words, why.data);
	/* What may be a password is not repeated. */
	assert_null(strstr(why.data, "hunter2"));
	na_buffer_done(&why);
}

static void addresses(void **state)
{
	static const char *const fine[] = {"https://siem.example", "http://127.0.0.1:9200/",
					   "http://[::1]:9200/prefix"};
	static const char *const bad[] = {"",
					  "siem.example:9200",
					  "ftp://siem.example",
					  "https://",
					  "https://user:hunter2@siem.example",
					  "https://hunter2@siem.example",
					  "https://siem.example:99999",
					  "https://siem.example/a b",
					  "https://siem.example/#x",
					  "https://siem.example/?pipeline=x"};
	struct na_http_options options = good(NA_HTTP_ELASTIC);

	(void)state;
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++) {
		urls[0] = na_text_of(fine[i]);
		assert_fine(&options);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		urls[0] = na_text_of(bad[i]);
		assert_wrong(&options, "url: ");
	}
	options.dialect = NA_HTTP_WEBHOOK;
	urls[0] = na_text_of("https://siem.example/in?key=x");
	assert_fine(&options);
	options.url.count = 0;
	assert_wrong(&options, "url: ");
}

static void second_address(void **state)
{
	struct na_http_options options = good(NA_HTTP_ELASTIC);

	(void)state;
	options.url.count = 2;
	urls[1] = na_text_of("https://u:hunter2@siem.example");
	assert_wrong(&options, "user, password_file");
}

#define WRONG(words, dialect, ...)                                                                 \
	do {                                                                                       \
		struct na_http_options options = good(dialect);                                    \
		__VA_ARGS__;                                                                       \
		assert_wrong(&options, words);                                                     \
	} while (0)

static void what_does_not_fit_together(void **state)
{
	(void)state;
	WRONG("index", NA_HTTP_ELASTIC, options.index = na_text_of(""));
	WRONG("index", NA_HTTP_ELASTIC, options.index = na_text_of("a/../b"));
	WRONG("index", NA_HTTP_ELASTIC, options.index = na_text_of("a%2f"));
	WRONG("source", NA_HTTP_SPLUNK, options.source = na_text_of("a\"b"));
	WRONG("ack", NA_HTTP_WEBHOOK, options.ack = NA_HTTP_ACK_REQUIRED);
	WRONG("password_file", NA_HTTP_ELASTIC, options.user = na_text_of("u"));
	WRONG("password_file", NA_HTTP_ELASTIC, options.password_file = na_text_of("/p"));
	WRONG("exclude", NA_HTTP_ELASTIC, options.user = na_text_of("u");
	      options.password_file = na_text_of("/p"); options.token_file = na_text_of("/t"));
	WRONG("user", NA_HTTP_ELASTIC, options.user = na_text_of("u:x");
	      options.password_file = na_text_of("/p"));
	WRONG("cert_file", NA_HTTP_ELASTIC, options.key_file = na_text_of("/k"));
	WRONG("proxy: ", NA_HTTP_ELASTIC, options.proxy = na_text_of("socks5://p:1"));
	WRONG("proxy: ", NA_HTTP_ELASTIC, options.proxy = na_text_of("http://u:hunter2@p:1"));
	WRONG("http://", NA_HTTP_ELASTIC, options.proxy = na_text_of("https://p:1"));
	WRONG("proxy_user", NA_HTTP_ELASTIC, options.proxy = na_text_of("http://p:1");
	      options.proxy_user = na_text_of("u"));
	WRONG("need proxy", NA_HTTP_ELASTIC, options.proxy_user = na_text_of("u"));
}

static void header_is(const char *name, const char *value, const char *words)
{
	struct na_http_options options = good(NA_HTTP_ELASTIC);

	pairs[0] = (struct na_config_pair){.name = na_text_of(name), .value = na_text_of(value)};
	options.headers = (struct na_config_map){pairs, 1};
	if (words)
		assert_wrong(&options, words);
	else
		assert_fine(&options);
}

static void header_fields(void **state)
{
	(void)state;
	header_is("X-Tenant", "a b", NULL);
	header_is("", "a", "name of a header");
	header_is("a:b", "a", "name of a header");
	header_is("X-Tenant", "a\r\nX-Other: b", "plain");
	header_is("authorization", "Bearer hunter2", "authorization is set by");
	header_is("Content-Length", "1", "Content-Length is set by");
}

static void take_path(void *context, const char *path, enum na_output_access access)
{
	struct taken *taken = context;

	assert_int_equal(access, NA_OUTPUT_READS);
	snprintf(taken->paths[taken->path_count++], 64, "%s", path);
}

static void take_endpoint(void *context, struct na_text host, uint16_t port)
{
	struct taken *taken = context;

	taken->ports[taken->endpoint_count] = port;
	snprintf(taken->hosts[taken->endpoint_count++], 64, "%.*s", (int)host.length, host.data);
}

static void paths(void **state)
{
	struct na_http_options options = good(NA_HTTP_ELASTIC);
	struct taken taken = {0};

	(void)state;
	na_output_http.paths(&options, take_path, &taken);
	assert_int_equal(taken.path_count, 0);
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/netaudit", 1);
	options.ca_file = na_text_of("/ca");
	options.cert_file = na_text_of("/cert");
	options.key_file = na_text_of("/key");
	options.token_file = na_text_of("token");
	options.proxy_password_file = na_text_of("/proxy");
	na_output_http.paths(&options, take_path, &taken);
	assert_int_equal(taken.path_count, 5);
	assert_string_equal(taken.paths[2], "/key");
	assert_string_equal(taken.paths[3], "/run/credentials/netaudit/token");
	assert_string_equal(taken.paths[4], "/proxy");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void endpoints(void **state)
{
	struct na_http_options options = good(NA_HTTP_ELASTIC);
	struct taken taken = {0};

	(void)state;
	options.url.count = 2;
	urls[0] = na_text_of("https://siem.example/x");
	urls[1] = na_text_of("http://[2001:db8::1]:9200");
	na_output_http.endpoints(&options, take_endpoint, &taken);
	assert_int_equal(taken.endpoint_count, 2);
	assert_string_equal(taken.hosts[0], "siem.example");
	assert_int_equal(taken.ports[0], 443);
	assert_string_equal(taken.hosts[1], "2001:db8::1");
	assert_int_equal(taken.ports[1], 9200);
	taken.endpoint_count = 0;
	options.proxy = na_text_of("http://proxy.example:3128");
	na_output_http.endpoints(&options, take_endpoint, &taken);
	assert_int_equal(taken.endpoint_count, 1);
	assert_string_equal(taken.hosts[0], "proxy.example");
	assert_int_equal(taken.ports[0], 3128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(second_address),
		cmocka_unit_test(what_does_not_fit_together),
		cmocka_unit_test(header_fields),
		cmocka_unit_test(paths),
		cmocka_unit_test(endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
