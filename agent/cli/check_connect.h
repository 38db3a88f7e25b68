/* SPDX-License-Identifier: Apache-2.0 */
/* `check --connect`: each output is tried for real. Main thread. */
#ifndef NA_CHECK_CONNECT_H
#define NA_CHECK_CONNECT_H

struct na_config;

/*
 * Sends one test event to each output, as the shipping process would: its user, its sandbox. A line
 * on stdout says what became of each. An enum na_exit: UNAVAILABLE when one was not delivered.
 */
int na_cli_check_connect(const struct na_config *config);

#endif
