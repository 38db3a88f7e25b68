/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs that this program has: the one place that names them. */
#include "cli/outputs.h"

#include "config/config.h"
#include "file/file.h"
#include "stdout/stdout.h"

const struct na_output *const na_cli_output_types[] = {&na_output_stdout, &na_output_file, NULL};

/* ------------------------------------------------------------------------------------------- */

uint64_t na_cli_connection_interval(const struct na_config *config)
{
	uint64_t shortest_ns = 0;

	for (size_t i = 0; i < config->outputs.count; i++) {
		const struct na_output_common *common = &config->outputs.items[i].common;

		if (common->view == NA_OUTPUT_CONNECTIONS &&
		    (!shortest_ns || common->interval < shortest_ns))
			shortest_ns = common->interval;
	}
	return shortest_ns;
}
