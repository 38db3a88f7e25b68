/* SPDX-License-Identifier: Apache-2.0 */
/* Records that go together into one request. */
#include "http/request.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define AROUND_BYTES 128u /* the action of _bulk, or what HEC wraps around, without names */

static void recount(struct na_http_request *request)
{
	request->bytes = 0;
	for (size_t i = 0; i < request->count; i++)
		request->bytes += request->records[i].body.length + request->records[i].id.length +
				  AROUND_BYTES;
}

/* ------------------------------------------------------------------------------------------- */

struct na_http_request *na_http_request_new(void)
{
	return calloc(1, sizeof(struct na_http_request));
}

void na_http_request_free(struct na_http_request *request)
{
	if (!request)
		return;
	free(request->channel);
	free(request->records);
	free(request);
}

int na_http_request_add(struct na_http_request *request, const struct na_http_record *record)
{
	if (request->count == request->size) {
		size_t size = request->size ? request->size * 2 : 16;
		struct na_http_record *records =
			reallocarray(request->records, size, sizeof(*records));

		if (!records)
			return -ENOMEM;
		request->records = records;
		request->size = size;
	}
	request->records[request->count++] = *record;
	request->bytes += record->body.length + record->id.length + AROUND_BYTES;
	return 0;
}

size_t na_http_record_bytes(const struct na_output_record *record)
{
	return record->body.length + record->id.length + AROUND_BYTES;
}

int na_http_request_split(struct na_http_requests *list, struct na_http_request *request, size_t at)
{
	struct na_http_request *rest = na_http_request_new();

	assert(at > 0 && at < request->count);
	if (!rest)
		return -ENOMEM;
	for (size_t i = at; i < request->count; i++) {
		if (na_http_request_add(rest, &request->records[i]) < 0) {
			na_http_request_free(rest);
			return -ENOMEM;
		}
	}
	rest->suspected = request->suspected;
	rest->suspected_at = request->suspected_at;
	rest->server = request->server;
	request->count = at;
	recount(request);
	TAILQ_INSERT_AFTER(list, request, rest, entry);
	return 0;
}

void na_http_request_keep(struct na_http_request *request,
			  bool (*keep)(const struct na_http_record *record))
{
	size_t count = 0;

	for (size_t i = 0; i < request->count; i++)
		if (keep(&request->records[i]))
			request->records[count++] = request->records[i];
	request->count = count;
	recount(request);
}
