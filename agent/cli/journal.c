/* SPDX-License-Identifier: Apache-2.0 */
/* `netaudit journal`: finds its subcommand. */
#include <errno.h>
#include <stdio.h>

#include "cli/journal_commands.h"
#include "cli/usage.h"
#include "config/suggest.h"

static const struct {
	const char *name;
	na_command *run;
	const char *summary;
} subcommands[] = {
	{"inspect", na_journal_inspect, "what is in it: segments, state and cursors"},
	{"verify", na_journal_verify, "check every byte; exit status 65 when something is wrong"},
	{"export", na_journal_export, "its events to stdout"},
};

#define COUNT (sizeof(subcommands) / sizeof(*subcommands))

static void print_usage(FILE *stream)
{
	fprintf(stream,
		"Usage: netaudit journal SUBCOMMAND DIR [OPTION...]\n\n%s\n\nSubcommands:\n",
		na_command_summary("journal"));
	for (size_t i = 0; i < COUNT; i++)
		fprintf(stream, "  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
	fputs("\n\"netaudit journal SUBCOMMAND --help\" tells more.\n", stream);
}

static int refuse_word(const char *word)
{
	struct na_suggestion suggestion;
	struct na_buffer text = {0};
	int result;

	na_suggestion_init(&suggestion, na_text_of(word));
	for (size_t i = 0; i < COUNT; i++)
		na_suggestion_offer(&suggestion, na_text_of(subcommands[i].name));
	na_quote_append(&text, na_text_of(word));
	na_suggestion_append(&suggestion, &text);
	result = na_usage_error("journal", "unknown subcommand %.*s", (int)text.length, text.data);
	na_buffer_done(&text);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

int na_journal_refuse(const char *command, const char *path, int error)
{
	if (error == -ENOMEM)
		return na_command_out_of_memory();
	fprintf(stderr, "netaudit %s: %s: %s\n", command, path, strerrordesc_np(-error));
	return error == -EACCES || error == -EPERM ? NA_EXIT_NOT_PERMITTED : NA_EXIT_DATA;
}

int na_cmd_journal(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return NA_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return na_command_print(&(struct na_buffer){0});
	}
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	return refuse_word(argv[1]);
}
