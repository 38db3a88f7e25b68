/* SPDX-License-Identifier: Apache-2.0 */
/* A row for each error that is not simply tried again. */
#include "kafka/report.h"

#include <stddef.h>
#include <string.h>

#define CREDENTIALS "the brokers refuse the credentials (sasl.*, password_file)"
#define RIGHTS "the brokers do not let this user write; give it WRITE on the topic"
#define TOPIC "the topic does not exist, or this user may not see it"

static const struct {
	rd_kafka_resp_err_t error;
	enum na_kafka_meaning meaning;
	const char *words;
} rows[] = {
	{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, NA_KAFKA_DOWN, "no broker can be reached"},

	{RD_KAFKA_RESP_ERR__AUTHENTICATION, NA_KAFKA_PERSON, CREDENTIALS},
	{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, NA_KAFKA_PERSON, CREDENTIALS},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, NA_KAFKA_PERSON,
	 "the brokers do not know this sasl.mechanism"},
	{RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, NA_KAFKA_PERSON,
	 "the brokers want another security.protocol or sasl.mechanism"},
	{RD_KAFKA_RESP_ERR_SECURITY_DISABLED, NA_KAFKA_PERSON,
	 "the brokers have authentication switched off"},
	{RD_KAFKA_RESP_ERR__SSL, NA_KAFKA_PERSON,
	 "TLS with the brokers fails (certificates, ca_file, security.protocol)"},

	{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, NA_KAFKA_PERSON, RIGHTS},
	{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, NA_KAFKA_PERSON,
	 "the brokers do not let this user be an idempotent producer; give it IDEMPOTENT_WRITE"},
	{RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, NA_KAFKA_PERSON, RIGHTS},
	{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, NA_KAFKA_PERSON, TOPIC},
	{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, NA_KAFKA_PERSON, TOPIC},
	{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, NA_KAFKA_PERSON,
	 "the brokers do not accept the topic's name"},
	{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, NA_KAFKA_PERSON, "a policy of the cluster forbids it"},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, NA_KAFKA_PERSON,
	 "the topic does not accept this compression.codec"},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, NA_KAFKA_PERSON,
	 "the topic's message format is too old for headers and idempotence"},
	{RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, NA_KAFKA_PERSON,
	 "the brokers are too old for an idempotent producer, or librdkafka was built without "
	 "what is configured"},

	{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, NA_KAFKA_TOO_LARGE,
	 "larger than the topic's max.message.bytes"},
	{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, NA_KAFKA_TOO_LARGE,
	 "larger than a segment of the topic"},
	{RD_KAFKA_RESP_ERR_INVALID_RECORD, NA_KAFKA_POISON,
	 "the broker refuses the record (a compacted topic wants a key)"},
	{RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, NA_KAFKA_POISON,
	 "the broker refuses the record's time: its clock and this host's differ too much"},
};

/* ------------------------------------------------------------------------------------------- */

enum na_kafka_meaning na_kafka_report_read(rd_kafka_resp_err_t error, const char **ret_words)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].error != error)
			continue;
		*ret_words = rows[i].words;
		return rows[i].meaning;
	}
	*ret_words = "the cluster does not take it now";
	return NA_KAFKA_PASSES;
}

rd_kafka_resp_err_t na_kafka_report_error(rd_kafka_resp_err_t error, const char *text)
{
	if (error == RD_KAFKA_RESP_ERR__TRANSPORT && strstr(text, "certificate"))
		return RD_KAFKA_RESP_ERR__SSL;
	return error;
}
