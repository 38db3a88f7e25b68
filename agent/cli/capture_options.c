/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to what agent/capture wants. */
#include "cli/capture_options.h"

#include <errno.h>

#include "cli/outputs.h"
#include "config/hooks.h"

_Static_assert((int)NA_TIER_AUTO == (int)NA_CONFIG_ATTACH_AUTO, "capture.attach");
_Static_assert((int)NA_TIER_CGROUP == (int)NA_CONFIG_ATTACH_CGROUP, "capture.attach");
_Static_assert((int)NA_TIER_FEXIT == (int)NA_CONFIG_ATTACH_FEXIT, "capture.attach");
_Static_assert((int)NA_TIER_LSM == (int)NA_CONFIG_ATTACH_LSM, "capture.attach");
_Static_assert((int)NA_TIER_KPROBE == (int)NA_CONFIG_ATTACH_KPROBE, "capture.attach");

int na_cli_capture_options(const struct na_config *config, bool *taken,
			   struct na_capture_options *ret_options, struct na_rules **ret_rules)
{
	struct na_rules *rules = NULL;
	int error = na_rules_new(config->capture_exclude.filters, config->capture_exclude.count,
				 taken, &rules);

	if (error < 0)
		return error;
	*ret_options = (struct na_capture_options){
		.attach = (enum na_tier)config->capture_attach,
		.families = na_config_families(config),
		.rings = (uint32_t)config->capture_rings,
		.ring_bytes = config->capture_ring_size,
		.flow_interval_ns = config->capture_flow_interval,
		.rules = rules,
		.seccomp = config->capture_seccomp,
		.snapshot = config->capture_snapshot || na_cli_connection_interval(config),
	};
	na_config_hooks(config, ret_options->hooks);
	*ret_rules = rules;
	return 0;
}

enum na_exit na_cli_capture_exit(int error)
{
	switch (error) {
	case 0:
		return NA_EXIT_DONE;
	case -EPERM:
	case -EACCES:
		return NA_EXIT_NOT_PERMITTED;
	case -ENOMEM:
		return NA_EXIT_TRY_AGAIN;
	default:
		return NA_EXIT_UNAVAILABLE;
	}
}
