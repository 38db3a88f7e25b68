/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of far ends and proxies. Any thread. */
#ifndef NA_HTTP_URL_H
#define NA_HTTP_URL_H

#include <stdint.h>

#include "base/buffer.h"
#include "event.h"

struct na_http_url {
	char *whole; /* without a slash at its end */
	char *query; /* NULL: none */
	char *shown; /* scheme://host:port: for people */
	char *host;  /* without the brackets of an IPv6 address */
	uint16_t port;
};

/*
 * Takes http and https without user, password and fragment. 0; -ENOMEM; -EINVAL: `why` got what is
 * wrong, without the address: there may be a password in it.
 */
int na_http_url_parse(struct na_text text, struct na_http_url *ret_url, struct na_buffer *why);

void na_http_url_done(struct na_http_url *url);

#endif
