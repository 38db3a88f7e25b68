/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: from text, checked by their option's row, and back. */
#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "config/number.h"
#include "config/suggest.h"
#include "config/text.h"

static struct na_text name_at(const char *names, unsigned int place)
{
	for (; place; place--)
		names += strcspn(names, "|") + 1;
	return (struct na_text){names, strcspn(names, "|")};
}

static int check_number(const struct na_option *option, uint64_t number, struct na_text text,
			struct na_buffer *why)
{
	const char *fault = "", *limit = "";

	if (number < na_value_limit(option->type, option->min)) {
		fault = "less than ";
		limit = option->min;
	} else if (number > na_value_limit(option->type, option->max)) {
		fault = "more than ";
		limit = option->max;
	} else if (strcmp(option->allowed, NA_POWER_OF_TWO) == 0 && (number & (number - 1))) {
		fault = "not ";
		limit = NA_POWER_OF_TWO;
	}
	if (!*fault)
		return 0;
	na_quote_append(why, text);
	na_buffer_printf(why, " is %s%s", fault, limit);
	return -EINVAL;
}

static int parse_number(const struct na_option *option, struct na_text text, uint64_t *ret_number,
			struct na_buffer *why)
{
	uint64_t number;
	int error = na_number_parse(option->type, text, &number, why);

	if (!error)
		error = check_number(option, number, text, why);
	if (!error)
		*ret_number = number;
	return error;
}

static int parse_share(const struct na_option *option, struct na_text text,
		       struct na_share *ret_share, struct na_buffer *why)
{
	struct na_option sizes = *option;
	struct na_share share;
	int error = na_share_parse(text, &share, why);

	sizes.type = NA_OPTION_SIZE;
	if (!error && !share.percent)
		error = check_number(&sizes, share.bytes, text, why);
	if (!error)
		*ret_share = share;
	return error;
}

static int parse_text(const struct na_option *option, struct na_text text, struct na_text *ret_text,
		      struct na_buffer *why)
{
	uint64_t min = na_value_limit(NA_OPTION_NUMBER, option->min);

	if (text.length < min) {
		na_buffer_printf(why, "a text of at least %s byte%s is needed", option->min,
				 min == 1 ? "" : "s");
		return -EINVAL;
	}
	if (strcmp(option->allowed, NA_ABSOLUTE_PATH) == 0 && text.length && *text.data != '/') {
		na_quote_append(why, text);
		na_buffer_append_string(why, " is not " NA_ABSOLUTE_PATH);
		return -EINVAL;
	}
	return na_value_copy(text, na_value_limit(NA_OPTION_NUMBER, option->max), ret_text, why);
}

static int parse_bool(struct na_text text, bool *ret_value, struct na_buffer *why)
{
	unsigned int place;

	if (na_value_find_name("false|true", text, &place) < 0) {
		na_quote_append(why, text);
		na_buffer_append_string(why, " is neither true nor false");
		return -EINVAL;
	}
	*ret_value = place;
	return 0;
}

static void print_names(const struct na_option *option, uint64_t names, struct na_buffer *out)
{
	bool first = true;

	na_buffer_append_char(out, '[');
	for (unsigned int place = 0; place < 64; place++) {
		struct na_text name;

		if (!(names >> place & 1))
			continue;
		name = name_at(option->allowed, place);
		na_buffer_printf(out, "%s%.*s", first ? "" : ", ", (int)name.length, name.data);
		first = false;
	}
	na_buffer_append_char(out, ']');
}

/* ------------------------------------------------------------------------------------------- */

uint64_t na_value_limit(enum na_option_type type, const char *text)
{
	struct na_buffer why = {0};
	uint64_t number = 0;
	int error = na_number_parse(type, na_text_of(text), &number, &why);

	assert(error == 0);
	(void)error;
	return number;
}

int na_value_find_name(const char *names, struct na_text text, unsigned int *ret_place)
{
	for (unsigned int place = 0; *names; place++) {
		size_t length = strcspn(names, "|");

		if (length == text.length && memcmp(names, text.data, length) == 0) {
			*ret_place = place;
			return 0;
		}
		names += length + (names[length] == '|');
	}
	return -ENOENT;
}

int na_value_refuse_name(const char *names, struct na_text text, struct na_buffer *why)
{
	struct na_suggestion suggestion;

	na_suggestion_init(&suggestion, text);
	na_suggestion_offer_names(&suggestion, names);
	na_quote_append(why, text);
	na_buffer_append_string(why, " is none of ");
	for (const char *at = names; *at; at += strcspn(at, "|") + (at[strcspn(at, "|")] == '|'))
		na_buffer_printf(why, "%s%.*s", at == names ? "" : ", ", (int)strcspn(at, "|"), at);
	na_suggestion_append(&suggestion, why);
	return -EINVAL;
}

int na_value_parse(const struct na_option *option, struct na_text text, void *value,
		   struct na_buffer *why)
{
	unsigned int place;

	switch (option->type) {
	case NA_OPTION_BOOL:
		return parse_bool(text, value, why);
	case NA_OPTION_ENUM:
		if (na_value_find_name(option->allowed, text, &place) < 0)
			return na_value_refuse_name(option->allowed, text, why);
		*(unsigned int *)value = place;
		return 0;
	case NA_OPTION_TEXT:
		return parse_text(option, text, value, why);
	case NA_OPTION_SHARE:
		return parse_share(option, text, value, why);
	default:
		return parse_number(option, text, value, why);
	}
}

int na_value_copy(struct na_text text, uint64_t max, struct na_text *ret_text,
		  struct na_buffer *why)
{
	char *copy;

	if (memchr(text.data, '\0', text.length)) {
		na_buffer_append_string(why, "a text cannot hold a NUL byte");
		return -EINVAL;
	}
	if (!na_text_is_utf8(text)) {
		na_buffer_append_string(why, "a text has to be UTF-8");
		return -EINVAL;
	}
	if (text.length > max) {
		na_buffer_printf(why, "a text of %zu bytes is longer than %llu", text.length,
				 (unsigned long long)max);
		return -EINVAL;
	}
	copy = strndup(text.data, text.length);
	if (!copy)
		return -ENOMEM;
	*ret_text = (struct na_text){copy, text.length};
	return 0;
}

bool na_value_is_missing(const struct na_option *option, const void *value)
{
	size_t length;

	if (option->type == NA_OPTION_TEXT)
		length = ((const struct na_text *)value)->length;
	else if (na_option_is_list(option->type) || option->type == NA_OPTION_MAP)
		length = na_value_count(option, value);
	else
		return false;
	return length < na_value_limit(NA_OPTION_NUMBER, option->min);
}

bool na_value_equal(const struct na_option *option, const void *a, const void *b)
{
	const struct na_share *share = a, *other = b;

	switch (option->type) {
	case NA_OPTION_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case NA_OPTION_ENUM:
		return *(const unsigned int *)a == *(const unsigned int *)b;
	case NA_OPTION_SHARE:
		return share->bytes == other->bytes && share->percent == other->percent;
	case NA_OPTION_TEXT:
		return na_text_equal(*(const struct na_text *)a, *(const struct na_text *)b);
	case NA_OPTION_TEXTS:
	case NA_OPTION_FILTERS:
	case NA_OPTION_MAP:
	case NA_OPTION_OUTPUTS:
		return na_items_equal(option, a, b);
	default:
		return *(const uint64_t *)a == *(const uint64_t *)b;
	}
}

void na_value_print(const struct na_option *option, const void *value, struct na_buffer *out)
{
	struct na_text name;

	switch (option->type) {
	case NA_OPTION_BOOL:
		na_buffer_append_string(out, *(const bool *)value ? "true" : "false");
		break;
	case NA_OPTION_ENUM:
		name = name_at(option->allowed, *(const unsigned int *)value);
		na_buffer_append(out, name.data, name.length);
		break;
	case NA_OPTION_TEXT:
		na_text_print_yaml(*(const struct na_text *)value, out);
		break;
	case NA_OPTION_SHARE:
		na_share_print(value, out);
		break;
	case NA_OPTION_NAMES:
		print_names(option, *(const uint64_t *)value, out);
		break;
	case NA_OPTION_TEXTS:
	case NA_OPTION_FILTERS:
	case NA_OPTION_MAP:
	case NA_OPTION_OUTPUTS:
		na_items_print(option, value, out);
		break;
	default:
		na_number_print(option->type, *(const uint64_t *)value, out);
	}
}
