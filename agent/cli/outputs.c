/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs that this program has: the one place that names them. */
#include "cli/outputs.h"

const struct na_output *const na_cli_output_types[] = {NULL};
