/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials from files. A far end may send back what it got: that never gets into a log. */
#include "http/secrets.h"

#include <errno.h>

#include <openssl/evp.h>

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

/* As basic authentication sends it, without the padding: whoever tells it may leave that away. */
static int make_basic(struct na_text user, const struct na_buffer *password, struct na_buffer *out)
{
	NA_CLEANUP(na_secret_done) struct na_buffer pair = {0};

	if (!user.length)
		return 0;
	na_buffer_append(&pair, user.data, user.length);
	na_buffer_append_char(&pair, ':');
	na_buffer_append(&pair, password->data, password->length);
	if (na_buffer_error(&pair) || na_buffer_reserve(out, pair.length / 3 * 4 + 5) < 0)
		return -ENOMEM;
	out->length = (size_t)EVP_EncodeBlock((unsigned char *)out->data,
					      (const unsigned char *)pair.data, (int)pair.length);
	while (out->length && out->data[out->length - 1] == '=')
		out->data[--out->length] = '\0';
	return 0;
}

static bool holds(struct na_text text, const struct na_buffer *secret)
{
	return secret->length && memmem(text.data, text.length, secret->data, secret->length);
}

static bool holds_any(struct na_text text, const struct na_http_credentials *credentials)
{
	return holds(text, &credentials->password) || holds(text, &credentials->token) ||
	       holds(text, &credentials->proxy_password) || holds(text, &credentials->basic) ||
	       holds(text, &credentials->proxy_basic);
}

/* As it is, or with a backslash in front of a slash, as some write it in JSON. */
static bool is_told(struct na_text said, const struct na_http_secrets *secrets)
{
	NA_CLEANUP(na_secret_done) struct na_buffer plain = {0};

	for (size_t i = 0; i < said.length; i++)
		if (said.data[i] != '\\')
			na_buffer_append_char(&plain, said.data[i]);
	if (na_buffer_error(&plain) || holds_any(said, &secrets->now) ||
	    holds_any(said, &secrets->before))
		return true;
	said = (struct na_text){plain.data, plain.length};
	return said.length && (holds_any(said, &secrets->now) || holds_any(said, &secrets->before));
}

static void credentials_done(struct na_http_credentials *credentials)
{
	na_secret_done(&credentials->password);
	na_secret_done(&credentials->token);
	na_secret_done(&credentials->proxy_password);
	na_secret_done(&credentials->basic);
	na_secret_done(&credentials->proxy_basic);
}

static int read_all(const struct na_http_options *options, struct na_http_credentials *out,
		    struct na_buffer *why)
{
	int error = read_one(options->password_file, &out->password, why);

	if (!error)
		error = read_one(options->token_file, &out->token, why);
	if (!error)
		error = read_one(options->proxy_password_file, &out->proxy_password, why);
	if (!error)
		error = make_basic(options->user, &out->password, &out->basic);
	if (!error)
		error = make_basic(options->proxy_user, &out->proxy_password, &out->proxy_basic);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_http_secrets_read(const struct na_http_options *options, struct na_http_secrets *secrets,
			 bool *ret_changed, struct na_buffer *why)
{
	NA_CLEANUP(credentials_done) struct na_http_credentials fresh = {0};
	struct na_http_credentials old = secrets->now;
	int error = read_all(options, &fresh, why);

	if (error)
		return error;
	*ret_changed = !same(&old.password, &fresh.password) || !same(&old.token, &fresh.token) ||
		       !same(&old.proxy_password, &fresh.proxy_password);
	if (!*ret_changed)
		return 0;
	credentials_done(&secrets->before);
	secrets->before = old;
	secrets->now = fresh;
	secrets->version++;
	fresh = (struct na_http_credentials){0};
	return 0;
}

void na_http_secrets_done(struct na_http_secrets *secrets)
{
	credentials_done(&secrets->now);
	credentials_done(&secrets->before);
}

void na_http_secrets_words(const struct na_http_secrets *secrets, struct na_text said,
			   struct na_buffer *out)
{
	if (is_told(said, secrets)) {
		na_buffer_append_string(out, "(its words hold our secret and are left out)");
		return;
	}
	for (size_t i = 0; i < said.length && i < NA_HTTP_WORDS_MAX; i++)
		na_buffer_append_char(out, said.data[i] >= ' ' && said.data[i] <= '~' ? said.data[i]
										      : ' ');
}
