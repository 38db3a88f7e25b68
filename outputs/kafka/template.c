/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields that any process can fill (flag U) are refused: it would choose the topic, and could have
 * the cluster make as many as it likes.
 */
#include "kafka/template.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/field.h"

#define PARTS_MAX 32
#define VALUE_MAX 24 /* characters of a number */

static bool is_legal(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

struct part {
	struct na_text text; /* as it is; length 0: the field */
	enum na_field field;
};

struct na_kafka_template {
	struct part parts[PARTS_MAX];
	size_t count;
	bool fixed;
};

static int wrong(struct na_buffer *why, size_t at, const char *what)
{
	na_buffer_printf(why, "topic: at character %zu: %s", at + 1, what);
	return -EINVAL;
}

static bool find_field(struct na_text name, enum na_field *ret_field)
{
	for (size_t i = 0; i < NA_FIELD_COUNT; i++) {
		const char *path = na_field_rows[i].path;

		if (strlen(path) != name.length || memcmp(path, name.data, name.length) != 0)
			continue;
		*ret_field = (enum na_field)i;
		return true;
	}
	return false;
}

static int check_field(enum na_field field, size_t at, struct na_buffer *why)
{
	const struct na_field_row *row = &na_field_rows[field];

	if (row->traits & NA_TRAIT_UNTRUSTED)
		return wrong(why, at, "any process can fill this field, and would choose topics");
	if (row->type != NA_TYPE_KEYWORD && row->type != NA_TYPE_LONG && row->type != NA_TYPE_ID)
		return wrong(why, at, "only a text or a number can be a part of a name");
	return 0;
}

/* The field whose %{ is at `at`; *ret_length is that of all up to its }. */
static int parse_field(struct na_text text, size_t at, struct part *ret_part, size_t *ret_length,
		       struct na_buffer *why)
{
	const char *start = text.data + at + 2;
	const char *end = memchr(text.data + at, '}', text.length - at);
	enum na_field field;
	int error;

	if (text.length - at < 2 || text.data[at + 1] != '{' || !end)
		return wrong(why, at, "a field is written %{event.dataset}");
	if (!find_field((struct na_text){start, (size_t)(end - start)}, &field))
		return wrong(why, at, "there is no such field; `netaudit schema` lists them");
	error = check_field(field, at, why);
	if (error)
		return error;
	*ret_part = (struct part){.field = field};
	*ret_length = (size_t)(end - text.data) + 1 - at;
	return 0;
}

static int parse_text(struct na_text text, size_t at, struct part *ret_part, size_t *ret_length,
		      struct na_buffer *why)
{
	size_t length = 0;

	while (at + length < text.length && is_legal(text.data[at + length]))
		length++;
	if (at + length < text.length && text.data[at + length] != '%')
		return wrong(why, at + length, "names have a-z A-Z 0-9 . _ - only");
	*ret_part = (struct part){.text = {text.data + at, length}};
	*ret_length = length;
	return 0;
}

static int parse(struct na_kafka_template *template, struct na_text text, struct na_buffer *why)
{
	size_t at = 0, length, named = 0;

	template->fixed = true;
	while (at < text.length) {
		bool is_field = text.data[at] == '%';
		struct part *part = &template->parts[template->count];
		int error;

		if (template->count == PARTS_MAX)
			return wrong(why, at, "too many fields");
		error = is_field ? parse_field(text, at, part, &length, why)
				 : parse_text(text, at, part, &length, why);
		if (error)
			return error;
		named += is_field ? 1 : length;
		template->fixed = template->fixed && !is_field;
		template->count++;
		at += length;
	}
	if (named > NA_KAFKA_TOPIC_MAX)
		return wrong(why, NA_KAFKA_TOPIC_MAX, "a name has 249 characters at most");
	if (template->fixed && (strcmp(text.data, ".") == 0 || strcmp(text.data, "..") == 0))
		return wrong(why, 0, "this name is not allowed");
	return 0;
}

struct name {
	char *data;
	size_t length;
};

static void add(struct name *name, const char *data, size_t length)
{
	for (size_t i = 0; i < length && name->length < NA_KAFKA_TOPIC_MAX; i++)
		name->data[name->length++] = is_legal(data[i]) ? data[i] : '_';
}

static void add_field(struct name *name, const struct na_event *event, enum na_field field)
{
	const void *value = na_field_value(event, field);
	char number[VALUE_MAX] = "";

	if (!na_event_has(event, field)) {
		add(name, "none", 4);
		return;
	}
	switch (na_field_rows[field].type) {
	case NA_TYPE_LONG:
		snprintf(number, sizeof(number), "%" PRId64, *(const int64_t *)value);
		break;
	case NA_TYPE_ID:
		snprintf(number, sizeof(number), "%" PRIu64, *(const uint64_t *)value);
		break;
	default: {
		const struct na_text *text = value;

		if (text->length) {
			add(name, text->data, text->length);
			return;
		}
		snprintf(number, sizeof(number), "none");
	}
	}
	add(name, number, strlen(number));
}

/* ------------------------------------------------------------------------------------------- */

int na_kafka_template_parse(struct na_text text, struct na_kafka_template **ret_template,
			    struct na_buffer *why)
{
	NA_FREE struct na_kafka_template *template = calloc(1, sizeof(*template));
	int error;

	if (!template)
		return -ENOMEM;
	error = parse(template, text, why);
	if (!error)
		*ret_template = NA_TAKE_POINTER(template);
	return error;
}

void na_kafka_template_free(struct na_kafka_template *template)
{
	free(template);
}

bool na_kafka_template_is_fixed(const struct na_kafka_template *template)
{
	return template->fixed;
}

void na_kafka_template_fields(const struct na_kafka_template *template, na_output_take_field *take,
			      void *context)
{
	for (size_t i = 0; i < template->count; i++)
		if (!template->parts[i].text.length)
			take(context, template->parts[i].field);
}

void na_kafka_template_expand(const struct na_kafka_template *template,
			      const struct na_event *event, char ret_name[NA_KAFKA_TOPIC_MAX + 1])
{
	struct name name = {.data = ret_name};

	for (size_t i = 0; i < template->count; i++) {
		const struct part *part = &template->parts[i];

		if (part->text.length)
			add(&name, part->text.data, part->text.length);
		else
			add_field(&name, event, part->field);
	}
	ret_name[name.length] = '\0';
	/* Of fields only: these two names Kafka refuses. */
	if (strcmp(ret_name, ".") == 0 || strcmp(ret_name, "..") == 0)
		ret_name[0] = '_';
}
