/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of what is refused, not of what is allowed: any key that librdkafka learns can be used. So
 * whole groups are named where a new member would be as bad as those that are there.
 */
#include "kafka/keys.h"

#include <errno.h>
#include <string.h>

#define CODE "loads or runs code in the shipping process"
#define DELIVERY "delivery is not up to the configuration: "

struct refused {
	const char *pattern; /* a * in front or behind stands for anything */
	const char *reason;
};

static const struct refused refused[] = {
	{"plugin.*", CODE},
	{"interceptors", CODE},
	{"ssl.engine.*", CODE},
	{"ssl_engine_*", CODE},
	{"ssl.providers", CODE},
	{"sasl.kerberos.kinit.cmd", CODE},
	{"sasl.kerberos.min.time.before.relogin", CODE}, /* it is that command's interval */
	{"*_cb", CODE},
	{"msg_order_cmp", CODE},
	{"opaque", CODE},
	{"default_topic_conf", CODE},
	{"ut_*", CODE},
	{"acks", DELIVERY "all replicas in sync acknowledge"},
	{"request.required.acks", DELIVERY "all replicas in sync acknowledge"},
	{"enable.idempotence", DELIVERY "what librdkafka sends again is stored once"},
	{"transactional.id", DELIVERY "records are acknowledged one by one, not by transactions"},
	{"message.timeout.ms", DELIVERY "a record is tried until it is through"},
	{"delivery.timeout.ms", DELIVERY "a record is tried until it is through"},
	{"retries", DELIVERY "a record is tried until it is through"},
	{"message.send.max.retries", DELIVERY "a record is tried until it is through"},
	{"delivery.report.only.error", DELIVERY "each record's report is needed"},
	{"enabled_events", DELIVERY "each record's report is needed"},
	{"enable.gapless.guarantee", DELIVERY "one refused record would stop all others"},
	{"queuing.strategy", DELIVERY "records keep their order"},
	{"test.*", DELIVERY "librdkafka's cluster for tests keeps nothing"},
	{"internal.termination.signal", "signals are the agent's"},
	{"log.queue", "the agent takes librdkafka's log"},
};

static bool matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern), named = strlen(name);

	if (pattern[length - 1] == '*')
		return strncmp(name, pattern, length - 1) == 0;
	if (pattern[0] == '*')
		return named >= length - 1 && strcmp(name + named - (length - 1), pattern + 1) == 0;
	return strcmp(name, pattern) == 0;
}

static const char *reason_of(const char *name)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (matches(refused[i].pattern, name))
			return refused[i].reason;
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */

int na_kafka_keys_check(const struct na_config_map *map, struct na_buffer *why)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *name = map->pairs[i].name.data, *reason = reason_of(name);

		if (!reason)
			continue;
		na_buffer_printf(why, "kafka.%s cannot be set: %s", name, reason);
		return -EINVAL;
	}
	return 0;
}

const char *na_kafka_keys_find(const struct na_config_map *map, const char *name)
{
	for (size_t i = map->count; i-- > 0;)
		if (strcmp(map->pairs[i].name.data, name) == 0)
			return map->pairs[i].value.data;
	return NULL;
}

const char *na_kafka_keys_servers(const struct na_config_map *map)
{
	const char *servers = na_kafka_keys_find(map, "bootstrap.servers");

	return servers ? servers : na_kafka_keys_find(map, "metadata.broker.list");
}

bool na_kafka_keys_is_path(const char *name)
{
	static const char *const patterns[] = {"*.location", "*.keytab", "*.file"};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (matches(patterns[i], name))
			return true;
	return false;
}
