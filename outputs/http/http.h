/* SPDX-License-Identifier: Apache-2.0 */
/* Output `http`: requests with records to Elasticsearch, OpenSearch, Splunk or a webhook. */
#ifndef NA_OUTPUT_HTTP_H
#define NA_OUTPUT_HTTP_H

#include "output.h"

enum na_http_dialect_name { NA_HTTP_ELASTIC, NA_HTTP_SPLUNK, NA_HTTP_WEBHOOK };
enum na_http_document_id { NA_HTTP_ID_EVENT, NA_HTTP_ID_NONE };
enum na_http_ack { NA_HTTP_ACK_AUTO, NA_HTTP_ACK_REQUIRED, NA_HTTP_ACK_OFF };
enum na_http_body { NA_HTTP_NDJSON, NA_HTTP_ARRAY };
enum na_http_compression { NA_HTTP_GZIP, NA_HTTP_NO_COMPRESSION };
enum na_http_token_scheme {
	NA_HTTP_TOKEN_AUTO,
	NA_HTTP_TOKEN_BEARER,
	NA_HTTP_TOKEN_APIKEY,
	NA_HTTP_TOKEN_SPLUNK
};

struct na_http_options {
#define NA_OPTION(id, path, type, fallback, min, max, allowed, doc) na_option_##type id;
#include "http/options.def"
};

extern const struct na_output na_output_http;

#endif
