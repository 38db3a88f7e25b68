/* SPDX-License-Identifier: Apache-2.0 */
/* Events to stdout. */
#include "cli/print.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "cli/stdout.h"
#include "config/filter.h"
#include "format/ecs.h"
#include "format/line.h"

#define FLUSH_BYTES 65536

struct na_print {
	struct na_sink sink; /* first, for the cast */
	struct na_print_options options;
	struct na_ecs *ecs; /* or */
	struct na_line *line;
	struct na_buffer out;
	int error;
};

static unsigned int width_of(const struct na_print_options *options)
{
	return options->width ? options->width : na_cli_width();
}

static int put(struct na_sink *sink, const struct na_event *event)
{
	struct na_print *print = (struct na_print *)sink;
	int error;

	if (print->options.filter && !na_filter_match(print->options.filter, event))
		return 0;
	error = print->ecs ? na_ecs_encode(print->ecs, event, &print->out)
			   : na_line_encode(print->line, event, &print->out);
	if (error || print->out.length < FLUSH_BYTES)
		return error;
	return na_print_flush(print);
}

static int make_encoder(struct na_print *print)
{
	struct na_line_options line = {width_of(&print->options), print->options.colour};

	if (print->options.json) {
		print->ecs = na_ecs_new(print->options.constants);
		return print->ecs ? 0 : -ENOMEM;
	}
	print->line = na_line_new(&line);
	return print->line ? na_line_heading(print->line, &print->out) : -ENOMEM;
}

/* ------------------------------------------------------------------------------------------- */

struct na_print *na_print_new(const struct na_print_options *options)
{
	struct na_print *print = calloc(1, sizeof(*print));

	if (!print)
		return NULL;
	print->sink.put = put;
	print->options = *options;
	if (make_encoder(print) == 0)
		return print;
	na_print_free(print);
	return NULL;
}

void na_print_free(struct na_print *print)
{
	if (!print)
		return;
	na_ecs_free(print->ecs);
	na_line_free(print->line);
	na_buffer_done(&print->out);
	free(print);
}

struct na_sink *na_print_sink(struct na_print *print)
{
	return &print->sink;
}

int na_print_flush(struct na_print *print)
{
	if (!print->error)
		print->error = na_cli_write(&print->out);
	na_buffer_clear(&print->out);
	return print->error;
}

void na_print_resize(struct na_print *print)
{
	if (print->line)
		na_line_resize(print->line, width_of(&print->options));
}
