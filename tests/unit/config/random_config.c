/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valid configurations made at random, from the rows. Texts hold what YAML has to escape, numbers
 * come from all of their range; a list may be empty where its row allows it.
 */
#include "random_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/hook.h"
#include "config/number.h"
#include "config/option.h"
#include "config/text.h"
#include "config/value.h"
#include "fake_outputs.h"

static size_t below(unsigned int *seed, size_t limit)
{
	return (size_t)rand_r(seed) % limit;
}

static uint64_t number(unsigned int *seed, enum na_option_type type, const struct na_option *option)
{
	uint64_t min = na_value_limit(type, option->min), max = na_value_limit(type, option->max);
	uint64_t random = (uint64_t)rand_r(seed) << 31 | (uint64_t)rand_r(seed);

	switch (below(seed, 4)) {
	case 0:
		return min;
	case 1:
		return max;
	default:
		return min + random % (max - min + 1);
	}
}

static void text(unsigned int *seed, size_t min, size_t max, const char *allowed,
		 struct na_buffer *out)
{
	static const char *const parts[] = {"a",
					    "B",
					    " ",
					    "\"",
					    "'",
					    "\\",
					    "\n",
					    "\t",
					    ": ",
					    " #",
					    "{",
					    "]",
					    "*",
					    "&",
					    "%",
					    "\xc3\xa4",
					    "\x7f",
					    "\x1b",
					    "-",
					    "null",
					    "\xc2\x85",
					    "\xe2\x80\xa8",
					    "~",
					    "\xf0\x9f\x98\x80",
					    "\xef\xbb\xbf",
					    "\xef\xbf\xbe"};
	struct na_buffer made = {0};
	size_t length = min + below(seed, 12);

	if (strcmp(allowed, NA_ABSOLUTE_PATH) == 0)
		na_buffer_append_char(&made, '/');
	while (made.length < length || made.length < min)
		na_buffer_append_string(&made, parts[below(seed, sizeof(parts) / sizeof(*parts))]);
	if (made.length > max) {
		na_buffer_clear(&made);
		na_buffer_append_char(&made, '/');
	}
	na_text_print_yaml((struct na_text){made.data, made.length}, out);
	na_buffer_done(&made);
}

static void filter(unsigned int *seed, struct na_buffer *out)
{
	static const char *const filters[] = {"port=443", "address=127.0.0.0/8,::1 exe=/usr/bin/x",
					      "exe='/opt/my app' uid=0", "event!=closed comm=*x*"};

	na_text_print_yaml(na_text_of(filters[below(seed, 4)]), out);
}

static struct na_text name_of(const char *names, size_t place)
{
	for (; place; place--)
		names += strcspn(names, "|") + 1;
	return (struct na_text){names, strcspn(names, "|")};
}

static size_t names_in(const char *names)
{
	size_t count = 1;

	for (; *names; names++)
		count += *names == '|';
	return count;
}

static void list(unsigned int *seed, const struct na_option *option, struct na_buffer *out)
{
	size_t min = na_value_limit(NA_OPTION_NUMBER, option->min), count = min + below(seed, 3);

	na_buffer_append_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		struct na_text name;

		na_buffer_append_string(out, i ? ", " : "");
		if (option->type == NA_OPTION_FILTERS) {
			filter(seed, out);
		} else if (option->type == NA_OPTION_TEXTS) {
			text(seed, 0, 64, "", out);
		} else {
			name = name_of(option->allowed, below(seed, names_in(option->allowed)));
			na_buffer_append(out, name.data, name.length);
		}
	}
	na_buffer_append_char(out, ']');
}

static void hooks(unsigned int *seed, size_t count, struct na_buffer *out)
{
	na_buffer_append_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		const char *hook = na_hook_rows[1 + 4 * i + below(seed, 4)].name.data;

		na_buffer_printf(out, "%s%s: ", i ? ", " : "", hook);
		if (below(seed, 2))
			na_buffer_append_string(out, below(seed, 2) ? "off" : "count");
		else
			na_buffer_printf(out, "{mode: event, sample: %zu}", 1 + below(seed, 9));
	}
	na_buffer_append_char(out, '}');
}

static void map(unsigned int *seed, const struct na_option *option, struct na_buffer *out)
{
	const char *dot = strcmp(option->allowed, NA_DOTTED_NAMES) == 0 ? "." : "_";
	size_t count = below(seed, 4);

	if (strcmp(option->allowed, NA_HOOK_SETTINGS) == 0) {
		hooks(seed, count, out);
		return;
	}
	na_buffer_append_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		na_buffer_printf(out, "%snull%s%zu: ", i ? ", " : "", dot, i);
		text(seed, 0, 64, "", out);
	}
	na_buffer_append_char(out, '}');
}

static void value(unsigned int *seed, const struct na_option *option, struct na_buffer *out)
{
	struct na_text name;
	uint64_t made;

	switch (option->type) {
	case NA_OPTION_BOOL:
		na_buffer_append_string(out, below(seed, 2) ? "true" : "false");
		break;
	case NA_OPTION_ENUM:
		name = name_of(option->allowed, below(seed, names_in(option->allowed)));
		na_buffer_append(out, name.data, name.length);
		break;
	case NA_OPTION_TEXT:
		text(seed, na_value_limit(NA_OPTION_NUMBER, option->min),
		     na_value_limit(NA_OPTION_NUMBER, option->max), option->allowed, out);
		break;
	case NA_OPTION_SHARE:
		if (below(seed, 2))
			na_buffer_printf(out, "%zu%%", 1 + below(seed, NA_SHARE_PERCENT_MAX));
		else
			na_number_print(NA_OPTION_SIZE, number(seed, NA_OPTION_SIZE, option), out);
		break;
	case NA_OPTION_NAMES:
	case NA_OPTION_TEXTS:
	case NA_OPTION_FILTERS:
		list(seed, option, out);
		break;
	case NA_OPTION_MAP:
		map(seed, option, out);
		break;
	default:
		made = number(seed, option->type, option);
		if (strcmp(option->allowed, NA_POWER_OF_TWO) == 0)
			made = UINT64_C(1) << (63 - (unsigned int)__builtin_clzll(made));
		na_number_print(option->type, made, out);
	}
}

/* The common keys that no limit joins, then those of the type: needed ones always. */
static void output(unsigned int *seed, size_t index, struct na_buffer *out)
{
	const struct na_output *type = na_fake_outputs[below(seed, 3)];

	na_buffer_printf(out, "- name: n%zu_%zu\n  type: %s\n", below(seed, 10), index, type->name);
	for (size_t i = NA_OUTPUT_OPTION_format; i < NA_OUTPUT_OPTION_COUNT; i++) {
		if (below(seed, 2) || i == NA_OUTPUT_OPTION_retry_min ||
		    i == NA_OUTPUT_OPTION_retry_max)
			continue;
		na_buffer_printf(out, "  %s: ", na_output_options[i].path);
		value(seed, &na_output_options[i], out);
		na_buffer_append_char(out, '\n');
	}
	for (size_t i = 0; i < type->option_count; i++) {
		const struct na_option *option = &type->options[i];
		bool topic = strcmp(option->path, "topic") == 0; /* its check wants no spaces */

		if (*option->fallback && below(seed, 2))
			continue;
		na_buffer_printf(out, "  %s: ", option->path);
		if (topic)
			na_buffer_append_string(out, "t");
		else
			value(seed, option, out);
		na_buffer_append_char(out, '\n');
	}
}

/* ------------------------------------------------------------------------------------------- */

void na_random_config(unsigned int *seed, struct na_buffer *out)
{
	const char *last = "";
	size_t outputs = below(seed, 4);

	for (size_t i = 0; i < NA_OPTION_COUNT; i++) {
		const struct na_option *option = &na_options[i];
		const char *dot = strchr(option->path, '.'), *name = dot ? dot + 1 : option->path;

		if (option->type == NA_OPTION_OUTPUTS)
			continue;
		if (dot && strncmp(last, option->path, (size_t)(dot - option->path) + 1) != 0)
			na_buffer_printf(out, "%.*s:\n", (int)(dot - option->path), option->path);
		last = option->path;
		if (below(seed, 2))
			continue;
		na_buffer_printf(out, "%s%s: ", dot ? "  " : "", name);
		value(seed, option, out);
		na_buffer_append_char(out, '\n');
	}
	na_buffer_append_string(out, "outputs:\n");
	for (size_t i = 0; i < outputs; i++)
		output(seed, i, out);
}
