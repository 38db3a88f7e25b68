/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to what agent/capture wants. Main thread. */
#ifndef NA_CLI_CAPTURE_OPTIONS_H
#define NA_CLI_CAPTURE_OPTIONS_H

#include "capture/capture.h"
#include "capture/rules.h"
#include "cli/command.h"
#include "config/config.h"

/*
 * Fills the options from `config`, which must outlive them and the rules. *ret_rules is the
 * caller's (na_rules_free) and must outlive the capture; `taken[i]` says whether the kernel applies
 * config->capture_exclude.filters[i], its size is that of the list. -ENOMEM.
 */
int na_cli_capture_options(const struct na_config *config, bool *taken,
			   struct na_capture_options *ret_options, struct na_rules **ret_rules);

/* The exit code for what na_capture_open returned. */
enum na_exit na_cli_capture_exit(int error);

#endif
