/* SPDX-License-Identifier: Apache-2.0 */
/* The report of `netaudit check --kernel`. Main thread. */
#ifndef NA_CLI_CHECK_KERNEL_H
#define NA_CLI_CHECK_KERNEL_H

#include "config/config.h"

/*
 * Prints to stdout, in ten lines, what will work on this host and why not the rest. `btf`: a file
 * or tree instead of the kernel's own, or NULL. An enum na_exit: NA_EXIT_DONE when capture could
 * run, NA_EXIT_NOT_PERMITTED when capabilities are missing, else NA_EXIT_UNAVAILABLE.
 */
int na_cli_check_kernel(const struct na_config *config, const char *btf);

#endif
