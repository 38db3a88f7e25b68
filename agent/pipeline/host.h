/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of this host and agent: the fields that every event has. Main thread. */
#ifndef NA_HOST_H
#define NA_HOST_H

#include <stdint.h>

#include "base/buffer.h"
#include "event.h"

struct na_config_map;

struct na_host {
	struct na_event constants; /* agent.*, ecs.*, host.*, labels; their texts are below */
	uint8_t boot_id[16], machine_id[16];
	char instance[37]; /* agent.ephemeral_id: new at each start */
	char name[65], machine[65], boot[65];
	char kernel[65], architecture[65];
	char os_name[128], os_platform[128], os_version[128];
	struct na_buffer labels;
};

/* What cannot be found out is left out. Not to be moved afterwards. -ENOMEM. */
int na_host_init(struct na_host *host, const struct na_config_map *labels);
void na_host_done(struct na_host *host);

/* Other labels from now on. -ENOMEM: as it was. */
int na_host_set_labels(struct na_host *host, const struct na_config_map *labels);

/* First half of a boot id, which begins the ids of connections and executions. */
uint64_t na_host_boot_number(const uint8_t boot_id[16]);

/* The 16 bytes of a UUID or machine id; what has fewer digits ends in zeros. */
void na_uuid_parse(const char *text, uint8_t ret_bytes[16]);

#endif
