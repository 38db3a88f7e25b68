/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of librdkafka: which are not for people to set, and what the map holds. Any thread. */
#ifndef NA_KAFKA_KEYS_H
#define NA_KAFKA_KEYS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "option_row.h"

/* 0, or -EINVAL and `why` says which key and why: it loads or runs code, or breaks the promise. */
int na_kafka_keys_check(const struct na_config_map *map, struct na_buffer *why);

/* The value of the last one with the name; NULL: there is none. */
const char *na_kafka_keys_find(const struct na_config_map *map, const char *name);

/* bootstrap.servers, by either of its names. */
const char *na_kafka_keys_servers(const struct na_config_map *map);

/* Does the value of the key name a file or folder? */
bool na_kafka_keys_is_path(const char *name);

#endif
