/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def, what they alone cannot check, and what the sandbox must know. */
#include "http/options.h"

#include <errno.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "http/url.h"

/* clang-format off */
const struct na_option na_http_option_rows[NA_HTTP_OPTION_COUNT] = {
#define NA_OPTION(id, path_, type_, fallback_, min_, max_, allowed_, doc_)                         \
	{.path = path_, .type = NA_OPTION_##type_, .fallback = fallback_, .min = min_,             \
	 .max = max_, .allowed = allowed_, .doc = doc_,                                            \
	 .offset = offsetof(struct na_http_options, id),                                           \
	 .size = sizeof(((struct na_http_options *)NULL)->id)},
#include "http/options.def"
};
/* clang-format on */

/* Header fields that are made here. */
static const char *const own_headers[] = {
	"Authorization",  "Proxy-Authorization",      "Content-Type", "Content-Encoding",
	"Content-Length", "Transfer-Encoding",        "Expect",       "Cookie",
	"User-Agent",     "X-Splunk-Request-Channel",
};

static int wrong(struct na_buffer *why, const char *what)
{
	na_buffer_append_string(why, what);
	return -EINVAL;
}

static int check_url(const struct na_http_options *options, struct na_text text,
		     struct na_buffer *why)
{
	NA_CLEANUP(na_http_url_done) struct na_http_url url = {0};
	int error;

	na_buffer_append_string(why, "url: ");
	error = na_http_url_parse(text, &url, why);
	if (error)
		return error;
	if (url.query && options->dialect != NA_HTTP_WEBHOOK)
		return wrong(why, "an address without ? is needed: this dialect adds its own");
	na_buffer_clear(why);
	return 0;
}

static int check_urls(const struct na_http_options *options, struct na_buffer *why)
{
	int error = 0;

	if (!options->url.count)
		return wrong(why, "url: where to is needed");
	for (size_t i = 0; i < options->url.count && !error; i++)
		error = check_url(options, options->url.items[i], why);
	return error;
}

static int check_proxy(const struct na_http_options *options, struct na_buffer *why)
{
	NA_CLEANUP(na_http_url_done) struct na_http_url url = {0};
	int error;

	if (!options->proxy.length)
		return options->proxy_user.length || options->proxy_password_file.length
			       ? wrong(why, "proxy_user and proxy_password_file need proxy")
			       : 0;
	if (!options->proxy_user.length != !options->proxy_password_file.length)
		return wrong(why, "proxy_user and proxy_password_file need each other");
	na_buffer_append_string(why, "proxy: ");
	error = na_http_url_parse(options->proxy, &url, why);
	if (error)
		return error;
	if (strncmp(url.whole, "http://", 7) != 0)
		return wrong(why, "an address that begins with http:// is needed");
	na_buffer_clear(why);
	return 0;
}

/* What stands in JSON and in addresses without being quoted. */
static bool is_plain(struct na_text text, const char *refused)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		if (c < ' ' || c > '~' || strchr(refused, c))
			return false;
	}
	return true;
}

static int check_dialect(const struct na_http_options *options, struct na_buffer *why)
{
	if (options->dialect == NA_HTTP_ELASTIC && !options->index.length)
		return wrong(why, "index: dialect elastic needs the name of an index or data "
				  "stream");
	if (!is_plain(options->index, " \"\\/*?<>|,#%&:"))
		return wrong(why, "index: no server takes this name");
	if (!is_plain(options->source, "\"\\") || !is_plain(options->sourcetype, "\"\\"))
		return wrong(why, "source, sourcetype: plain characters without \" and \\ are "
				  "needed");
	if (options->dialect != NA_HTTP_SPLUNK && options->ack == NA_HTTP_ACK_REQUIRED)
		return wrong(why, "ack: only dialect splunk has acknowledgements of indexers");
	return 0;
}

static int check_credentials(const struct na_http_options *options, struct na_buffer *why)
{
	if (!options->user.length != !options->password_file.length)
		return wrong(why, "user and password_file need each other");
	if (options->user.length && options->token_file.length)
		return wrong(why, "user and token_file exclude each other");
	if (!is_plain(options->user, ":") || !is_plain(options->proxy_user, ":"))
		return wrong(why, "user, proxy_user: plain characters without : are needed");
	if (options->key_file.length && !options->cert_file.length)
		return wrong(why, "key_file needs cert_file");
	return 0;
}

static bool is_own(struct na_text name)
{
	for (size_t i = 0; i < sizeof(own_headers) / sizeof(*own_headers); i++)
		if (strcasecmp(name.data, own_headers[i]) == 0)
			return true;
	return false;
}

static int check_headers(const struct na_http_options *options, struct na_buffer *why)
{
	for (size_t i = 0; i < options->headers.count; i++) {
		const struct na_config_pair *pair = &options->headers.pairs[i];

		if (!pair->name.length || !is_plain(pair->name, " \"(),/:;<=>?@[\\]{}"))
			return wrong(why, "headers: this is no name of a header field");
		if (!is_plain(pair->value, ""))
			return wrong(why, "headers: plain characters are needed");
		if (!is_own(pair->name))
			continue;
		na_buffer_printf(why, "headers: %s is set by other options, or not at all",
				 pair->name.data);
		return -EINVAL;
	}
	return 0;
}

static void take_secret(struct na_text name, na_output_take_path *take, void *context)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer path = {0};

	if (name.length && na_secret_path(name.data, &path) == 0)
		take(context, path.data, NA_OUTPUT_READS);
}

/* ------------------------------------------------------------------------------------------- */

int na_http_check(const void *values, struct na_buffer *why)
{
	const struct na_http_options *options = values;
	int error = check_urls(options, why);

	if (!error)
		error = check_proxy(options, why);
	if (!error)
		error = check_dialect(options, why);
	if (!error)
		error = check_credentials(options, why);
	return error ? error : check_headers(options, why);
}

void na_http_paths(const void *values, na_output_take_path *take, void *context)
{
	const struct na_http_options *options = values;
	const struct na_text files[] = {options->ca_file, options->cert_file, options->key_file};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i].length)
			take(context, files[i].data, NA_OUTPUT_READS);
	take_secret(options->password_file, take, context);
	take_secret(options->token_file, take, context);
	take_secret(options->proxy_password_file, take, context);
}

/* None: bodies have it all. */
void na_http_fields(const void *options, na_output_take_field *take, void *context)
{
	(void)options;
	(void)take;
	(void)context;
}

/* With a proxy nothing else is connected to. */
void na_http_endpoints(const void *values, na_output_take_endpoint *take, void *context)
{
	const struct na_http_options *options = values;
	bool proxy = options->proxy.length;

	for (size_t i = 0; i < (proxy ? 1 : options->url.count); i++) {
		NA_CLEANUP(na_http_url_done) struct na_http_url url = {0};
		NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};

		if (na_http_url_parse(proxy ? options->proxy : options->url.items[i], &url, &why) ==
		    0)
			take(context, na_text_of(url.host), url.port);
	}
}
