/* SPDX-License-Identifier: Apache-2.0 */
/* SCHEME://HOST:PORT, SCHEME:///PATH, or journald alone. */
#include "syslog/address.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"

static const struct {
	const char *prefix;
	enum na_syslog_scheme scheme;
} schemes[] = {
	{"udp://", NA_SYSLOG_UDP},
	{"tcp://", NA_SYSLOG_TCP},
	{"tls://", NA_SYSLOG_TLS},
	{"unix://", NA_SYSLOG_UNIX},
	/* Namespaces of journald have sockets of their own. */
	{"journald://", NA_SYSLOG_JOURNALD},
};

static int refuse(struct na_buffer *why, const char *sentence)
{
	na_buffer_printf(why, "address: %s", sentence);
	return -EINVAL;
}

static bool copy(char *to, size_t size, struct na_text text)
{
	if (!text.length || text.length >= size || memchr(text.data, '\0', text.length))
		return false;
	memcpy(to, text.data, text.length);
	to[text.length] = '\0';
	return true;
}

static int parse_path(struct na_text text, struct na_syslog_address *address, struct na_buffer *why)
{
	if (!text.length || text.data[0] != '/')
		return refuse(why, "a path that begins with / is needed, as in unix:///dev/log");
	if (!copy(address->path, sizeof(address->path), text))
		return refuse(why, "the path of a socket has 107 bytes at most");
	return 0;
}

static int parse_port(struct na_text text, struct na_syslog_address *address, struct na_buffer *why)
{
	unsigned long port;

	if (!copy(address->port, sizeof(address->port), text) ||
	    strspn(address->port, "0123456789") != text.length)
		return refuse(why, "a port is needed, as in tcp://logs.example.org:514");
	port = strtoul(address->port, NULL, 10);
	if (port < 1 || port > UINT16_MAX)
		return refuse(why, "a port is a number from 1 to 65535");
	address->port_number = (uint16_t)port;
	return 0;
}

/* The last colon: there are others in IPv6, in brackets. */
static int parse_endpoint(struct na_text text, struct na_syslog_address *address,
			  struct na_buffer *why)
{
	const char *colon = text.length ? memrchr(text.data, ':', text.length) : NULL;
	struct na_text host, port;

	if (!colon)
		return refuse(why, "a port is needed, as in tcp://logs.example.org:514");
	host = (struct na_text){text.data, (size_t)(colon - text.data)};
	port = (struct na_text){colon + 1, text.length - host.length - 1};
	if (host.length > 2 && host.data[0] == '[' && host.data[host.length - 1] == ']')
		host = (struct na_text){host.data + 1, host.length - 2};
	else if (memchr(host.data, ':', host.length))
		return refuse(why, "an IPv6 address stands in brackets, as in tcp://[::1]:514");
	if (!copy(address->host, sizeof(address->host), host) ||
	    strcspn(address->host, "/@[] \t") != host.length)
		return refuse(why, "a host is needed, as in tcp://logs.example.org:514");
	return parse_port(port, address, why);
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_address_parse(struct na_text text, struct na_syslog_address *ret_address,
			    struct na_buffer *why)
{
	struct na_syslog_address address = {.scheme = NA_SYSLOG_JOURNALD,
					    .path = NA_SYSLOG_JOURNALD_PATH};
	int error = -EINVAL;
	size_t i;

	if (text.length == strlen("journald") && !memcmp(text.data, "journald", text.length)) {
		*ret_address = address;
		return 0;
	}
	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t length = strlen(schemes[i].prefix);
		struct na_text rest = {text.data + length, text.length - length};

		if (text.length < length || memcmp(text.data, schemes[i].prefix, length) != 0)
			continue;
		address = (struct na_syslog_address){.scheme = schemes[i].scheme};
		error = na_syslog_address_is_local(&address) ? parse_path(rest, &address, why)
							     : parse_endpoint(rest, &address, why);
		if (!error)
			*ret_address = address;
		return error;
	}
	return refuse(why, "udp://, tcp://, tls://, unix:// or journald is needed");
}
