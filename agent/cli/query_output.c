/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a journal to stdout. */
#include "cli/query_output.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "config/suggest.h"
#include "format/ecs.h"
#include "format/flat.h"
#include "format/line.h"

#define FLUSH_BYTES 65536

struct na_query_output {
	enum na_query_format format;
	bool begun; /* encoders of JSON are made, with the constants of `version` */
	unsigned int version;
	struct na_ecs *ecs;
	struct na_flat *flat;
	struct na_line *line;
	struct na_buffer out;
};

static const char *const names[NA_QUERY_FORMAT_COUNT] = {
	[NA_QUERY_ECS] = "ecs",
	[NA_QUERY_FLAT] = "flat",
	[NA_QUERY_LINE] = "line",
};

static unsigned int terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Constants are of a segment: an encoder has rendered those of one. */
static int begin(struct na_query_output *output, const struct na_event *constants,
		 unsigned int version)
{
	output->begun = false;
	na_ecs_free(output->ecs);
	na_flat_free(output->flat);
	output->ecs = NULL;
	output->flat = NULL;
	if (output->format == NA_QUERY_ECS)
		output->ecs = na_ecs_new(constants);
	else
		output->flat = na_flat_new(constants);
	if (!output->ecs && !output->flat)
		return -ENOMEM;
	output->version = version;
	output->begun = true;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int na_query_format_find(const char *name, enum na_query_format *ret_format, struct na_buffer *why)
{
	struct na_suggestion suggestion;

	na_suggestion_init(&suggestion, na_text_of(name));
	na_quote_append(why, na_text_of(name));
	na_buffer_append_string(why, " is none of");
	for (int i = 0; i < NA_QUERY_FORMAT_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_format = (enum na_query_format)i;
			return 0;
		}
		na_buffer_printf(why, "%s%s", i ? ", " : " ", names[i]);
		na_suggestion_offer(&suggestion, na_text_of(names[i]));
	}
	na_suggestion_append(&suggestion, why);
	return na_buffer_error(why) ? -ENOMEM : -EINVAL;
}

struct na_query_output *na_query_output_new(enum na_query_format format, bool colour)
{
	struct na_line_options options = {terminal_width(), colour};
	struct na_query_output *output = calloc(1, sizeof(*output));

	if (!output)
		return NULL;
	output->format = format;
	if (format != NA_QUERY_LINE)
		return output;
	output->line = na_line_new(&options);
	if (output->line && na_line_heading(output->line, &output->out) == 0)
		return output;
	na_query_output_free(output);
	return NULL;
}

void na_query_output_free(struct na_query_output *output)
{
	if (!output)
		return;
	na_ecs_free(output->ecs);
	na_flat_free(output->flat);
	na_line_free(output->line);
	na_buffer_done(&output->out);
	free(output);
}

int na_query_output_put(struct na_query_output *output, const struct na_event *event,
			const struct na_event *constants, unsigned int version)
{
	int error = 0;

	if (!output->line && (!output->begun || output->version != version))
		error = begin(output, constants, version);
	if (error < 0)
		return error;
	if (output->line)
		error = na_line_encode(output->line, event, &output->out);
	else if (output->ecs)
		error = na_ecs_encode(output->ecs, event, &output->out);
	else
		error = na_flat_encode(output->flat, event, &output->out);
	if (error || output->out.length < FLUSH_BYTES)
		return error;
	return na_query_output_flush(output);
}

int na_query_output_flush(struct na_query_output *output)
{
	size_t written = 0;
	int error = 0;

	while (!error && written < output->out.length) {
		ssize_t count = write(STDOUT_FILENO, output->out.data + written,
				      output->out.length - written);

		if (count >= 0)
			written += (size_t)count;
		else if (errno != EINTR)
			error = -errno;
	}
	na_buffer_clear(&output->out);
	return error;
}
