/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `netaudit journal`; argv[0] is their name. Main thread. */
#ifndef NA_JOURNAL_COMMANDS_H
#define NA_JOURNAL_COMMANDS_H

#include "cli/command.h"

na_command na_journal_inspect, na_journal_verify, na_journal_export;

/* A folder that cannot be listed: says why, returns the exit code. */
int na_journal_refuse(const char *command, const char *path, int error);

#endif
