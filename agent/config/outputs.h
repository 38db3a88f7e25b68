/* SPDX-License-Identifier: Apache-2.0 */
/* Items of `outputs` as objects: their defaults, their rows, as text. Any thread. */
#ifndef NA_CONFIG_OUTPUTS_H
#define NA_CONFIG_OUTPUTS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "config/config.h"
#include "config/option.h"

/* The rows of output_options.def, and those of the type. */
#define NA_OUTPUT_ROWS 2

/*
 * An output of `type` with all defaults; NULL: its type is not known, so it has the common rows
 * alone. -ENOMEM.
 */
int na_config_output_init(struct na_config_output *output, const struct na_output *type);

/* Frees what it owns; half-made ones too. */
void na_config_output_done(struct na_config_output *output);

void na_config_output_rows(const struct na_config_output *output,
			   struct na_rows ret_rows[NA_OUTPUT_ROWS]);

/* Moves `output` to the end. -ENOMEM: it is still the caller's. */
int na_config_outputs_add(struct na_config_outputs *outputs, struct na_config_output *output);
void na_config_outputs_done(struct na_config_outputs *outputs);

/* NULL: there is none. */
const struct na_config_output *na_config_outputs_find(const struct na_config_outputs *outputs,
						      struct na_text name);

/* Do they say the same? If so, a reload has no reason to start it anew. */
bool na_config_output_equal(const struct na_config_output *a, const struct na_config_output *b);
bool na_config_outputs_equal(const struct na_config_outputs *a, const struct na_config_outputs *b);

/* {name: "x", …} in one line. */
void na_config_output_print(const struct na_config_output *output, struct na_buffer *out);
void na_config_outputs_print(const struct na_config_outputs *outputs, struct na_buffer *out);

#endif
