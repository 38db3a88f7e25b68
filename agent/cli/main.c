/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the command and runs it. */
#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/usage.h"
#include "config/suggest.h"

static const struct {
	const char *name;
	na_command *run;
	const char *summary;
} commands[] = {
#define NA_COMMAND(name, summary) {#name, na_cmd_##name, summary},
#include "commands.def"
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

static void print_usage(FILE *stream)
{
	fputs("Usage: netaudit COMMAND [OPTION...]\n\n"
	      "Every network connection of this host, with its process.\n\nCommands:\n",
	      stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n\"netaudit COMMAND --help\" tells more; \"netaudit --version\" the version.\n",
	      stream);
}

static int refuse_word(const char *word)
{
	struct na_suggestion suggestion;
	struct na_buffer text = {0};
	int result;

	na_suggestion_init(&suggestion, na_text_of(word));
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		na_suggestion_offer(&suggestion, na_text_of(commands[i].name));
	na_suggestion_offer(&suggestion, na_text_of("--help"));
	na_suggestion_offer(&suggestion, na_text_of("--version"));
	na_quote_append(&text, na_text_of(word));
	na_suggestion_append(&suggestion, &text);
	result = na_usage_error("", "unknown %s %.*s", *word == '-' ? "option" : "command",
				(int)text.length, text.data);
	na_buffer_done(&text);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

const char *na_command_summary(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].summary;
	return NULL;
}

int na_command_print(const struct na_buffer *data)
{
	if (fwrite(data->data ? data->data : "", 1, data->length, stdout) == data->length &&
	    fflush(stdout) == 0)
		return NA_EXIT_DONE;
	fprintf(stderr, "netaudit: stdout cannot be written: %s\n", strerrordesc_np(errno));
	return NA_EXIT_CANNOT_CREATE;
}

int na_command_out_of_memory(void)
{
	fputs("netaudit: out of memory\n", stderr);
	return NA_EXIT_TRY_AGAIN;
}

int na_command_exit(int error)
{
	switch (error) {
	case -ENOMEM:
	case -EAGAIN:
	case -EBUSY:
	case -EADDRINUSE:
		return NA_EXIT_TRY_AGAIN;
	case -EACCES:
	case -EPERM:
		return NA_EXIT_NOT_PERMITTED;
	default:
		return NA_EXIT_CANNOT_CREATE;
	}
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return NA_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return na_command_print(&(struct na_buffer){0});
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("netaudit " NA_VERSION);
		return na_command_print(&(struct na_buffer){0});
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return refuse_word(argv[1]);
}
