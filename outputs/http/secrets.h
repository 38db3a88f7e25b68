/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials of an instance, and how a reply is told without them. One thread. */
#ifndef NA_HTTP_SECRETS_H
#define NA_HTTP_SECRETS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "http/http.h"

#define NA_HTTP_WORDS_MAX 240u /* of what a far end said */

/* With a NUL behind; empty: none. */
struct na_http_credentials {
	struct na_buffer password, token, proxy_password;
	struct na_buffer basic, proxy_basic; /* with the user, in base64, as they are sent */
};

struct na_http_secrets {
	unsigned int version; /* another one with each change */
	struct na_http_credentials now;
	struct na_http_credentials before; /* replies to what was sent with them may still come */
};

/* Reads those that are configured. On failure what was there stays. 0 or negative errno and why. */
int na_http_secrets_read(const struct na_http_options *options, struct na_http_secrets *secrets,
			 bool *ret_changed, struct na_buffer *why);

void na_http_secrets_done(struct na_http_secrets *secrets);

/* Appends what a far end said as one line that is not too long and holds none of the secrets. */
void na_http_secrets_words(const struct na_http_secrets *secrets, struct na_text said,
			   struct na_buffer *out);

#endif
