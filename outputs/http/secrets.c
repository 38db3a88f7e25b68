/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials from files. A far end may send back what it got: that never gets into a log. */
#include "http/secrets.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/secret.h"

static int read_one(struct na_text name, struct na_buffer *out, struct na_buffer *why)
{
	int error;

	if (!name.length)
		return 0;
	error = na_secret_read(name.data, out, why);
	if (error)
		return error;
	for (size_t i = 0; i < out->length; i++) {
		unsigned char c = (unsigned char)out->data[i];

		if (c >= ' ' && c != 0x7f)
			continue;
		na_buffer_printf(why, "%s holds no secret: one line of text is wanted", name.data);
		return -EINVAL;
	}
	return 0;
}

static bool same(const struct na_buffer *one, const struct na_buffer *other)
{
	return one->length == other->length &&
	       (!one->length || memcmp(one->data, other->data, one->length) == 0);
}

static bool holds(struct na_text text, const struct na_buffer *secret)
{
	return secret->length && memmem(text.data, text.length, secret->data, secret->length);
}

/* ------------------------------------------------------------------------------------------- */

int na_http_secrets_read(const struct na_http_options *options, struct na_http_secrets *secrets,
			 bool *ret_changed, struct na_buffer *why)
{
	NA_CLEANUP(na_http_secrets_done) struct na_http_secrets fresh = {0};
	struct na_http_secrets old = *secrets;
	int error = read_one(options->password_file, &fresh.password, why);

	if (!error)
		error = read_one(options->token_file, &fresh.token, why);
	if (!error)
		error = read_one(options->proxy_password_file, &fresh.proxy_password, why);
	if (error)
		return error;
	*ret_changed = !same(&old.password, &fresh.password) || !same(&old.token, &fresh.token) ||
		       !same(&old.proxy_password, &fresh.proxy_password);
	*secrets = fresh;
	fresh = old; /* NOLINT(clang-analyzer-deadcode.DeadStores): the cleanup frees it */
	return 0;
}

void na_http_secrets_done(struct na_http_secrets *secrets)
{
	na_secret_done(&secrets->password);
	na_secret_done(&secrets->token);
	na_secret_done(&secrets->proxy_password);
}

void na_http_secrets_words(const struct na_http_secrets *secrets, struct na_text said,
			   struct na_buffer *out)
{
	if (holds(said, &secrets->password) || holds(said, &secrets->token) ||
	    holds(said, &secrets->proxy_password)) {
		na_buffer_append_string(out, "(its words hold our secret and are left out)");
		return;
	}
	for (size_t i = 0; i < said.length && i < NA_HTTP_WORDS_MAX; i++)
		na_buffer_append_char(out, said.data[i] >= ' ' && said.data[i] <= '~' ? said.data[i]
										      : ' ');
}
