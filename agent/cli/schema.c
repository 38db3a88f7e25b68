/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit schema`: the reference of events and fields, from the rows. */
#include <errno.h>

#include "cli/command.h"
#include "cli/usage.h"
#include "config/suggest.h"
#include "format/schema.h"

struct schema_options {
	const char *format;
};

static const struct na_usage_option options_table[] = {
	{"format", 'f', NA_USAGE_TEXT, "FORMAT", offsetof(struct schema_options, format),
	 "markdown (the default) or json-schema"},
};

static const struct na_usage usage = {
	.command = "schema",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
};

static int refuse_format(const char *format)
{
	struct na_suggestion suggestion;
	struct na_buffer text = {0};
	int result;

	na_suggestion_init(&suggestion, na_text_of(format));
	na_quote_append(&text, na_text_of(format));
	na_buffer_append_string(&text, " is none of");
	for (size_t i = 0; na_schema_formats[i]; i++) {
		na_buffer_printf(&text, "%s%s", i ? ", " : " ", na_schema_formats[i]);
		na_suggestion_offer(&suggestion, na_text_of(na_schema_formats[i]));
	}
	na_suggestion_append(&suggestion, &text);
	result = na_usage_error(usage.command, "--format %.*s", (int)text.length, text.data);
	na_buffer_done(&text);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

int na_cmd_schema(int argc, char **argv)
{
	struct schema_options options = {.format = "markdown"};
	struct na_buffer out = {0};
	int first, result, error;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	error = na_schema_print(options.format, &out);
	if (error == -ENOENT)
		result = refuse_format(options.format);
	else if (error)
		result = na_command_out_of_memory();
	else
		result = na_command_print(&out);
	na_buffer_done(&out);
	return result;
}
