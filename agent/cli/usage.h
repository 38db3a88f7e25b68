/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command as a table, which is parsed and printed as --help. Main thread. */
#ifndef NA_USAGE_H
#define NA_USAGE_H

#include <stdbool.h>
#include <stddef.h>

/* An option that may be repeated is given at most so many times; more is bad usage. */
#define NA_USAGE_LIST_MAX 64

struct na_usage_list {
	const char *items[NA_USAGE_LIST_MAX];
	size_t count;
};

enum na_usage_type {
	NA_USAGE_FLAG, /* bool */
	NA_USAGE_TEXT, /* const char *, the last one given */
	NA_USAGE_LIST  /* struct na_usage_list */
};

struct na_usage_option {
	const char *name; /* without -- */
	char letter;      /* or 0 */
	enum na_usage_type type;
	const char *argument; /* what --help calls it; NULL for flags */
	size_t offset;        /* of the member in the command's struct of options */
	const char *help;
};

struct na_usage {
	const char *command;
	const char *summary;                   /* NULL: the one of commands.def */
	const char *operands;                  /* "[FILTER...]"; NULL: there are none */
	const struct na_usage_option *options; /* --help is added */
	size_t option_count;                   /* at most 30 */
	const char *details;                   /* printed after the options; or NULL */
};

/*
 * Fills the struct `options`, zeroed by the caller; what it then points to is argv's. True: go on,
 * operands are argv[*ret_first] and behind. False: return *ret_exit; --help was printed, or what is
 * wrong.
 */
bool na_usage_parse(const struct na_usage *usage, int argc, char **argv, void *options,
		    int *ret_first, int *ret_exit);

/*
 * For what a command finds itself: prints `netaudit COMMAND: message` and a pointer to --help to
 * stderr. NA_EXIT_USAGE.
 */
int na_usage_error(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
