/* SPDX-License-Identifier: Apache-2.0 */
/* The outputs that this program has. */
#ifndef NA_CLI_OUTPUTS_H
#define NA_CLI_OUTPUTS_H

#include <stdint.h>

#include "output.h"

struct na_config;
struct na_shipper;

/* With a NULL behind. */
extern const struct na_output *const na_cli_output_types[];

/*
 * How often capture tells of open connections: the shortest interval of a view `connections`; 0:
 * none wants it. Any thread.
 */
uint64_t na_cli_connection_interval(const struct na_config *config);

/* Where the shipping process connects to, in the place of what is there. 0 or -ENOMEM: as it was.
 */
int na_cli_set_endpoints(const struct na_config *config, struct na_shipper *shipper);

#endif
