/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of the program share: exit codes, and their run functions. */
#ifndef NA_COMMAND_H
#define NA_COMMAND_H

#include "base/buffer.h"

/* The numbers of sysexits.h; users' scripts depend on them. */
enum na_exit {
	NA_EXIT_DONE = 0,
	NA_EXIT_USAGE = 64,
	NA_EXIT_DATA = 65,          /* bad data */
	NA_EXIT_UNAVAILABLE = 69,   /* the kernel cannot */
	NA_EXIT_CANNOT_CREATE = 73, /* a file or folder cannot be made or written */
	NA_EXIT_TRY_AGAIN = 75,     /* for now: out of memory, another instance */
	NA_EXIT_NOT_PERMITTED = 77,
	NA_EXIT_CONFIG = 78 /* bad configuration */
};

/* argv[0] is the command's name. Returns an enum na_exit. */
typedef int na_command(int argc, char **argv);

#define NA_COMMAND(name, summary) na_command na_cmd_##name;
#include "commands.def"

/* NULL: no such command. */
const char *na_command_summary(const char *name);

/* Data to stdout, flushed. NA_EXIT_DONE, or says why not and returns another code. */
int na_command_print(const struct na_buffer *data);

/* Says that there is no memory. NA_EXIT_TRY_AGAIN. */
int na_command_out_of_memory(void);

/* For a negative errno of making something; what went wrong was said. An enum na_exit. */
int na_command_exit(int error);

#endif
