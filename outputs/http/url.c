/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl makes of an address is what counts: it is the one who goes there. */
#include "http/url.h"

#include <errno.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/cleanup.h"

static void url_cleanup(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void text_cleanup(char **text)
{
	curl_free(*text);
}

#define TEXT NA_CLEANUP(text_cleanup) char *

/* A part of it, malloc'ed; NULL: it has none. */
static int get(CURLU *url, CURLUPart part, unsigned int flags, char **ret_text)
{
	TEXT text = NULL;
	char *copy = NULL;

	if (curl_url_get(url, part, &text, flags) == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	if (text && !(copy = strdup(text)))
		return -ENOMEM;
	*ret_text = copy;
	return 0;
}

static bool has(CURLU *url, CURLUPart part)
{
	TEXT text = NULL;

	return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

static int wrong(struct na_buffer *why, const char *what)
{
	na_buffer_append_string(why, what);
	return -EINVAL;
}

static int judge(CURLU *url, struct na_buffer *why)
{
	TEXT scheme = NULL;

	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return wrong(why, "an address that begins with http:// or https:// is needed");
	if (has(url, CURLUPART_USER) || has(url, CURLUPART_PASSWORD))
		return wrong(why, "user and password do not belong there: see user, "
				  "password_file and token_file");
	if (has(url, CURLUPART_FRAGMENT))
		return wrong(why, "an address without # is needed");
	return 0;
}

static void strip_slashes(char *text)
{
	size_t length = strlen(text);

	while (length && text[length - 1] == '/')
		text[--length] = '\0';
}

static void strip_brackets(char *host)
{
	size_t length = strlen(host);

	if (host[0] != '[' || host[length - 1] != ']')
		return;
	memmove(host, host + 1, length - 2);
	host[length - 2] = '\0';
}

static int take_parts(CURLU *url, struct na_http_url *taken)
{
	NA_FREE char *port = NULL;
	int error = get(url, CURLUPART_URL, 0, &taken->whole);

	if (!error)
		error = get(url, CURLUPART_QUERY, 0, &taken->query);
	if (!error)
		error = get(url, CURLUPART_HOST, 0, &taken->host);
	if (!error)
		error = get(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
	if (error || !taken->whole || !taken->host || !port)
		return error ? error : -ENOMEM;
	if (curl_url_set(url, CURLUPART_PATH, NULL, 0) != CURLUE_OK ||
	    curl_url_set(url, CURLUPART_QUERY, NULL, 0) != CURLUE_OK ||
	    get(url, CURLUPART_URL, 0, &taken->shown) < 0 || !taken->shown)
		return -ENOMEM;
	strip_slashes(taken->shown);
	if (!taken->query)
		strip_slashes(taken->whole);
	strip_brackets(taken->host);
	taken->port = (uint16_t)strtoul(port, NULL, 10); /* libcurl has checked it */
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_http_url_parse(struct na_text text, struct na_http_url *ret_url, struct na_buffer *why)
{
	NA_CLEANUP(url_cleanup) CURLU *url = curl_url();
	struct na_http_url taken = {0};
	CURLUcode code;
	int error;

	if (!url)
		return -ENOMEM;
	code = curl_url_set(url, CURLUPART_URL, text.data, 0);
	if (code == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	if (code != CURLUE_OK)
		return wrong(why, "an address like https://host:port is needed");
	error = judge(url, why);
	if (!error)
		error = take_parts(url, &taken);
	if (error)
		na_http_url_done(&taken);
	else
		*ret_url = taken;
	return error;
}

void na_http_url_done(struct na_http_url *url)
{
	free(url->whole);
	free(url->query);
	free(url->shown);
	free(url->host);
	*url = (struct na_http_url){0};
}
