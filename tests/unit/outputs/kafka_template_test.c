/* SPDX-License-Identifier: Apache-2.0 */
/* Names of topics with fields in them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/template.h"

static struct na_kafka_template *parse(const char *text)
{
	struct na_kafka_template *template = NULL;
	struct na_buffer why = {0};
	int error = na_kafka_template_parse(na_text_of(text), &template, &why);

	if (error)
		fail_msg("%s: %.*s", text, (int)why.length, why.data);
	na_buffer_done(&why);
	return template;
}

static void expect(const char *text, const struct na_event *event, const char *name)
{
	struct na_kafka_template *template = parse(text);
	char found[NA_KAFKA_TOPIC_MAX + 1];

	na_kafka_template_expand(template, event, found);
	assert_string_equal(found, name);
	assert_int_equal(na_kafka_template_is_fixed(template), !strchr(text, '%'));
	na_kafka_template_free(template);
}

static void expands(void **state)
{
	struct na_event event;

	(void)state;
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	NA_SET_TEXT(&event, EVENT_DATASET, "netaudit.flow");
	NA_SET_TEXT(&event, USER_ID, "");
	NA_SET_TEXT(&event, HOST_NAME, "a b/c:d\xff%{é}");
	NA_SET(&event, DESTINATION_PORT, 443);
	NA_SET(&event, NA_SOCKET_COOKIE, UINT64_MAX);
	NA_SET(&event, SOURCE_PORT, -1);
	expect("audit", &event, "audit");
	expect("%{event.dataset}", &event, "netaudit.flow");
	expect("x-%{event.dataset}.y", &event, "x-netaudit.flow.y");
	expect("%{destination.port}%{source.port}", &event, "443-1");
	expect("%{netaudit.socket.cookie}", &event, "18446744073709551615");
	expect("a.%{user.id}.%{container.id}", &event, "a.none.none");
	expect("%{host.name}", &event,
	       "a_b_c_d___"
	       "__"
	       "_");
}

static void keeps_names_legal(void **state)
{
	struct na_event event;
	char text[400], name[NA_KAFKA_TOPIC_MAX + 1];

	(void)state;
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	NA_SET_TEXT(&event, HOST_NAME, ".");
	expect("%{host.name}", &event, "_");
	expect("%{host.name}%{host.name}", &event, "_.");
	expect("%{host.name}x", &event, ".x");
	memset(text, 'y', sizeof(text));
	NA_SET(&event, HOST_NAME, ((struct na_text){text, sizeof(text)}));
	memset(name, 'y', NA_KAFKA_TOPIC_MAX);
	name[NA_KAFKA_TOPIC_MAX] = '\0';
	expect("%{host.name}%{host.name}", &event, name);
	name[0] = 'x';
	expect("x%{host.name}z", &event, name);
}

static void refuses(const char *text, const char *reason)
{
	struct na_kafka_template *template = NULL;
	struct na_buffer why = {0};

	assert_int_equal(na_kafka_template_parse(na_text_of(text), &template, &why), -EINVAL);
	assert_null(template);
	na_buffer_append_char(&why, '\0');
	assert_string_equal(why.data, reason);
	na_buffer_done(&why);
}

static void says_where_it_is_wrong(void **state)
{
	char text[251];

	(void)state;
	refuses("a b", "topic: at character 2: names have a-z A-Z 0-9 . _ - only");
	refuses("a.%{b", "topic: at character 3: a field is written %{event.dataset}");
	refuses("a%", "topic: at character 2: a field is written %{event.dataset}");
	refuses("a%(x}", "topic: at character 2: a field is written %{event.dataset}");
	refuses("%{event.action}/", "topic: at character 16: names have a-z A-Z 0-9 . _ - only");
	refuses("ab%{no.such}",
		"topic: at character 3: there is no such field; `netaudit schema` lists them");
	refuses("%{}", "topic: at character 1: there is no such field; `netaudit schema` lists "
		       "them");
	refuses("%{process.name}", "topic: at character 1: any process can fill this field, and "
				   "would choose topics");
	refuses("x%{source.ip}",
		"topic: at character 2: only a text or a number can be a part of a name");
	refuses("..", "topic: at character 1: this name is not allowed");
	memset(text, 'x', 250);
	text[250] = '\0';
	refuses(text, "topic: at character 250: a name has 249 characters at most");
}

static void take_field(void *context, enum na_field field)
{
	uint64_t *fields = context;

	fields[field / 64] |= UINT64_C(1) << field % 64;
}

static void says_which_fields_it_has(void **state)
{
	struct na_kafka_template *template = parse("a.%{event.dataset}-%{event.action}");
	struct na_event found = {0}, expected = {0}; /* their bits */

	(void)state;
	na_kafka_template_fields(template, take_field, found.present);
	na_event_mark(&expected, NA_FIELD_EVENT_DATASET);
	na_event_mark(&expected, NA_FIELD_EVENT_ACTION);
	assert_memory_equal(found.present, expected.present, sizeof(found.present));
	na_kafka_template_free(template);
}

static void bounds_parts(void **state)
{
	char text[2000] = "";

	(void)state;
	for (int i = 0; i < 33; i++)
		strcat(text, "%{event.action}");
	refuses(text, "topic: at character 481: too many fields");
	text[strlen(text) - strlen("%{event.action}")] = '\0';
	na_kafka_template_free(parse(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expands),
		cmocka_unit_test(keeps_names_legal),
		cmocka_unit_test(says_where_it_is_wrong),
		cmocka_unit_test(says_which_fields_it_has),
		cmocka_unit_test(bounds_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
