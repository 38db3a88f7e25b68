/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def, and what they alone cannot check. */
#include "syslog/options.h"

#include <errno.h>

#include "base/buffer.h"
#include "syslog/address.h"

#define MAX_SIZE_MIN 1024  /* below it every record would have to shrink */
#define UDP_SIZE_MAX 65507 /* what a datagram over IPv4 holds */

/* clang-format off */
const struct na_option na_syslog_option_rows[NA_SYSLOG_OPTION_COUNT] = {
#define NA_OPTION(id, path_, type_, fallback_, min_, max_, allowed_, doc_)                         \
	{.path = path_, .type = NA_OPTION_##type_, .fallback = fallback_, .min = min_,             \
	 .max = max_, .allowed = allowed_, .doc = doc_,                                            \
	 .offset = offsetof(struct na_syslog_options, id),                                         \
	 .size = sizeof(((struct na_syslog_options *)NULL)->id)},
#include "syslog/options.def"
};
/* clang-format on */

static int refuse(struct na_buffer *why, const char *sentence)
{
	na_buffer_append_string(why, sentence);
	return -EINVAL;
}

/* NAME@NUMBER: a name without @ is one that IANA would have to know. */
static bool is_sd_id(struct na_text text)
{
	const char *at = memchr(text.data, '@', text.length);
	size_t name = at ? (size_t)(at - text.data) : 0;

	if (!name || name + 1 == text.length)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (i < name ? c <= ' ' || c > '~' || c == '=' || c == ']' || c == '"'
			     : i > name && (c < '0' || c > '9') && c != '.')
			return false;
	}
	return true;
}

static int check_tls(const struct na_syslog_options *options, enum na_syslog_scheme scheme,
		     struct na_buffer *why)
{
	bool any = options->ca_file.length || options->cert_file.length ||
		   options->key_file.length || !options->verify;

	if (scheme != NA_SYSLOG_TLS)
		return any ? refuse(why, "ca_file, cert_file, key_file and verify mean something "
					 "with tls:// only")
			   : 0;
	if (!options->cert_file.length != !options->key_file.length)
		return refuse(why, "cert_file and key_file are given together or not at all");
	return 0;
}

static int check_message(const struct na_syslog_options *options, enum na_syslog_scheme scheme,
			 struct na_buffer *why)
{
	if (!is_sd_id(options->sd_id))
		return refuse(why, "sd_id: a name, @ and an enterprise number are needed, as in "
				   "netaudit@32473");
	if (options->max_size && options->max_size < MAX_SIZE_MIN)
		return refuse(why, "max_size: at least 1KiB, or 0B");
	if (scheme == NA_SYSLOG_UDP && options->max_size > UDP_SIZE_MAX)
		return refuse(why, "max_size: a datagram holds 65507 bytes at most");
	if (scheme == NA_SYSLOG_UDP && options->framing != NA_SYSLOG_FRAMING_AUTO)
		return refuse(why, "framing: a datagram is one message, it has none");
	if (scheme == NA_SYSLOG_JOURNALD && (options->framing != NA_SYSLOG_FRAMING_AUTO ||
					     options->protocol != NA_SYSLOG_PROTOCOL_AUTO))
		return refuse(why, "journald has a protocol of its own: neither protocol nor "
				   "framing can be chosen");
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_syslog_check(const void *values, struct na_buffer *why)
{
	const struct na_syslog_options *options = values;
	struct na_syslog_address address;
	int error = na_syslog_address_parse(options->address, &address, why);

	if (!error)
		error = check_message(options, address.scheme, why);
	if (!error)
		error = check_tls(options, address.scheme, why);
	return error;
}
