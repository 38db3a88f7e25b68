/* SPDX-License-Identifier: Apache-2.0 */
/* Output syslog: what its options may be, and what the sandbox and capture are told of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "syslog/address.h"
#include "syslog_support.h"

static struct na_syslog_options options;

static void expect_valid(void)
{
	struct na_buffer why = {0};

	assert_int_equal(na_output_syslog.check(&options, &why), 0);
	assert_int_equal(why.length, 0);
}

static void expect_refused(const char *reason)
{
	struct na_buffer why = {0};

	assert_int_equal(na_output_syslog.check(&options, &why), -EINVAL);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, reason));
	na_buffer_done(&why);
}

static void address(const char *text)
{
	options = syslog_options(text);
}

static void takes_addresses(void **state)
{
	static const char *const valid[] = {
		"udp://logs.example.org:514",
		"tcp://192.0.2.1:601",
		"tls://[2001:db8::1]:6514",
		"unix:///dev/log",
		"journald",
		"journald:///run/j.ns/socket",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		address(valid[i]);
		expect_valid();
	}
}

static void refuses_addresses(void **state)
{
	static const char *const rows[][2] = {
		{"", "udp://, tcp://"},
		{"logs.example.org:514", "udp://, tcp://"},
		{"http://logs.example.org:514", "udp://, tcp://"},
		{"journald2", "udp://, tcp://"},
		{"tcp://logs.example.org", "a port is needed"},
		{"tcp://logs.example.org:", "a port is needed"},
		{"tcp://logs.example.org:5x", "a port is needed"},
		{"tcp://logs.example.org:0", "1 to 65535"},
		{"tcp://logs.example.org:65536", "1 to 65535"},
		{"tcp://:514", "a host is needed"},
		{"tcp://[]:514", "a host is needed"},
		{"tcp://user@host:514", "a host is needed"},
		{"tcp://host/path:514", "a host is needed"},
		{"tcp://2001:db8::1:514", "brackets"},
		{"unix://", "begins with /"},
		{"unix://dev/log", "begins with /"},
		{"unix:///"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "107 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		address(rows[i][0]);
		expect_refused(rows[i][1]);
	}
}

static void takes_an_address_apart(void **state)
{
	struct na_syslog_address parts;
	struct na_buffer why = {0};

	(void)state;
	assert_int_equal(
		na_syslog_address_parse(na_text_of("tls://[2001:db8::1]:6514"), &parts, &why), 0);
	assert_int_equal(parts.scheme, NA_SYSLOG_TLS);
	assert_string_equal(parts.host, "2001:db8::1");
	assert_string_equal(parts.port, "6514");
	assert_int_equal(parts.port_number, 6514);
	assert_int_equal(na_syslog_address_parse(na_text_of("journald"), &parts, &why), 0);
	assert_string_equal(parts.path, "/run/systemd/journal/socket");
}

static void refuses_what_means_nothing(void **state)
{
	(void)state;
	address("tcp://host:514");
	options.ca_file = na_text_of("/ca.pem");
	expect_refused("with tls:// only");
	address("udp://host:514");
	options.verify = false;
	expect_refused("with tls:// only");
	address("tls://host:6514");
	options.cert_file = na_text_of("/cert.pem");
	expect_refused("given together");
	options.key_file = na_text_of("/key.pem");
	expect_valid();
	address("udp://host:514");
	options.framing = NA_SYSLOG_LF;
	expect_refused("a datagram is one message");
	options.framing = NA_SYSLOG_FRAMING_AUTO;
	options.max_size = 65508;
	expect_refused("65507");
	options.max_size = 1023;
	expect_refused("1KiB");
	address("journald");
	options.protocol = NA_SYSLOG_RFC5424;
	expect_refused("a protocol of its own");
}

static void checks_the_name_of_structured_data(void **state)
{
	static const char *const invalid[] = {"netaudit", "@32473", "a@",  "a b@1", "a]@1",
					      "a\"@1",    "a=b@1",  "a@x", "a@1@2"};

	(void)state;
	address("tcp://host:514");
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		options.sd_id = na_text_of(invalid[i]);
		expect_refused("sd_id");
	}
	options.sd_id = na_text_of("audit@12345.6");
	expect_valid();
}

static void take_path(void *context, const char *path, enum na_output_access access)
{
	assert_int_equal(access, NA_OUTPUT_READS);
	na_buffer_printf(context, "%s ", path);
}

static void take_endpoint(void *context, struct na_text host, uint16_t port)
{
	na_buffer_printf(context, "%.*s %u", (int)host.length, host.data, port);
}

static void tells_paths_and_endpoints(void **state)
{
	struct na_buffer told = {0};

	(void)state;
	address("tls://[2001:db8::1]:6514");
	options.ca_file = na_text_of("/ca.pem");
	options.cert_file = na_text_of("/cert.pem");
	options.key_file = na_text_of("/key.pem");
	na_output_syslog.paths(&options, take_path, &told);
	na_output_syslog.endpoints(&options, take_endpoint, &told);
	na_buffer_append_char(&told, '\0');
	assert_string_equal(told.data, "/ca.pem /cert.pem /key.pem 2001:db8::1 6514");
	na_buffer_clear(&told);
	address("unix:///dev/log");
	na_output_syslog.paths(&options, take_path, &told);
	na_output_syslog.endpoints(&options, take_endpoint, &told);
	assert_int_equal(told.length, 0);
	na_buffer_done(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_addresses),
		cmocka_unit_test(refuses_addresses),
		cmocka_unit_test(takes_an_address_apart),
		cmocka_unit_test(refuses_what_means_nothing),
		cmocka_unit_test(checks_the_name_of_structured_data),
		cmocka_unit_test(tells_paths_and_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
