/* SPDX-License-Identifier: Apache-2.0 */
/* Output syslog: messages, read back by the grammars of their protocols. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "syslog/message.h"
#include "syslog/syslog.h"

#define WALL_NS UINT64_C(1795525507000056789) /* 2026-11-24T13:05:07Z */
#define PARAMETERS_MAX 8

/* A message of RFC 5424, taken apart. */
struct message {
	unsigned int priority;
	char stamp[40], host[256], app[49], process[129], id[33], sd_id[33];
	struct {
		char name[33], value[256];
	} parameters[PARAMETERS_MAX];
	size_t count;
	struct na_text text;
};

static struct na_syslog_encoder encoder;
static struct na_buffer out, why;
static struct na_event event;
static struct na_output_record record;

/* The n-th allocation from now on fails; 0: none. */
static unsigned int fail_at;

void *__real_realloc(void *data, size_t size);
void *__wrap_realloc(void *data, size_t size);

static bool fails(void)
{
	return fail_at && --fail_at == 0;
}

void *__wrap_realloc(void *data, size_t size)
{
	return fails() ? NULL : __real_realloc(data, size);
}

static void *json_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

static int set_up(void **state)
{
	(void)state;
	encoder = (struct na_syslog_encoder){
		.facility = 16, .max_size = 65536, .sd_id = "netaudit@32473"};
	na_syslog_encoder_init(&encoder);
	memcpy(encoder.host, "web-1", 6);
	memcpy(encoder.process, "812", 4);
	na_event_init(&event, NA_EVENT_ESTABLISHED, 1);
	NA_SET(&event, EVENT_SEQUENCE, 81);
	record = (struct na_output_record){.number = 1,
					   .id = na_text_of("3f0f-7-81"),
					   .body = na_text_of("{\"n\":1}"),
					   .event = &event,
					   .wall_ns = WALL_NS};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	na_syslog_encoder_done(&encoder);
	na_buffer_done(&out);
	na_buffer_done(&why);
	return 0;
}

static struct na_text encode(void)
{
	na_buffer_clear(&out);
	assert_int_equal(na_syslog_encode(&encoder, &record, &out, &why), 0);
	return (struct na_text){out.data, out.length};
}

static void expect(const char *text)
{
	struct na_text found = encode();

	assert_int_equal(found.length, strlen(text));
	assert_memory_equal(found.data, text, found.length);
}

/* 1 to size - 1 bytes of PRINTUSASCII and the space behind them. */
static void take_word(struct na_text *left, char *ret_word, size_t size)
{
	const char *space = memchr(left->data, ' ', left->length);
	size_t length;

	assert_non_null(space);
	length = (size_t)(space - left->data);
	assert_in_range(length, 1, size - 1);
	for (size_t i = 0; i < length; i++)
		assert_in_range((unsigned char)left->data[i], 33, 126);
	memcpy(ret_word, left->data, length);
	ret_word[length] = '\0';
	*left = (struct na_text){space + 1, left->length - length - 1};
}

static char take_char(struct na_text *left)
{
	assert_true(left->length > 0);
	left->length--;
	return *left->data++;
}

static void expect_char(struct na_text *left, char wanted)
{
	assert_int_equal(take_char(left), wanted);
}

static void take_sd_name(struct na_text *left, char *ret_name, const char *ends)
{
	size_t length = 0;

	while (left->length && !strchr(ends, *left->data)) {
		assert_true(length < 32);
		assert_in_range(*left->data, 33, 126);
		assert_null(strchr("=]\"", *left->data));
		ret_name[length++] = take_char(left);
	}
	assert_true(length > 0);
	ret_name[length] = '\0';
}

static void take_sd_value(struct na_text *left, char *ret_value, size_t size)
{
	size_t length = 0;
	char c;

	while ((c = take_char(left)) != '"') {
		assert_int_not_equal(c, ']');
		if (c == '\\')
			c = take_char(left);
		assert_true(length + 1 < size);
		ret_value[length++] = c;
	}
	ret_value[length] = '\0';
}

/* HEADER SP STRUCTURED-DATA SP MSG with one element, strictly. */
static struct message parse_5424(struct na_text left)
{
	struct message message = {0};
	char version[3], priority[6];

	expect_char(&left, '<');
	for (size_t i = 0; *left.data != '>'; i++) {
		assert_true(i < 3);
		priority[i] = take_char(&left);
		priority[i + 1] = '\0';
	}
	expect_char(&left, '>');
	message.priority = (unsigned int)strtoul(priority, NULL, 10);
	assert_in_range(message.priority, 0, 191);
	take_word(&left, version, sizeof(version));
	assert_string_equal(version, "1");
	take_word(&left, message.stamp, sizeof(message.stamp));
	take_word(&left, message.host, sizeof(message.host));
	take_word(&left, message.app, sizeof(message.app));
	take_word(&left, message.process, sizeof(message.process));
	take_word(&left, message.id, sizeof(message.id));
	expect_char(&left, '[');
	take_sd_name(&left, message.sd_id, " ]");
	while (*left.data == ' ') {
		take_char(&left);
		assert_true(message.count < PARAMETERS_MAX);
		take_sd_name(&left, message.parameters[message.count].name, "=");
		expect_char(&left, '=');
		expect_char(&left, '"');
		take_sd_value(&left, message.parameters[message.count].value, 256);
		message.count++;
	}
	expect_char(&left, ']');
	expect_char(&left, ' ');
	message.text = left;
	return message;
}

static const char *parameter_of(const struct message *message, const char *name)
{
	for (size_t i = 0; i < message->count; i++)
		if (strcmp(message->parameters[i].name, name) == 0)
			return message->parameters[i].value;
	return NULL;
}

static json_t *parse_json(struct na_text text)
{
	json_t *json = json_loadb(text.data, text.length, JSON_ALLOW_NUL, NULL);

	assert_non_null(json);
	return json;
}

static json_t *encode_json(void)
{
	return parse_json(parse_5424(encode()).text);
}

/* ------------------------------------------------------------------------------------------- */

static void writes_rfc5424(void **state)
{
	struct message message;

	(void)state;
	expect("<134>1 2026-11-24T13:05:07.000056Z web-1 netaudit 812 established "
	       "[netaudit@32473 id=\"3f0f-7-81\" event=\"established\" sequence=\"81\" "
	       "outcome=\"success\"] {\"n\":1}");
	record.wall_ns = WALL_NS + UINT64_C(60123456000);
	message = parse_5424(encode());
	assert_string_equal(message.stamp, "2026-11-24T13:06:07.123512Z");
	assert_string_equal(message.id, "established");
	assert_string_equal(parameter_of(&message, "sequence"), "81");
}

/* What can be in an id, and any bytes in a body, which stays as it is. */
static void survives_hostile_bytes(void **state)
{
	static const char body[] = "{\"a\":\"]\\\" \xff\xfe\n\r\0 <1>1 - - - [x] \xef\xbb\xbf\"}";
	struct message message;

	(void)state;
	record.id = na_text_of("a\"b\\c]d[e f=g.connection");
	record.body = (struct na_text){body, sizeof(body) - 1};
	message = parse_5424(encode());
	assert_string_equal(parameter_of(&message, "id"), "a\"b\\c]d[e f=g.connection");
	assert_int_equal(message.text.length, record.body.length);
	assert_memory_equal(message.text.data, body, record.body.length);
}

static void writes_rfc3164(void **state)
{
	(void)state;
	setenv("TZ", "UTC-2", 1);
	tzset();
	encoder.form = NA_SYSLOG_FORM_3164;
	expect("<134>Nov 24 15:05:07 web-1 netaudit[812]: {\"n\":1}");
	record.wall_ns = WALL_NS - UINT64_C(20) * 86400 * 1000000000;
	expect("<134>Nov  4 15:05:07 web-1 netaudit[812]: {\"n\":1}");
	encoder.form = NA_SYSLOG_FORM_3164_LOCAL;
	expect("<134>Nov  4 15:05:07 netaudit[812]: {\"n\":1}");
	unsetenv("TZ");
	tzset();
}

static void frames_by_octets_and_lines(void **state)
{
	static const char body[] = "{\"a\":1,\n\"b\":\n2}\n";

	(void)state;
	encoder.form = NA_SYSLOG_FORM_3164_LOCAL;
	setenv("TZ", "UTC", 1);
	tzset();
	record.body = (struct na_text){body, sizeof(body) - 1};
	encoder.frame = NA_SYSLOG_FRAME_OCTET;
	expect("52 <134>Nov 24 13:05:07 netaudit[812]: {\"a\":1,\n\"b\":\n2}\n");
	encoder.frame = NA_SYSLOG_FRAME_LF;
	expect("<134>Nov 24 13:05:07 netaudit[812]: {\"a\":1, \"b\": 2} \n");
	unsetenv("TZ");
	tzset();
}

static void severity_is_of_the_event(void **state)
{
	static const struct {
		enum na_event_type type;
		enum na_syslog_severity severity;
	} rows[] = {
		{NA_EVENT_ESTABLISHED, NA_SYSLOG_INFO},
		{NA_EVENT_CONNECT_FAILED, NA_SYSLOG_NOTICE},
		{NA_EVENT_DENIED, NA_SYSLOG_WARNING},
		{NA_EVENT_EVENTS_LOST, NA_SYSLOG_ERROR},
		{NA_EVENT_AGENT_DEGRADED, NA_SYSLOG_ERROR},
		{NA_EVENT_HEARTBEAT, NA_SYSLOG_INFO},
		{NA_EVENT_AGENT_STARTED, NA_SYSLOG_NOTICE},
	};

	(void)state;
	encoder.facility = 13;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		na_event_init(&event, rows[i].type, 1);
		assert_int_equal(parse_5424(encode()).priority, 13 * 8 + rows[i].severity);
	}
	na_event_init(&event, NA_EVENT_BOUND, 1);
	na_event_set_error(&event, -EADDRINUSE);
	assert_int_equal(parse_5424(encode()).priority, 13 * 8 + NA_SYSLOG_NOTICE);
}

/* Every event's name is a MSGID. */
static void every_event_has_a_message(void **state)
{
	(void)state;
	for (unsigned int type = 0; type < NA_EVENT_COUNT; type++) {
		struct message message;

		na_event_init(&event, (enum na_event_type)type, 1);
		message = parse_5424(encode());
		assert_string_equal(message.id, na_event_name((enum na_event_type)type));
		assert_string_equal(parameter_of(&message, "event"), message.id);
	}
}

static void take_field(void *context, enum na_field field)
{
	uint64_t *fields = context;

	fields[field / 64] |= UINT64_C(1) << field % 64;
}

/* What the host leaves out of an event is nothing that a message needs. */
static void looks_at_the_fields_that_it_names(void **state)
{
	static const enum na_syslog_form forms[] = {NA_SYSLOG_FORM_5424, NA_SYSLOG_FORM_3164,
						    NA_SYSLOG_FORM_JOURNAL};
	struct na_event named = {0}; /* the bits */
	struct na_buffer expected = {0};

	(void)state;
	na_output_syslog.fields(NULL, take_field, named.present);
	for (unsigned int i = 0; i < NA_EVENT_COUNT * 6; i++) {
		struct na_text found;

		na_event_init(&event, (enum na_event_type)(i / 6), 1);
		NA_SET(&event, EVENT_SEQUENCE, 81);
		if (i / 3 % 2)
			na_event_set_error(&event, -ECONNREFUSED);
		encoder.form = forms[i % 3];
		na_buffer_clear(&expected);
		found = encode();
		na_buffer_append(&expected, found.data, found.length);
		for (size_t word = 0; word < sizeof(named.present) / sizeof(uint64_t); word++)
			event.present[word] &= named.present[word];
		found = encode();
		assert_int_equal(found.length, expected.length);
		assert_memory_equal(found.data, expected.data, found.length);
	}
	na_buffer_done(&expected);
}

static void make_nested(struct na_buffer *body, size_t args, size_t executable)
{
	na_buffer_clear(body);
	na_buffer_printf(body,
			 "{\"@timestamp\":\"t\",\"event\":{\"id\":\"e\"},\"process\":{\"args\":["
			 "\"%0*d\",\"\\u0000\\u009b\\u007f\xc3\xa9\"],\"command_line\":\"%0*d\","
			 "\"executable\":\"%0*d\",\"name\":\"n\\u009b\xc3\xa9\",\"pid\":7},"
			 "\"netaudit\":{\"event\":\"established\"},\"labels\":{\"site\":\"fra1\"}}",
			 (int)args, 1, (int)args, 2, (int)executable, 3);
	record.body = (struct na_text){body->data, body->length};
}

static void expect_shrunk(json_t *list, const char *names)
{
	struct na_buffer found = {0};
	size_t i;
	json_t *name;

	json_array_foreach(list, i, name) na_buffer_printf(&found, "%s ", json_string_value(name));
	na_buffer_append_char(&found, '\0');
	assert_string_equal(found.data, names);
	na_buffer_done(&found);
}

static void goes_without_whole_fields(void **state)
{
	struct na_buffer body = {0};
	json_t *json, *process;
	const char *name;

	(void)state;
	encoder.max_size = 2048;
	make_nested(&body, 1000, 10);
	json = encode_json();
	assert_true(out.length <= 2048);
	expect_shrunk(json_object_get(json_object_get(json, "netaudit"), "shrunk"),
		      "process.args ");
	process = json_object_get(json, "process");
	assert_null(json_object_get(process, "args"));
	assert_int_equal(json_string_length(json_object_get(process, "command_line")), 1000);
	name = json_string_value(json_object_get(process, "name"));
	assert_string_equal(name, "n\xc2\x9b\xc3\xa9");
	json_decref(json);
	/* DEL and C1 characters stay escaped: terminals obey them. */
	assert_null(memmem(out.data, out.length, "\xc2\x9b", 2));
	make_nested(&body, 3000, 10);
	json = encode_json();
	expect_shrunk(json_object_get(json_object_get(json, "netaudit"), "shrunk"),
		      "process.args process.command_line ");
	json_decref(json);
	/* A path that its process made long hides nothing. */
	make_nested(&body, 10, 30000);
	json = encode_json();
	process = json_object_get(json, "process");
	assert_null(json_object_get(process, "executable"));
	assert_int_equal(json_integer_value(json_object_get(process, "pid")), 7);
	json_decref(json);
	na_buffer_done(&body);
}

static void shrinks_flat_bodies(void **state)
{
	struct na_buffer body = {0};
	json_t *json;

	(void)state;
	encoder.max_size = 1024;
	na_buffer_printf(&body,
			 "{\"event.id\":\"e\",\"process.args\":[\"%0*d\"],\"labels.a\":"
			 "\"%0*d\",\"labels.b\":\"x\",\"labelsx\":\"y\",\"process.pid\":7}",
			 800, 1, 900, 2);
	record.body = (struct na_text){body.data, body.length};
	json = encode_json();
	expect_shrunk(json_object_get(json, "netaudit.shrunk"), "process.args labels ");
	assert_null(json_object_get(json, "labels.a"));
	assert_null(json_object_get(json, "labels.b"));
	assert_string_equal(json_string_value(json_object_get(json, "labelsx")), "y");
	assert_int_equal(json_integer_value(json_object_get(json, "process.pid")), 7);
	json_decref(json);
	na_buffer_done(&body);
}

static void says_what_cannot_shrink(void **state)
{
	struct na_buffer body = {0};

	(void)state;
	encoder.max_size = 1024;
	na_buffer_printf(&body, "{\"event\":{\"id\":\"%01000d\"}}", 1);
	record.body = (struct na_text){body.data, body.length};
	na_buffer_append_string(&out, "before");
	assert_int_equal(na_syslog_encode(&encoder, &record, &out, &why), -EMSGSIZE);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, "larger than 1024 (max_size) even without"));
	na_buffer_clear(&why);
	record.body = (struct na_text){body.data + 1, body.length - 1};
	assert_int_equal(na_syslog_encode(&encoder, &record, &out, &why), -EMSGSIZE);
	na_buffer_append_char(&why, '\0');
	assert_non_null(strstr(why.data, "is no JSON"));
	assert_int_equal(out.length, 6);
	na_buffer_done(&body);
}

/* Out of memory at each place: nothing is half done. jansson takes some of them for no JSON. */
static void fails_whole(void **state)
{
	struct na_buffer body = {0}, wanted = {0};
	int error = -ENOMEM;

	(void)state;
	encoder.max_size = 2048;
	encoder.frame = NA_SYSLOG_FRAME_OCTET;
	make_nested(&body, 1000, 10);
	encode();
	na_buffer_append(&wanted, out.data, out.length);
	for (unsigned int n = 1; error; n++) {
		na_syslog_encoder_done(&encoder);
		encoder.head = encoder.body = (struct na_buffer){0};
		na_buffer_done(&out);
		fail_at = n;
		error = na_syslog_encode(&encoder, &record, &out, &why);
		fail_at = 0;
		if (error && error != -EMSGSIZE)
			assert_int_equal(error, -ENOMEM);
		assert_int_equal(out.length, error ? 0 : wanted.length);
		assert_true(n < 10000);
	}
	assert_memory_equal(out.data, wanted.data, wanted.length);
	na_buffer_done(&body);
	na_buffer_done(&wanted);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_rfc5424),
		TEST(survives_hostile_bytes),
		TEST(writes_rfc3164),
		TEST(frames_by_octets_and_lines),
		TEST(severity_is_of_the_event),
		TEST(every_event_has_a_message),
		TEST(looks_at_the_fields_that_it_names),
		TEST(goes_without_whole_fields),
		TEST(shrinks_flat_bodies),
		TEST(says_what_cannot_shrink),
		TEST(fails_whole),
	};

	json_set_alloc_funcs(json_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
