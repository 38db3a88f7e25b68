/* SPDX-License-Identifier: Apache-2.0 */
/* Items of `outputs` as objects: their defaults, their rows, as text. */
#include "config/outputs.h"

#include <errno.h>
#include <stdlib.h>

#include "config/rows.h"
#include "config/text.h"
#include "config/value.h"
#include "output.h"

static int set_defaults(struct na_config_output *output)
{
	struct na_rows rows[NA_OUTPUT_ROWS];
	int error = 0;

	na_config_output_rows(output, rows);
	for (size_t i = 0; i < NA_OUTPUT_ROWS && !error; i++)
		error = na_rows_default(&rows[i]);
	return error;
}

/* Names with dots would have to be groups of keys; no output has any. */
static void print_rows(const struct na_rows *rows, const char *separator, struct na_buffer *out)
{
	for (size_t i = 0; i < rows->count; i++) {
		na_buffer_printf(out, "%s%s: ", separator, rows->options[i].path);
		na_value_print(&rows->options[i], na_rows_member(rows, &rows->options[i]), out);
		separator = ", ";
	}
}

/* ------------------------------------------------------------------------------------------- */

int na_config_output_init(struct na_config_output *output, const struct na_output *type)
{
	size_t count = NA_OUTPUT_OPTION_COUNT + (type ? type->option_count : 0);
	int error = -ENOMEM;

	*output = (struct na_config_output){.type = type};
	output->origins = calloc(count, sizeof(*output->origins));
	if (type)
		output->options = calloc(1, type->options_size + !type->options_size);
	if (output->origins && (output->options || !type))
		error = set_defaults(output);
	if (error)
		na_config_output_done(output);
	return error;
}

void na_config_output_done(struct na_config_output *output)
{
	struct na_rows rows[NA_OUTPUT_ROWS];

	na_config_output_rows(output, rows);
	for (size_t i = 0; i < NA_OUTPUT_ROWS; i++)
		na_rows_done(&rows[i]);
	free(output->options);
	free(output->origins);
	*output = (struct na_config_output){0};
}

void na_config_output_rows(const struct na_config_output *output,
			   struct na_rows ret_rows[NA_OUTPUT_ROWS])
{
	bool whole = output->type && output->options && output->origins;

	ret_rows[0] = (struct na_rows){na_output_options, NA_OUTPUT_OPTION_COUNT,
				       (void *)&output->common, output->origins};
	ret_rows[1] = (struct na_rows){0};
	if (whole)
		ret_rows[1] =
			(struct na_rows){output->type->options, output->type->option_count,
					 output->options, output->origins + NA_OUTPUT_OPTION_COUNT};
}

int na_config_outputs_add(struct na_config_outputs *outputs, struct na_config_output *output)
{
	struct na_config_output *items =
		reallocarray(outputs->items, outputs->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	outputs->items = items;
	items[outputs->count++] = *output;
	*output = (struct na_config_output){0};
	return 0;
}

void na_config_outputs_done(struct na_config_outputs *outputs)
{
	for (size_t i = 0; i < outputs->count; i++)
		na_config_output_done(&outputs->items[i]);
	free(outputs->items);
	*outputs = (struct na_config_outputs){0};
}

const struct na_config_output *na_config_outputs_find(const struct na_config_outputs *outputs,
						      struct na_text name)
{
	for (size_t i = 0; i < outputs->count; i++)
		if (na_text_equal(outputs->items[i].common.name, name))
			return &outputs->items[i];
	return NULL;
}

bool na_config_output_equal(const struct na_config_output *a, const struct na_config_output *b)
{
	struct na_rows one[NA_OUTPUT_ROWS], other[NA_OUTPUT_ROWS];

	if (a->type != b->type)
		return false;
	na_config_output_rows(a, one);
	na_config_output_rows(b, other);
	for (size_t i = 0; i < NA_OUTPUT_ROWS; i++)
		for (size_t row = 0; row < one[i].count; row++) {
			const struct na_option *option = &one[i].options[row];

			if (!na_value_equal(option, na_rows_member(&one[i], option),
					    na_rows_member(&other[i], option)))
				return false;
		}
	return true;
}

bool na_config_outputs_equal(const struct na_config_outputs *a, const struct na_config_outputs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!na_config_output_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

void na_config_output_print(const struct na_config_output *output, struct na_buffer *out)
{
	struct na_rows rows[NA_OUTPUT_ROWS];

	na_config_output_rows(output, rows);
	na_buffer_append_char(out, '{');
	print_rows(&rows[0], "", out);
	print_rows(&rows[1], ", ", out);
	na_buffer_append_char(out, '}');
}

void na_config_outputs_print(const struct na_config_outputs *outputs, struct na_buffer *out)
{
	na_buffer_append_char(out, '[');
	for (size_t i = 0; i < outputs->count; i++) {
		na_buffer_append_string(out, i ? ", " : "");
		na_config_output_print(&outputs->items[i], out);
	}
	na_buffer_append_char(out, ']');
}
