/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to a filter:
 *
 *   filter  = [term] *(space term)
 *   term    = key ("=" / "!=") value *("," value)
 *   value   = pieces without space and comma; "…" and '…' may hold those; \ takes the next byte
 *             as it is, in quotes and outside
 *
 * `*` is a wildcard in quotes too: a path with a space needs both. `\*` is an asterisk.
 */
#include <errno.h>
#include <stdlib.h>

#include "config/filter_internal.h"
#include "config/suggest.h"

#define TEXT_MAX 65536
#define TERMS_MAX 64
#define VALUES_MAX 1024

const char *const na_filter_keys[NA_FILTER_KEY_COUNT] = {
	[NA_FILTER_EVENT] = "event",
	[NA_FILTER_FAMILY] = "family",
	[NA_FILTER_TRANSPORT] = "transport",
	[NA_FILTER_PID] = "pid",
	[NA_FILTER_EXE] = "exe",
	[NA_FILTER_COMM] = "comm",
	[NA_FILTER_USER] = "user",
	[NA_FILTER_UID] = "uid",
	[NA_FILTER_CONTAINER] = "container",
	[NA_FILTER_CGROUP] = "cgroup",
	[NA_FILTER_ADDRESS] = "address",
	[NA_FILTER_SOURCE] = "source",
	[NA_FILTER_DESTINATION] = "destination",
	[NA_FILTER_PORT] = "port",
	[NA_FILTER_OUTCOME] = "outcome",
	[NA_FILTER_ERROR] = "error",
	[NA_FILTER_DIRECTION] = "direction",
};

struct parser {
	const char *text, *at;
	struct na_filter *filter;
	struct na_buffer *why;
};

/* Columns count characters, as editors do. */
static void begin_complaint(const struct parser *parser, const char *at)
{
	size_t column = 1;

	for (const char *byte = parser->text; byte < at; byte++)
		column += ((unsigned char)*byte & 0xc0) != 0x80;
	na_buffer_printf(parser->why, "column %zu: ", column);
}

static int complain(const struct parser *parser, const char *at, const char *message)
{
	begin_complaint(parser, at);
	na_buffer_append_string(parser->why, message);
	return -EINVAL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_value(char c)
{
	return c == '\0' || c == ',' || is_space(c);
}

static int refuse_key(const struct parser *parser, struct na_text word)
{
	struct na_suggestion suggestion;

	begin_complaint(parser, word.data);
	if (word.data[word.length] != '=' && word.data[word.length] != '!') {
		na_quote_append(parser->why, word);
		na_buffer_append_string(parser->why, " is no term, key=value is needed");
		return -EINVAL;
	}
	na_suggestion_init(&suggestion, word);
	for (int key = 0; key < NA_FILTER_KEY_COUNT; key++)
		na_suggestion_offer(&suggestion, na_text_of(na_filter_keys[key]));
	na_buffer_append_string(parser->why, "unknown key ");
	na_quote_append(parser->why, word);
	na_suggestion_append(&suggestion, parser->why);
	return -EINVAL;
}

static int parse_key(struct parser *parser, enum na_filter_key *ret_key)
{
	struct na_text word = {parser->at, strcspn(parser->at, "=!<>, \t\r\n")};

	for (int key = 0; key < NA_FILTER_KEY_COUNT; key++)
		if (strlen(na_filter_keys[key]) == word.length &&
		    memcmp(na_filter_keys[key], word.data, word.length) == 0) {
			*ret_key = (enum na_filter_key)key;
			parser->at += word.length;
			return 0;
		}
	return refuse_key(parser, word);
}

static int parse_operator(struct parser *parser, bool *ret_negated)
{
	*ret_negated = *parser->at == '!';
	if (parser->at[*ret_negated] != '=')
		return complain(parser, parser->at,
				"= or != has to follow the key, without a space");
	parser->at += 1 + *ret_negated;
	return 0;
}

/* The pattern's bytes and, behind them, the text with its NUL: neither is longer than what was
 * written. */
static int begin_value(const char *at, struct na_filter_value *value,
		       struct na_filter_pattern *pattern)
{
	size_t room;
	const char *end = at;
	char quote = '\0';

	for (; *end && (quote || !ends_value(*end)); end++) {
		if (*end == '\\' && end[1])
			end++;
		else if (*end == quote)
			quote = '\0';
		else if (!quote && (*end == '"' || *end == '\''))
			quote = *end;
	}
	room = (size_t)(end - at) + 1;
	pattern->bytes = malloc(2 * room);
	if (!pattern->bytes)
		return -ENOMEM;
	value->text.data = pattern->bytes + room;
	return 0;
}

static void add_byte(struct na_filter_value *value, struct na_filter_pattern *pattern, char c,
		     bool wildcard)
{
	char *text = (char *)value->text.data;

	text[value->text.length++] = c;
	pattern->bytes[pattern->length++] = wildcard ? NA_FILTER_ANY : c;
	pattern->wild |= wildcard;
}

/* Reads over one value; an empty one has to be quoted. */
static int scan_value(struct parser *parser, struct na_filter_value *value,
		      struct na_filter_pattern *pattern)
{
	const char *start = parser->at, *at = start, *opened = NULL;

	for (; *at && (opened || !ends_value(*at)); at++) {
		if (*at == '\\') {
			if (!*++at)
				return complain(parser, at - 1, "nothing follows the backslash");
			add_byte(value, pattern, *at, false);
		} else if (opened && *at == *opened) {
			opened = NULL;
		} else if (!opened && (*at == '"' || *at == '\'')) {
			opened = at;
		} else {
			add_byte(value, pattern, *at, *at == '*');
		}
	}
	if (opened)
		return complain(parser, opened, "the quote is not closed");
	if (at == start)
		return complain(parser, at, "a value is missing; an empty one is written \"\"");
	((char *)value->text.data)[value->text.length] = '\0';
	parser->at = at;
	return 0;
}

static int parse_value(struct parser *parser, enum na_filter_key key, struct na_filter_value *value,
		       struct na_filter_pattern *pattern)
{
	const char *start = parser->at;
	struct na_buffer fault = {0};
	int error = begin_value(start, value, pattern);

	if (!error)
		error = scan_value(parser, value, pattern);
	if (error)
		return error;
	error = na_filter_read_value(key, value, pattern, &fault);
	if (error == -EINVAL && na_buffer_error(&fault))
		error = na_buffer_error(&fault);
	if (error == -EINVAL) {
		begin_complaint(parser, start);
		na_buffer_printf(parser->why, "%s ", na_filter_keys[key]);
		na_buffer_append(parser->why, fault.data, fault.length);
	}
	na_buffer_done(&fault);
	return error;
}

/* Adds an empty value to the term; what it will own is found by na_filter_free from here on. */
static int add_value(struct na_filter *filter, struct na_filter_value **ret_value,
		     struct na_filter_pattern **ret_pattern)
{
	struct na_filter_term *term = &filter->terms[filter->count - 1];
	struct na_filter_pattern **patterns = &filter->patterns[filter->count - 1], *more_patterns;
	struct na_filter_value *values;

	values = reallocarray((struct na_filter_value *)term->values, term->count + 1,
			      sizeof(*values));
	if (!values)
		return -ENOMEM;
	term->values = values;
	more_patterns = reallocarray(*patterns, term->count + 1, sizeof(*more_patterns));
	if (!more_patterns)
		return -ENOMEM;
	*patterns = more_patterns;
	values[term->count] = (struct na_filter_value){0};
	more_patterns[term->count] = (struct na_filter_pattern){0};
	*ret_value = &values[term->count];
	*ret_pattern = &more_patterns[term->count++];
	return 0;
}

static int add_term(struct na_filter *filter, enum na_filter_key key, bool negated)
{
	struct na_filter_term *terms;
	struct na_filter_pattern **patterns;

	terms = reallocarray(filter->terms, filter->count + 1, sizeof(*terms));
	if (!terms)
		return -ENOMEM;
	filter->terms = terms;
	patterns = reallocarray(filter->patterns, filter->count + 1,
				sizeof(struct na_filter_pattern *));
	if (!patterns)
		return -ENOMEM;
	filter->patterns = patterns;
	terms[filter->count] = (struct na_filter_term){.key = key, .negated = negated};
	patterns[filter->count++] = NULL;
	return 0;
}

static int parse_values(struct parser *parser, enum na_filter_key key)
{
	struct na_filter_pattern *pattern = NULL;
	struct na_filter_value *value = NULL;
	int error;

	for (size_t count = 0;; count++, parser->at++) {
		if (count >= VALUES_MAX)
			return complain(parser, parser->at,
					"more values than a term may have, 1024");
		error = add_value(parser->filter, &value, &pattern);
		if (!error)
			error = parse_value(parser, key, value, pattern);
		if (error || *parser->at != ',')
			return error;
	}
}

static int parse_term(struct parser *parser)
{
	enum na_filter_key key = NA_FILTER_KEY_COUNT;
	bool negated = false;
	int error;

	if (parser->filter->count >= TERMS_MAX)
		return complain(parser, parser->at, "more terms than a filter may have, 64");
	error = parse_key(parser, &key);
	if (!error)
		error = parse_operator(parser, &negated);
	if (!error)
		error = add_term(parser->filter, key, negated);
	return error ? error : parse_values(parser, key);
}

static int parse_terms(struct parser *parser)
{
	int error = 0;

	if (strlen(parser->text) > TEXT_MAX)
		return complain(parser, parser->text, "the filter is longer than 65536 bytes");
	while (!error) {
		while (is_space(*parser->at))
			parser->at++;
		if (!*parser->at)
			return 0;
		error = parse_term(parser);
	}
	return error;
}

/* ------------------------------------------------------------------------------------------- */

int na_filter_parse(const char *text, struct na_filter **ret_filter, struct na_buffer *why)
{
	struct parser parser = {.text = text, .at = text, .why = why};
	int error;

	parser.filter = calloc(1, sizeof(*parser.filter));
	if (!parser.filter)
		return -ENOMEM;
	error = parse_terms(&parser);
	if (error) {
		na_filter_free(parser.filter);
		return error;
	}
	*ret_filter = parser.filter;
	return 0;
}

int na_filter_parse_arguments(int argc, char **argv, struct na_filter **ret_filter,
			      struct na_buffer *why)
{
	struct na_buffer text = {0};
	int error;

	for (int i = 0; i < argc; i++) {
		na_buffer_append_string(&text, argv[i]);
		na_buffer_append_char(&text, i + 1 < argc ? ' ' : '\0');
	}
	error = na_buffer_error(&text);
	if (!error)
		error = na_filter_parse(text.length ? text.data : "", ret_filter, why);
	na_buffer_done(&text);
	return error;
}
