/* SPDX-License-Identifier: Apache-2.0 */
/* Ours first, then the map's, so that a default of ours gives way. */
#include "kafka/conf.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "kafka/keys.h"

#define NUMBER_MAX 32

struct pair {
	const char *name, *value;
};

/* The promise: keys.c refuses them in the map. */
static const struct pair promised[] = {
	{"enable.idempotence", "true"},
	{"acks", "all"},
	{"message.timeout.ms", "0"},
	/* kinit would be a process, which the shipping process may not start. */
	{"sasl.kerberos.min.time.before.relogin", "0"},
};

/*
 * The queue: enough for the requests that may be under way to one broker, five of a megabyte, and
 * as much behind them. What does not fit stays in the journal.
 */
static const struct pair defaults[] = {
	{"client.id", "netaudit"},
	{"queue.buffering.max.messages", "10000"},
	{"queue.buffering.max.kbytes", "16384"},
	{"socket.keepalive.enable", "true"},
	{"ssl.endpoint.identification.algorithm", "https"},
};

static void done(rd_kafka_conf_t **conf)
{
	if (*conf)
		rd_kafka_conf_destroy(*conf);
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct na_buffer *why)
{
	char error[512];

	if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK)
		return 0;
	error[strcspn(error, "\n")] = '\0';
	na_buffer_printf(why, "kafka.%s: %s", name, error);
	return -EINVAL;
}

static int set_pairs(rd_kafka_conf_t *conf, const struct pair *pairs, size_t count,
		     struct na_buffer *why)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = set(conf, pairs[i].name, pairs[i].value, why);
	return error;
}

static int set_tls(rd_kafka_conf_t *conf, const struct na_kafka_options *options,
		   struct na_buffer *why)
{
	const struct pair files[] = {
		{"ssl.ca.location", options->ca_file.data},
		{"ssl.certificate.location", options->cert_file.data},
		{"ssl.key.location", options->key_file.data},
	};
	static const struct pair trusting[] = {
		{"enable.ssl.certificate.verification", "false"},
		{"ssl.endpoint.identification.algorithm", "none"},
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && !error; i++)
		if (files[i].value && files[i].value[0])
			error = set(conf, files[i].name, files[i].value, why);
	return error || options->verify ? error : set_pairs(conf, trusting, 2, why);
}

static int set_map(rd_kafka_conf_t *conf, const struct na_config_map *map, struct na_buffer *why)
{
	int error = 0;

	for (size_t i = 0; i < map->count && !error; i++)
		error = set(conf, map->pairs[i].name.data, map->pairs[i].value.data, why);
	return error;
}

/* What librdkafka would say only when it is started. */
static int check_limits(const rd_kafka_conf_t *conf, const struct na_config_map *map,
			struct na_buffer *why)
{
	bool given = na_kafka_keys_find(map, "max.in.flight") ||
		     na_kafka_keys_find(map, "max.in.flight.requests.per.connection");

	if (!given || na_kafka_conf_number(conf, "max.in.flight") <= 5)
		return 0;
	na_buffer_append_string(why, "kafka.max.in.flight: 5 at most, or a broker cannot tell what "
				     "was sent twice");
	return -EINVAL;
}

/* ------------------------------------------------------------------------------------------- */

int na_kafka_conf_new(const struct na_kafka_options *options, rd_kafka_conf_t **ret_conf,
		      struct na_buffer *why)
{
	NA_CLEANUP(done) rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int error = set_pairs(conf, promised, sizeof(promised) / sizeof(*promised), why);

	if (!error)
		error = set_pairs(conf, defaults, sizeof(defaults) / sizeof(*defaults), why);
	if (!error)
		error = set_tls(conf, options, why);
	if (!error)
		error = set_map(conf, &options->kafka, why);
	if (!error)
		error = check_limits(conf, &options->kafka, why);
	if (!error)
		*ret_conf = NA_TAKE_POINTER(conf);
	return error;
}

int na_kafka_conf_set_password(rd_kafka_conf_t *conf, const struct na_kafka_options *options,
			       struct na_buffer *why)
{
	NA_CLEANUP(na_secret_done) struct na_buffer secret = {0};
	int error;

	if (!options->password_file.length)
		return 0;
	error = na_secret_read(options->password_file.data, &secret, why);
	return error ? error : set(conf, "sasl.password", secret.data, why);
}

long na_kafka_conf_number(const rd_kafka_conf_t *conf, const char *name)
{
	char text[NUMBER_MAX];
	size_t size = sizeof(text);

	if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
		return 0;
	return strtol(text, NULL, 10);
}

void na_kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, long value)
{
	char text[NUMBER_MAX];

	snprintf(text, sizeof(text), "%ld", value);
	rd_kafka_conf_set(conf, name, text, NULL, 0);
}
