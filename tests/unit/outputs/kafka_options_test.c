/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of output kafka: what is refused before librdkafka sees any of it, what is passed on, and
 * the files and addresses in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kafka/conf.h"
#include "kafka/keys.h"
#include "kafka_host.h"

static struct kafka_host host;
static unsigned int conf_sets; /* how often librdkafka was given a key */

rd_kafka_conf_res_t __real_rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name,
					     const char *value, char *error, size_t size);
rd_kafka_conf_res_t __wrap_rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name,
					     const char *value, char *error, size_t size);

rd_kafka_conf_res_t __wrap_rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name,
					     const char *value, char *error, size_t size)
{
	conf_sets++;
	return __real_rd_kafka_conf_set(conf, name, value, error, size);
}

static int set_up(void **state)
{
	(void)state;
	kafka_host_init(&host, 0);
	kafka_host_set(&host, "bootstrap.servers", "localhost:9092");
	conf_sets = 0;
	return 0;
}

static void check(const char *reason)
{
	struct na_buffer why = {0};

	assert_int_equal(na_output_kafka.check(&host.options, &why), reason ? -EINVAL : 0);
	na_buffer_append_char(&why, '\0');
	assert_string_equal(why.data, reason ? reason : "");
	na_buffer_done(&why);
}

static void refuses(const char *name, const char *reason)
{
	struct na_buffer why = {0};
	size_t count = host.options.kafka.count;

	/* In front and behind: none is set before all were looked at. */
	kafka_host_set(&host, name, "/nonexistent");
	kafka_host_set(&host, "linger.ms", "1");
	assert_int_equal(na_output_kafka.check(&host.options, &why), -EINVAL);
	na_buffer_append_char(&why, '\0');
	assert_true(strncmp(why.data, "kafka.", 6) == 0);
	assert_true(strncmp(why.data + 6, name, strlen(name)) == 0);
	if (!strstr(why.data, reason))
		fail_msg("%s: %s", name, why.data);
	assert_int_equal(conf_sets, 0);
	na_buffer_done(&why);
	host.options.kafka.count = count;
}

static void refuses_code(void **state)
{
	static const char *const names[] = {
		"plugin.library.paths",
		"plugin.of.tomorrow",
		"ssl.engine.location",
		"ssl.engine.id",
		"ssl.providers",
		"sasl.kerberos.kinit.cmd",
		"log_cb",
		"dr_msg_cb",
		"ssl.certificate.verify_cb",
		"partitioner_cb",
		"oauthbearer_token_refresh_cb",
		"interceptors",
		"ut_handle_ProduceResponse",
		"opaque",
		"default_topic_conf",
		"msg_order_cmp",
		"ssl_engine_callback_data",
		"sasl.kerberos.min.time.before.relogin",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		refuses(names[i], " cannot be set: loads or runs code in the shipping process");
}

static void refuses_what_breaks_the_promise(void **state)
{
	static const char *const names[] = {
		"acks",
		"request.required.acks",
		"enable.idempotence",
		"transactional.id",
		"message.timeout.ms",
		"delivery.timeout.ms",
		"retries",
		"message.send.max.retries",
		"delivery.report.only.error",
		"enabled_events",
		"enable.gapless.guarantee",
		"queuing.strategy",
		"test.mock.num.brokers",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		refuses(names[i], " cannot be set: delivery is not up to the configuration: ");
	refuses("log.queue", "the agent takes librdkafka's log");
	refuses("internal.termination.signal", "signals are the agent's");
}

static bool sounds_like_code(const char *name)
{
	static const char *const words[] = {"_cb", "plugin", "engine", "kinit.cmd", "provider"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

/* A newer librdkafka brings more: all that it lists is looked at. */
static void refuses_all_that_librdkafka_calls(void **state)
{
	char *text, *line, *rest, *name;
	unsigned int found = 0;
	size_t size;
	FILE *list = open_memstream(&text, &size);

	(void)state;
	rd_kafka_conf_properties_show(list); /* a table; the first column is the name */
	fclose(list);
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		name = strsep(&line, " |");
		if (!sounds_like_code(name))
			continue;
		refuses(name, "cannot be set");
		found++;
	}
	assert_true(found > 10);
	free(text);
}

static void wants_what_is_needed(void **state)
{
	(void)state;
	check(NULL);
	host.options.topic = (struct na_text){0};
	check("topic: the name of a topic is needed");
	host.options.topic = na_text_of("a/b");
	check("topic: at character 2: names have a-z A-Z 0-9 . _ - only");
	host.options.topic = na_text_of("a");
	host.options.kafka.count = 0;
	check("kafka.bootstrap.servers: HOST:PORT is needed, or several with commas between");
	kafka_host_set(&host, "metadata.broker.list", "localhost");
	check(NULL);
	host.options.kafka.count = 0;
	kafka_host_set(&host, "bootstrap.servers", "localhost:99999");
	check("kafka.bootstrap.servers: HOST:PORT with commas between is needed, and an IPv6 "
	      "address in brackets");
}

static void passes_keys_on(void **state)
{
	char value[64];
	size_t size = sizeof(value);
	struct na_buffer why = {0};
	rd_kafka_conf_t *conf;

	(void)state;
	kafka_host_set(&host, "compression.codec", "lz4");
	kafka_host_set(&host, "request.timeout.ms", "1234"); /* of the topic's */
	kafka_host_set(&host, "queue.buffering.max.messages", "77");
	check(NULL);
	assert_int_equal(na_kafka_conf_new(&host.options, &conf, &why), 0);
	rd_kafka_conf_get(conf, "compression.codec", value, &size);
	assert_string_equal(value, "lz4");
	assert_int_equal(na_kafka_conf_number(conf, "request.timeout.ms"), 1234);
	assert_int_equal(na_kafka_conf_number(conf, "queue.buffering.max.messages"), 77);
	/* The promise. */
	assert_int_equal(na_kafka_conf_number(conf, "message.timeout.ms"), 0);
	assert_int_equal(na_kafka_conf_number(conf, "acks"), -1);
	size = sizeof(value);
	rd_kafka_conf_get(conf, "enable.idempotence", value, &size);
	assert_string_equal(value, "true");
	rd_kafka_conf_destroy(conf);
}

static void says_what_librdkafka_dislikes(void **state)
{
	(void)state;
	kafka_host_set(&host, "no.such.key", "1");
	check("kafka.no.such.key: No such configuration property: \"no.such.key\"");
	host.options.kafka.count--;
	kafka_host_set(&host, "compression.codec", "rar");
	check("kafka.compression.codec: Invalid value \"rar\" for configuration property "
	      "\"compression.codec\"");
	host.options.kafka.count--;
	kafka_host_set(&host, "linger.ms", "-1");
	check("kafka.linger.ms: Configuration property \"queue.buffering.max.ms\" value -1 is "
	      "outside allowed range 0..900000");
	host.options.kafka.count--;
	kafka_host_set(&host, "max.in.flight", "6");
	check("kafka.max.in.flight: 5 at most, or a broker cannot tell what was sent twice");
	host.options.kafka.count--;
	kafka_host_set(&host, "max.in.flight.requests.per.connection", "5");
	check(NULL);
}

static void expect_text(const rd_kafka_conf_t *conf, const char *name, const char *expected)
{
	char value[256];
	size_t size = sizeof(value);

	assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
	assert_string_equal(value, expected);
}

static void maps_tls(void **state)
{
	struct na_buffer why = {0};
	rd_kafka_conf_t *conf;

	(void)state;
	kafka_host_set(&host, "security.protocol", "SSL");
	host.options.ca_file = na_text_of("/etc/ca.pem");
	host.options.cert_file = na_text_of("/etc/cert.pem");
	host.options.key_file = na_text_of("/etc/key.pem");
	check(NULL);
	assert_int_equal(na_kafka_conf_new(&host.options, &conf, &why), 0);
	expect_text(conf, "ssl.ca.location", "/etc/ca.pem");
	expect_text(conf, "ssl.certificate.location", "/etc/cert.pem");
	expect_text(conf, "ssl.key.location", "/etc/key.pem");
	expect_text(conf, "enable.ssl.certificate.verification", "true");
	expect_text(conf, "ssl.endpoint.identification.algorithm", "https");
	rd_kafka_conf_destroy(conf);
	host.options.verify = false;
	assert_int_equal(na_kafka_conf_new(&host.options, &conf, &why), 0);
	expect_text(conf, "enable.ssl.certificate.verification", "false");
	expect_text(conf, "ssl.endpoint.identification.algorithm", "none");
	rd_kafka_conf_destroy(conf);
}

static void refuses_what_has_no_effect(void **state)
{
	(void)state;
	host.options.ca_file = na_text_of("/etc/ca.pem");
	check("ca_file, cert_file, key_file: without TLS they mean nothing; "
	      "kafka.security.protocol must be ssl or sasl_ssl");
	host.options.password_file = na_text_of("/etc/password");
	kafka_host_set(&host, "security.protocol", "ssl");
	check("password_file: nobody would ask for it; kafka.security.protocol must be sasl_ssl "
	      "or sasl_plaintext");
	host.options.kafka.count--;
	kafka_host_set(&host, "security.protocol", "sasl_ssl");
	check(NULL);
	kafka_host_set(&host, "sasl.password", "secret");
	check("password_file and kafka.sasl.password are one thing: give one of them");
	host.options.kafka.count--;
	kafka_host_set(&host, "ssl.ca.location", "/etc/other.pem");
	check("ca_file and kafka.ssl.ca.location are one thing: give one of them");
}

static void reads_the_password(void **state)
{
	char path[] = "/tmp/kafka_options_test.XXXXXX";
	int fd = mkstemp(path);
	struct na_buffer why = {0};
	rd_kafka_conf_t *conf;

	(void)state;
	assert_int_equal(write(fd, "pass word\n", 10), 10);
	close(fd);
	host.options.password_file = na_text_of(path);
	assert_int_equal(na_kafka_conf_new(&host.options, &conf, &why), 0);
	assert_int_equal(na_kafka_conf_set_password(conf, &host.options, &why), 0);
	expect_text(conf, "sasl.password", "pass word");
	unlink(path);
	assert_int_equal(na_kafka_conf_set_password(conf, &host.options, &why), -ENOENT);
	assert_true(why.length && memmem(why.data, why.length, path, strlen(path)));
	rd_kafka_conf_destroy(conf);
	na_buffer_done(&why);
}

static void add_path(void *context, const char *path, enum na_output_access access)
{
	assert_int_equal(access, NA_OUTPUT_READS);
	na_buffer_printf(context, "%s ", path);
}

static void names_its_files(void **state)
{
	struct na_buffer found = {0};

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/netaudit", 1);
	host.options.ca_file = na_text_of("/etc/ca.pem");
	host.options.key_file = na_text_of("/etc/key.pem");
	host.options.password_file = na_text_of("kafka");
	kafka_host_set(&host, "ssl.crl.location", "/etc/crl.pem");
	kafka_host_set(&host, "ssl.ca.location", "probe");
	kafka_host_set(&host, "sasl.kerberos.keytab", "/etc/krb5.keytab");
	kafka_host_set(&host, "sasl.oauthbearer.assertion.file", "/etc/token");
	kafka_host_set(&host, "client.id", "/etc/nothing");
	na_output_kafka.paths(&host.options, add_path, &found);
	na_buffer_append_char(&found, '\0');
	assert_string_equal(found.data, "/etc/ca.pem /etc/key.pem /run/credentials/netaudit/kafka "
					"/etc/crl.pem /etc/krb5.keytab /etc/token ");
	na_buffer_done(&found);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void add_endpoint(void *context, struct na_text name, uint16_t port)
{
	na_buffer_printf(context, "%.*s %u;", (int)name.length, name.data, port);
}

static void names_its_servers(void **state)
{
	struct na_buffer found = {0};

	(void)state;
	host.options.kafka.count = 0;
	na_output_kafka.endpoints(&host.options, add_endpoint, &found);
	assert_int_equal(found.length, 0);
	kafka_host_set(&host, "bootstrap.servers",
		       "a.example:19092, b.example,SSL://c.example:1,[2001:db8::1]:9093,[::1],,");
	check(NULL);
	na_output_kafka.endpoints(&host.options, add_endpoint, &found);
	na_buffer_append_char(&found, '\0');
	assert_string_equal(found.data, "a.example 19092;b.example 9092;c.example 1;"
					"2001:db8::1 9093;::1 9092;");
	na_buffer_done(&found);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_code),
		TEST(refuses_what_breaks_the_promise),
		TEST(refuses_all_that_librdkafka_calls),
		TEST(wants_what_is_needed),
		TEST(passes_keys_on),
		TEST(says_what_librdkafka_dislikes),
		TEST(maps_tls),
		TEST(refuses_what_has_no_effect),
		TEST(reads_the_password),
		TEST(names_its_files),
		TEST(names_its_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
