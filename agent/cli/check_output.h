/* SPDX-License-Identifier: Apache-2.0 */
/* The options of outputs, checked where a mistake in a library costs nothing. Any thread. */
#ifndef NA_CHECK_OUTPUT_H
#define NA_CHECK_OUTPUT_H

#include "config/config.h"

/* A na_config_check_output: in a process of its own that is nobody and has no rights. */
na_config_check_output na_cli_check_output;

#endif
