/* SPDX-License-Identifier: Apache-2.0 */
/* Output `stdout`: a line for each record to the standard output. SIGPIPE must be ignored. */
#ifndef NA_OUTPUT_STDOUT_H
#define NA_OUTPUT_STDOUT_H

#include "output.h"

extern const struct na_output na_output_stdout;

#endif
