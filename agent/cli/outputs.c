/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs that this program has: the one place that names them. */
#include "cli/outputs.h"

#include <errno.h>

#include "config/config.h"
#include "file/file.h"
#include "http/http.h"
#include "kafka/kafka.h"
#include "pipeline/shipper.h"
#include "stdout/stdout.h"
#include "syslog/syslog.h"

const struct na_output *const na_cli_output_types[] = {
	&na_output_stdout, &na_output_file,   &na_output_http,
	&na_output_kafka,  &na_output_syslog, NULL,
};

struct taken_endpoints {
	struct na_shipper shipper;
	int error;
};

static void take_endpoint(void *context, struct na_text host, uint16_t port)
{
	struct taken_endpoints *taken = context;

	if (!taken->error)
		taken->error = na_shipper_add(&taken->shipper, host, port);
}

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

int na_cli_set_endpoints(const struct na_config *config, struct na_shipper *shipper)
{
	struct taken_endpoints taken = {0};

	for (size_t i = 0; i < config->outputs.count; i++) {
		const struct na_config_output *output = &config->outputs.items[i];

		if (output->type->endpoints)
			output->type->endpoints(output->options, take_endpoint, &taken);
	}
	if (taken.error) {
		na_shipper_clear(&taken.shipper);
		return taken.error;
	}
	na_shipper_clear(shipper);
	shipper->endpoints = taken.shipper.endpoints;
	shipper->count = taken.shipper.count;
	return 0;
}
