/* SPDX-License-Identifier: Apache-2.0 */
/* The option `address`, taken apart. Any thread. */
#ifndef NA_SYSLOG_ADDRESS_H
#define NA_SYSLOG_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct na_buffer;

enum na_syslog_scheme {
	NA_SYSLOG_UDP,
	NA_SYSLOG_TCP,
	NA_SYSLOG_TLS,
	NA_SYSLOG_UNIX,
	NA_SYSLOG_JOURNALD
};

#define NA_SYSLOG_JOURNALD_PATH "/run/systemd/journal/socket"

struct na_syslog_address {
	enum na_syslog_scheme scheme;
	char host[256]; /* of UDP, TCP, TLS: a name or an address, without brackets */
	char port[6];
	uint16_t port_number;
	char path[108]; /* of UNIX and JOURNALD */
};

/* 0, or -EINVAL and `why` got one sentence. */
int na_syslog_address_parse(struct na_text text, struct na_syslog_address *ret_address,
			    struct na_buffer *why);

static inline bool na_syslog_address_is_local(const struct na_syslog_address *address)
{
	return address->scheme == NA_SYSLOG_UNIX || address->scheme == NA_SYSLOG_JOURNALD;
}

#endif
