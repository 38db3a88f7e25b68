/* SPDX-License-Identifier: Apache-2.0 */
/* What all dialects have in common: the meaning of a status. */
#include "http/dialect.h"

#include <stddef.h>

struct meaning {
	int status;
	enum na_http_action action;
	const char *mend;
};

/* The others: 2xx delivered, 5xx again, the rest hold. */
static const struct meaning meanings[] = {
	{400, NA_HTTP_DO_ISOLATE, NULL},
	{401, NA_HTTP_DO_HOLD, "are user, password_file or token_file right?"},
	{403, NA_HTTP_DO_HOLD, "may these credentials write there?"},
	{404, NA_HTTP_DO_HOLD, "are url and index right?"},
	{405, NA_HTTP_DO_HOLD, "are url and dialect right?"},
	{407, NA_HTTP_DO_HOLD, "are proxy_user and proxy_password_file right?"},
	{408, NA_HTTP_DO_AGAIN, NULL},
	{413, NA_HTTP_DO_HALVE, NULL},
	{415, NA_HTTP_DO_HOLD, "does it take this compression and dialect?"},
	{422, NA_HTTP_DO_ISOLATE, NULL},
	{425, NA_HTTP_DO_AGAIN, NULL},
	{429, NA_HTTP_DO_AGAIN, NULL},
};

/* ------------------------------------------------------------------------------------------- */

const struct na_http_dialect *na_http_dialect_get(const struct na_http_options *options)
{
	static const struct na_http_dialect *const dialects[] = {
		[NA_HTTP_ELASTIC] = &na_http_elastic,
		[NA_HTTP_SPLUNK] = &na_http_splunk,
		[NA_HTTP_WEBHOOK] = &na_http_webhook,
	};

	return dialects[options->dialect];
}

void na_http_judge_status(const struct na_http_reply *reply, struct na_http_request *request,
			  struct na_http_outcome *outcome)
{
	int status = reply->status;

	if (status >= 200 && status < 300) {
		for (size_t i = 0; i < request->count; i++)
			request->records[i].fate = NA_HTTP_DELIVERED;
		outcome->action = NA_HTTP_DO_SETTLE;
		return;
	}
	outcome->action = status >= 500 ? NA_HTTP_DO_AGAIN : NA_HTTP_DO_HOLD;
	if (status >= 300 && status < 400)
		outcome->mend = "it sends elsewhere, and that is not followed: put the address "
				"where it leads to into url";
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		if (meanings[i].status != status)
			continue;
		outcome->action = meanings[i].action;
		outcome->mend = meanings[i].mend;
	}
}

json_t *na_http_reply_object(const struct na_http_reply *reply)
{
	json_t *json =
		json_loadb(reply->body.data ? reply->body.data : "", reply->body.length, 0, NULL);

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

void na_http_outcome_done(struct na_http_outcome *outcome)
{
	json_decref(outcome->json);
	outcome->json = NULL;
}
