/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a journal to stdout. */
#include "cli/query_output.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/stdout.h"
#include "config/suggest.h"
#include "ship/format.h"

#define FLUSH_BYTES 65536

struct na_query_output {
	enum na_output_format type;
	struct na_line_options line;
	struct na_format *format; /* with the constants of `version`; NULL: none yet */
	unsigned int version;
	struct na_buffer out;
};

/* Constants are of a segment: an encoder has rendered those of one. */
static int begin(struct na_query_output *output, const struct na_event *constants,
		 unsigned int version)
{
	na_format_free(output->format);
	output->format = na_format_new(output->type, constants, &output->line);
	output->version = version;
	return output->format ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------------------------------------- */

int na_query_format_find(const char *name, enum na_output_format *ret_format, struct na_buffer *why)
{
	struct na_suggestion suggestion;

	na_suggestion_init(&suggestion, na_text_of(name));
	na_quote_append(why, na_text_of(name));
	na_buffer_append_string(why, " is none of");
	for (enum na_output_format i = 0; na_format_known(i); i++) {
		if (strcmp(na_format_name(i), name) == 0) {
			*ret_format = i;
			return 0;
		}
		na_buffer_printf(why, "%s%s", i ? ", " : " ", na_format_name(i));
		na_suggestion_offer(&suggestion, na_text_of(na_format_name(i)));
	}
	na_suggestion_append(&suggestion, why);
	return na_buffer_error(why) ? -ENOMEM : -EINVAL;
}

struct na_query_output *na_query_output_new(enum na_output_format format, bool colour)
{
	struct na_query_output *output = calloc(1, sizeof(*output));

	if (!output)
		return NULL;
	output->type = format;
	output->line = (struct na_line_options){na_cli_width(), colour};
	if (na_format_heading(format, &output->line, &output->out) == 0)
		return output;
	na_query_output_free(output);
	return NULL;
}

void na_query_output_free(struct na_query_output *output)
{
	if (!output)
		return;
	na_format_free(output->format);
	na_buffer_done(&output->out);
	free(output);
}

int na_query_output_put(struct na_query_output *output, const struct na_event *event,
			const struct na_event *constants, unsigned int version)
{
	int error = 0;

	if (!output->format || output->version != version)
		error = begin(output, constants, version);
	if (!error)
		error = na_format_encode(output->format, event, NULL, &output->out);
	if (error)
		return error;
	na_buffer_append_char(&output->out, '\n');
	if (na_buffer_error(&output->out))
		return -ENOMEM;
	return output->out.length < FLUSH_BYTES ? 0 : na_query_output_flush(output);
}

int na_query_output_flush(struct na_query_output *output)
{
	return na_cli_write(&output->out);
}
