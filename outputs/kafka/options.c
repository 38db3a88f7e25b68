/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def; what of them is a mistake, a file, an address. */
#include "kafka/options.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "kafka/conf.h"
#include "kafka/keys.h"
#include "kafka/template.h"

#define PORT_DEFAULT 9092

/* clang-format off */
const struct na_option na_kafka_option_rows[NA_KAFKA_OPTION_COUNT] = {
#define NA_OPTION(id, path_, type_, fallback_, min_, max_, allowed_, doc_)                         \
	{.path = path_, .type = NA_OPTION_##type_, .fallback = fallback_, .min = min_,             \
	 .max = max_, .allowed = allowed_, .doc = doc_,                                            \
	 .offset = offsetof(struct na_kafka_options, id),                                          \
	 .size = sizeof(((struct na_kafka_options *)NULL)->id)},
#include "kafka/options.def"
};
/* clang-format on */

static int wrong(struct na_buffer *why, const char *what)
{
	na_buffer_append_string(why, what);
	return -EINVAL;
}

static int check_topic(const struct na_text *topic, struct na_buffer *why)
{
	struct na_kafka_template *template = NULL;
	int error;

	if (!topic->length)
		return wrong(why, "topic: the name of a topic is needed");
	error = na_kafka_template_parse(*topic, &template, why);
	na_kafka_template_free(template);
	return error;
}

/* One thing by two names: nobody would know which counts. */
static int check_twice(const struct na_kafka_options *options, struct na_buffer *why)
{
	const struct {
		const struct na_text *text;
		const char *option, *key;
	} rows[] = {
		{&options->ca_file, "ca_file", "ssl.ca.location"},
		{&options->cert_file, "cert_file", "ssl.certificate.location"},
		{&options->key_file, "key_file", "ssl.key.location"},
		{&options->password_file, "password_file", "sasl.password"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!rows[i].text->length || !na_kafka_keys_find(&options->kafka, rows[i].key))
			continue;
		na_buffer_printf(why, "%s and kafka.%s are one thing: give one of them",
				 rows[i].option, rows[i].key);
		return -EINVAL;
	}
	return 0;
}

/* Who names certificates or a password believes that they are used. */
static int check_protocol(const struct na_kafka_options *options, struct na_buffer *why)
{
	const char *protocol = na_kafka_keys_find(&options->kafka, "security.protocol");
	bool files =
		options->ca_file.length || options->cert_file.length || options->key_file.length;

	protocol = protocol ? protocol : "plaintext";
	if (files && strcasecmp(protocol, "ssl") != 0 && strcasecmp(protocol, "sasl_ssl") != 0)
		return wrong(why, "ca_file, cert_file, key_file: without TLS they mean nothing; "
				  "kafka.security.protocol must be ssl or sasl_ssl");
	if (options->password_file.length && strncasecmp(protocol, "sasl_", 5) != 0)
		return wrong(why, "password_file: nobody would ask for it; "
				  "kafka.security.protocol must be sasl_ssl or sasl_plaintext");
	return 0;
}

/* The host and port of one server; false: there is none. */
static bool parse_server(const char *text, size_t length, struct na_text *ret_host,
			 uint16_t *ret_port)
{
	const char *end = text + length, *colon, *scheme = memmem(text, length, "://", 3);
	unsigned long port = PORT_DEFAULT;

	if (scheme)
		text = scheme + 3;
	if (text < end && *text == '[') {
		const char *bracket = memchr(text, ']', (size_t)(end - text));

		if (!bracket)
			return false;
		*ret_host = (struct na_text){text + 1, (size_t)(bracket - text - 1)};
		colon = bracket + 1;
	} else {
		colon = memrchr(text, ':', (size_t)(end - text));
		colon = colon ? colon : end;
		*ret_host = (struct na_text){text, (size_t)(colon - text)};
	}
	if (colon < end && *colon == ':')
		port = strtoul(colon + 1, NULL, 10); /* stops at the comma */
	*ret_port = (uint16_t)port;
	return ret_host->length && port && port <= UINT16_MAX;
}

static bool take_servers(const char *servers, na_output_take_endpoint *take, void *context)
{
	bool good = true;

	while (*servers) {
		size_t length = strcspn(servers, ",");
		size_t blank = strspn(servers, " \t");
		struct na_text host;
		uint16_t port;

		if (blank > length)
			blank = length;
		if (length > blank) {
			bool is = parse_server(servers + blank, length - blank, &host, &port);

			good = good && is;
			if (is && take)
				take(context, host, port);
		}
		servers += length + (servers[length] == ',');
	}
	return good;
}

static int check_servers(const char *servers, struct na_buffer *why)
{
	if (!servers || !servers[strspn(servers, " \t,")])
		return wrong(why, "kafka.bootstrap.servers: HOST:PORT is needed, or several with "
				  "commas between");
	if (!take_servers(servers, NULL, NULL))
		return wrong(why, "kafka.bootstrap.servers: HOST:PORT with commas between is "
				  "needed, and an IPv6 address in brackets");
	return 0;
}

static int check_conf(const struct na_kafka_options *options, struct na_buffer *why)
{
	rd_kafka_conf_t *conf;
	int error = na_kafka_conf_new(options, &conf, why);

	if (!error)
		rd_kafka_conf_destroy(conf);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_kafka_check(const void *values, struct na_buffer *why)
{
	const struct na_kafka_options *options = values;
	int error = check_topic(&options->topic, why);

	/* Before librdkafka sees any key: some load a library when they are set. */
	if (!error)
		error = na_kafka_keys_check(&options->kafka, why);
	if (!error)
		error = check_servers(na_kafka_keys_servers(&options->kafka), why);
	if (!error)
		error = check_twice(options, why);
	if (!error)
		error = check_protocol(options, why);
	return error ? error : check_conf(options, why);
}

void na_kafka_paths(const void *values, na_output_take_path *take, void *context)
{
	const struct na_kafka_options *options = values;
	const struct na_text *files[] = {&options->ca_file, &options->cert_file,
					 &options->key_file};
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i]->length)
			take(context, files[i]->data, NA_OUTPUT_READS);
	if (options->password_file.length &&
	    na_secret_path(options->password_file.data, &path) == 0)
		take(context, path.data, NA_OUTPUT_READS);
	for (size_t i = 0; i < options->kafka.count; i++) {
		const struct na_config_pair *pair = &options->kafka.pairs[i];

		/* ssl.ca.location may be "probe": no path. */
		if (na_kafka_keys_is_path(pair->name.data) && strchr(pair->value.data, '/'))
			take(context, pair->value.data, NA_OUTPUT_READS);
	}
}

void na_kafka_endpoints(const void *values, na_output_take_endpoint *take, void *context)
{
	const struct na_kafka_options *options = values;
	const char *servers = na_kafka_keys_servers(&options->kafka);

	if (servers)
		take_servers(servers, take, context);
}
