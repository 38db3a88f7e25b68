/* SPDX-License-Identifier: Apache-2.0 */
/* A row for each format. */
#include "ship/format.h"

#include <errno.h>
#include <stdlib.h>

#include "format/ecs.h"
#include "format/flat.h"

struct row {
	const char *name;
	void *(*make)(const struct na_event *constants, const struct na_line_options *line);
	void (*free)(void *encoder);
	int (*encode)(void *encoder, const struct na_event *event,
		      const struct na_event_parts *parts, struct na_buffer *out);
};

struct na_format {
	const struct row *row;
	void *encoder;
};

/* A row's functions for a format whose own are called na_<name>_…, with what encodes an event. */
#define ADAPT(name, call)                                                                          \
	static void free_##name(void *encoder)                                                     \
	{                                                                                          \
		na_##name##_free(encoder);                                                         \
	}                                                                                          \
	static int encode_##name(void *encoder, const struct na_event *event,                      \
				 const struct na_event_parts *parts, struct na_buffer *out)        \
	{                                                                                          \
		(void)parts;                                                                       \
		return call;                                                                       \
	}

#define ROW(name)                                                                                  \
	{                                                                                          \
#name, make_##name, free_##name, encode_##name                                     \
	}

static void *make_ecs(const struct na_event *constants, const struct na_line_options *line)
{
	(void)line;
	return na_ecs_new(constants);
}

static void *make_flat(const struct na_event *constants, const struct na_line_options *line)
{
	(void)line;
	return na_flat_new(constants);
}

static void *make_line(const struct na_event *constants, const struct na_line_options *line)
{
	(void)constants; /* a person knows the host */
	return na_line_new(line);
}

ADAPT(ecs, na_ecs_encode_parts(encoder, event, parts, out))
ADAPT(flat, na_flat_encode_parts(encoder, event, parts, out))
ADAPT(line, na_line_encode(encoder, event, out))

static const struct row rows[] = {
	[NA_OUTPUT_ECS] = ROW(ecs),
	[NA_OUTPUT_FLAT] = ROW(flat),
	[NA_OUTPUT_LINE] = ROW(line),
};

/* ------------------------------------------------------------------------------------------- */

bool na_format_known(enum na_output_format format)
{
	return format < sizeof(rows) / sizeof(*rows) && rows[format].make;
}

const char *na_format_name(enum na_output_format format)
{
	return rows[format].name;
}

struct na_format *na_format_new(enum na_output_format format, const struct na_event *constants,
				const struct na_line_options *line)
{
	struct na_format *made = malloc(sizeof(*made));

	if (!made)
		return NULL;
	made->row = &rows[format];
	made->encoder = made->row->make(constants, line);
	if (made->encoder)
		return made;
	free(made);
	return NULL;
}

int na_format_heading(enum na_output_format format, const struct na_line_options *options,
		      struct na_buffer *out)
{
	struct na_line *line;
	int error;

	if (format != NA_OUTPUT_LINE)
		return 0;
	line = na_line_new(options);
	error = line ? na_line_heading(line, out) : -ENOMEM;
	na_line_free(line);
	return error;
}

void na_format_free(struct na_format *format)
{
	if (!format)
		return;
	format->row->free(format->encoder);
	free(format);
}

int na_format_encode(struct na_format *format, const struct na_event *event,
		     const struct na_event_parts *parts, struct na_buffer *out)
{
	int error = format->row->encode(format->encoder, event, parts, out);

	if (!error)
		out->length--; /* the newline */
	return error;
}
